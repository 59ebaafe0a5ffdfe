"""An HTTP proxy on loopback in front of an S3 server, which does wrong what a policy says."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import http.client
import random
import re
import select
import socket
import struct
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import IO, TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from tests.servers.fault import LIST, Call, Fault, Kind, Policy
from tests.servers.s3 import BUCKET, S3Server

if TYPE_CHECKING:
    from obstore.store import S3Store

__all__ = ["FaultyProxy", "objects_of", "overwrite", "running_proxy"]

_HOST: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16
_KEPT: Final = 1 << 20
"""Bytes of a body that may be shown under another name later."""

_CONNECTION: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
"""Headers that are about one connection."""

_REFUSALS: Final[Mapping[Kind, tuple[int, str]]] = {
    Kind.ERROR: (500, "InternalError"),
    Kind.SLOW_DOWN: (503, "SlowDown"),
    Kind.FORBIDDEN: (403, "AccessDenied"),
    Kind.FULL: (507, "InsufficientStorage"),
    Kind.LOST: (404, "NoSuchKey"),
}

_NOTHING_LISTED: Final = re.compile(rb"<(Contents|CommonPrefixes)>.*?</\1>", re.DOTALL)
_LISTED_TIME: Final = re.compile(rb"<LastModified>([^<]*)</LastModified>")


class _Source(Protocol):
    """Where the bytes of a request come from."""

    def read(self, size: int, /) -> bytes: ...


class _Broken(Exception):  # noqa: N818  (no error: it is what was asked for)
    """The connection to the client is to be broken off."""


class FaultyProxy:
    """A proxy, and its policy.

    :param upstream: URL of the server behind it.
    :param overwrite: writes an object as the server's owner; for what ignores conditions.
    :param seed: of what is drawn.
    """

    def __init__(
        self,
        upstream: str,
        overwrite: Callable[[str, bytes], object] | None = None,
        seed: int = 0,
    ) -> None:
        parts = urlsplit(upstream)
        self.upstream = (parts.hostname or _HOST, parts.port or 80)
        self.overwrite = overwrite
        self.policy = Policy(seed)
        self.closing = threading.Event()
        self.kept: dict[str, dict[str, bytes]] = {}
        """Bodies that went by, by folder and name."""
        self.late: list[threading.Thread] = []
        self._port = 0
        self._server: _Server | None = None

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://{_HOST}:{self._port}"

    def inject(self, *faults: Fault | Kind) -> None:
        """Have these faults from now on, and no others."""
        self.policy.inject(*faults)

    def up(self) -> None:
        """Take connections, on the port of before if there was one."""
        self.closing.clear()
        self._server = _Server((_HOST, self._port), self)
        self._port = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        ).start()

    def down(self) -> None:
        """Refuse connections, and break off those that there are."""
        self.closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for thread in self.late:
            thread.join()
        self.late.clear()

    def keep(self, call: Call, body: bytes) -> None:
        """Remember the bytes of an object."""
        self.kept.setdefault(call.folder, {})[call.name] = body

    def other(self, call: Call) -> bytes | None:
        """Return the bytes of another object of its folder; None if none went by."""
        others = sorted(self.kept.get(call.folder, {}).items())
        bodies = [body for name, body in others if name != call.name]
        return random.Random(call.name).choice(bodies) if bodies else None


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], proxy: FaultyProxy) -> None:
        super().__init__(address, _Request)
        self.proxy = proxy
        self._open: set[socket.socket] = set()

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for one in tuple(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are what the proxy is for."""


class _Request(BaseHTTPRequestHandler):
    """A connection of a client, and one to the server for it."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = _CHUNK

    _behind: http.client.HTTPConnection | None = None

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def finish(self) -> None:
        if self._behind is not None:
            self._behind.close()
        with contextlib.suppress(OSError):
            super().finish()

    def handle_call(self) -> None:
        """Serve one request, well or not."""
        call = Call.of(self.command, self.path)
        self._left = int(self.headers.get("Content-Length") or 0)
        found = self.server.proxy.policy.choose(call)
        try:
            if found is None:
                self._forward(call)
            else:
                self._misbehave(call, *found)
            self.wfile.flush()
        except (_Broken, OSError, http.client.HTTPException):
            self._break_off()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_call  # noqa: N815

    # What goes wrong ----------------------------------------------------------------------

    def _misbehave(self, call: Call, fault: Fault, kind: Kind) -> None:
        if kind is Kind.LOST and call.method == LIST:
            self._forward(call, lambda body: _NOTHING_LISTED.sub(b"", body))
        elif kind in _REFUSALS:
            self._refuse(*_REFUSALS[kind])
        elif kind is Kind.REDIRECT:
            self._drain()
            self._answer(307, {"Location": f"{self.server.proxy.endpoint}{self.path}"}, b"")
        elif kind is Kind.DELAY:
            self.server.proxy.closing.wait(fault.seconds)
            self._forward(call)
        elif kind in (Kind.RESET, Kind.HANG):
            self._drain(self._left // 2 if kind is Kind.RESET else self._left)
            if kind is Kind.HANG:
                self._wait()
            raise _Broken
        elif kind is Kind.CLOCK:
            self._forward(call, lambda body: _late_list(body, fault.seconds), shift=fault.seconds)
        elif kind in (Kind.CUT, Kind.STALL):
            self._forward(call, breaks=kind)
        elif call.method in ("GET", LIST):
            self._forward(call, lambda body: self._spoilt(call, kind, body))
        else:
            self._write_wrongly(call, fault, kind)

    def _spoilt(self, call: Call, kind: Kind, body: bytes) -> bytes:
        if kind is Kind.TRUNCATED:
            return body[: len(body) // 2]
        if kind is Kind.SWAPPED:
            other = self.server.proxy.other(call)
            return body if other is None else other
        if not body:
            return body
        at = random.Random(call.name).randrange(8 * len(body))
        changed = bytearray(body)
        changed[at // 8] ^= 1 << at % 8
        return bytes(changed)

    def _write_wrongly(self, call: Call, fault: Fault, kind: Kind) -> None:
        if kind is Kind.UNWRITTEN:
            self._drain()
            done = b"<CompleteMultipartUploadResult><ETag>&quot;0&quot;</ETag>"
            done += b"</CompleteMultipartUploadResult>"
            if "uploads" in call.query.split("&") or "delete" in call.query.split("&"):
                self._refuse(500, "InternalError")  # it has to name what is to come
            else:
                is_end = call.method == "POST"
                status = 204 if call.method == "DELETE" else 200
                self._answer(status, {"ETag": '"0"'}, done if is_end else b"")
            return
        with tempfile.SpooledTemporaryFile(8 << 20) as spool:
            self._drain(into=spool)
            self._left = spool.tell()
            spool.seek(0)
            if kind is Kind.CREATE_IGNORED:
                if self.headers.get("If-None-Match"):
                    self._write_over(call, spool.read())
                else:
                    self._forward(call, source=spool)
                return
            body = spool.read() if kind is Kind.LATE else b""
            spool.seek(0)
            if kind is Kind.TWICE:
                self._ask(spool).read()
                spool.seek(0)
            self._forward(call, source=spool)
            if kind is Kind.LATE:
                self._send_late(body, fault.seconds)

    def _write_over(self, call: Call, body: bytes) -> None:
        """Write an object, though it may be there and somebody asked for a new one."""
        overwrite = self.server.proxy.overwrite
        assert overwrite is not None, "the proxy was not told how to write itself"
        overwrite(call.name, body)
        self._answer(200, {"ETag": '"0"'}, b"")

    def _send_late(self, body: bytes, seconds: float) -> None:
        """Send a request once more after a while; its signature is good for minutes."""
        command, path, headers = self.command, self.path, self.headers.items()
        proxy = self.server.proxy

        def send() -> None:
            proxy.closing.wait(seconds)
            behind = http.client.HTTPConnection(*proxy.upstream, timeout=30)
            with contextlib.suppress(OSError, http.client.HTTPException):
                _put_request(behind, command, path, headers)
                behind.send(body)
                behind.getresponse().read()
            behind.close()

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        proxy.late.append(thread)

    # What goes through --------------------------------------------------------------------

    def _forward(
        self,
        call: Call,
        change: Callable[[bytes], bytes] | None = None,
        *,
        source: _Source | None = None,
        breaks: Kind | None = None,
        shift: float = 0,
    ) -> None:
        """Have the server answer.

        :param change: of the bytes of the answer.
        :param source: of the bytes of the request, if they have been read already.
        :param breaks: how the answer ends in its midst.
        :param shift: seconds by which the server's clock is wrong.
        """
        response = self._ask(source or self.rfile)
        headers = {
            name: _shifted(value, shift) if name in ("Date", "Last-Modified") else value
            for name, value in response.getheaders()
            if name.lower() not in _CONNECTION
        }
        length = response.getheader("Content-Length")
        if self.command == "HEAD" or response.status in (204, 304):
            response.read()
            self._begin(response.status, headers, length)
            return
        is_object = call.method == "GET" and response.status == 200
        if length is None or change is not None or (is_object and int(length) <= _KEPT):
            body = response.read()
            if is_object and len(body) <= _KEPT:
                self.server.proxy.keep(call, body)
            if change is not None and response.status == 200:
                body = change(body)
            self._begin(response.status, headers, str(len(body)))
            self._copy(iter([body[: len(body) // 2], body[len(body) // 2 :]]), len(body), breaks)
            return
        self._begin(response.status, headers, length)
        self._copy(iter(lambda: response.read(_CHUNK), b""), int(length), breaks)

    def _ask(self, source: _Source) -> http.client.HTTPResponse:
        if self._behind is None:
            self._behind = http.client.HTTPConnection(*self.server.proxy.upstream, timeout=120)
        _put_request(self._behind, self.command, self.path, self.headers.items())
        left = self._left
        while left:
            part = source.read(min(left, _CHUNK))
            if not part:
                raise _Broken
            self._behind.send(part)
            left -= len(part)
        return self._behind.getresponse()

    def _copy(self, parts: Iterator[bytes], size: int, breaks: Kind | None) -> None:
        sent = 0
        for part in parts:
            if breaks is not None and sent + len(part) >= size // 2:
                self.wfile.write(part[: max(0, size // 2 - sent)])
                self.wfile.flush()
                if breaks is Kind.STALL:
                    self._wait()
                raise _Broken
            self.wfile.write(part)
            sent += len(part)

    def _begin(self, status: int, headers: Mapping[str, str], length: str | None) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self._begin(status, headers, None if status == 204 else str(len(body)))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._drain()
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>"
        self._answer(status, {"Content-Type": "application/xml"}, text.encode())

    # The connection -----------------------------------------------------------------------

    def _drain(self, size: int | None = None, into: IO[bytes] | None = None) -> None:
        """Read the bytes of a request, or some of them."""
        left = self._left if size is None else size
        self._left -= left
        while left and (part := self.rfile.read(min(left, _CHUNK))):
            left -= len(part)
            if into is not None:
                into.write(part)

    def _wait(self) -> None:
        """Wait until the client has gone, or the proxy ends."""
        while not self.server.proxy.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.05)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _break_off(self) -> None:
        """End the connection as if the other machine had gone."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            now = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)


def _put_request(
    behind: http.client.HTTPConnection, command: str, path: str, headers: object
) -> None:
    """Send the head of a request as it came, Host and all: it is signed."""
    behind.putrequest(command, path, skip_host=True, skip_accept_encoding=True)
    assert isinstance(headers, list)
    for name, value in headers:
        if name.lower() not in ("connection", "keep-alive", "expect"):
            behind.putheader(name, value)
    behind.endheaders()


def _shifted(value: str, seconds: float) -> str:
    if not seconds:
        return value
    moment = email.utils.parsedate_to_datetime(value) + dt.timedelta(seconds=seconds)
    return email.utils.format_datetime(moment, usegmt=True)


def _late_list(body: bytes, seconds: float) -> bytes:
    def late(found: re.Match[bytes]) -> bytes:
        text = found[1].decode().replace("Z", "+00:00")
        moment = dt.datetime.fromisoformat(text) + dt.timedelta(seconds=seconds)
        told = moment.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"<LastModified>{told}</LastModified>".encode()

    return _LISTED_TIME.sub(late, body)


@contextmanager
def running_proxy(
    upstream: str, overwrite: Callable[[str, bytes], object] | None = None, seed: int = 0
) -> Iterator[FaultyProxy]:
    """Yield a proxy that runs, without faults; it is ended, whatever happens."""
    proxy = FaultyProxy(upstream, overwrite, seed)
    proxy.up()
    try:
        yield proxy
    finally:
        proxy.down()


def overwrite(server: S3Server, name: str, body: bytes) -> None:
    """Write an object of a server as its owner, whatever is there."""
    import obstore

    obstore.put(_owned(server, ""), name, body, use_multipart=False)


def objects_of(server: S3Server, prefix: str) -> dict[str, bytes]:
    """Return all objects under a prefix, by their names after it, as the owner sees them."""
    import obstore

    store = _owned(server, prefix)
    names = [found["path"] for batch in obstore.list(store) for found in batch]
    return {name: bytes(obstore.get(store, name).bytes()) for name in names}


def _owned(server: S3Server, prefix: str) -> S3Store:
    from obstore.store import S3Store

    variables = server.environment()
    return S3Store(
        BUCKET,
        prefix=prefix or None,
        endpoint=server.endpoint,
        access_key_id=variables["AWS_ACCESS_KEY_ID"],
        secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region=variables["AWS_REGION"],
        client_options={"allow_http": True},
    )
