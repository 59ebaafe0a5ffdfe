"""Container engines for tests: scripts, with what they would say, and a real podman."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

from cwl_memo.cwl.image import (
    Engine,
    ImageResolver,
    Resolution,
    UnresolvedImage,
)

LAYERS = ["sha256:" + "1" * 64, "sha256:" + "2" * 64]
HEX = "a" * 64
DOCKER = Engine.chosen(singularity=False, podman=False, user_space_docker_cmd=None)
PODMAN = Engine.chosen(singularity=False, podman=True, user_space_docker_cmd=None)
UDOCKER = Engine.chosen(singularity=False, podman=False, user_space_docker_cmd="udocker")
ABSENT: dict[str, Any] = {
    "err": "Error response from daemon: No such image: x",
    "out": "[]",
    "status": 1,
}


def inspection(layers: Any = LAYERS, **config: Any) -> Any:
    """What an engine prints of an image, with what differs each time it is made."""
    noise = {"Hostname": os.urandom(4).hex(), "Labels": {"made": os.urandom(4).hex()}}
    image = {"Id": os.urandom(8).hex(), "Created": "now", "Config": {**noise, **config}}
    return [{**image, "RootFS": {"Type": "layers", "Layers": layers}}]


def configuration(layers: Any = LAYERS, **config: Any) -> Any:
    """What a registry keeps of an image."""
    root = {"type": "layers", "diff_ids": layers}
    return {"architecture": "amd64", "os": "linux", "config": config, "rootfs": root}


class Programs:
    """A folder of scripts that stands for all of PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def add(self, name: str, *, out: Any = "", err: str = "", status: int = 0) -> None:
        text = out if isinstance(out, str) else json.dumps(out)
        (self.folder / f"{name}.out").write_text(text)
        (self.folder / f"{name}.err").write_text(err)
        self.script(name, f'/bin/cat "$0.out"; /bin/cat "$0.err" >&2; exit {status}')

    def script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f'#!/bin/sh\necho "$@" >> "$0.calls"\n{text}\n')
        path.chmod(0o755)

    def calls(self, name: str) -> list[str]:
        path = self.folder / f"{name}.calls"
        return path.read_text().splitlines() if path.exists() else []


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def resolver(engine: Engine = DOCKER, *, timeout: float = 20, **more: Any) -> ImageResolver:
    given: dict[str, Any] = {"environ": {}, "machine": "x86_64", **more}
    return ImageResolver(engine, digest, timeout=timeout, **given)


def resolve(requirement: dict[str, Any], engine: Engine = DOCKER, **more: Any) -> Resolution:
    return resolver(engine, **more).resolve(requirement)


def why(resolution: Resolution) -> str:
    assert isinstance(resolution, UnresolvedImage)
    return resolution.why


class Podman:
    """A real podman, and images of busybox that are made here and removed again.

    :param folder: for archives.
    """

    NAME = "localhost/cwl-memo-test"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: set[str] = set()

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["podman", *arguments], check=True, capture_output=True, text=True, timeout=120
        )
        return done.stdout

    def archive(self, content: str = "") -> Path:
        """Write the archive of a file system with a shell in it, always the same bytes."""
        path = self.folder / f"root{len(content)}.tar"
        busybox = Path(shutil.which("busybox") or "")
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as root:
            for name in ("bin", "tmp", "var"):
                node = tarfile.TarInfo(name)
                node.type, node.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
                root.addfile(node)
            for name, data in {
                "bin/busybox": busybox.read_bytes(),
                "note": content.encode(),
            }.items():
                node = tarfile.TarInfo(name)
                node.size, node.mode = len(data), 0o755
                root.addfile(node, io.BytesIO(data))
            for name in ("sh", "cat", "echo", "env", "ls", "tr", "wc"):
                node = tarfile.TarInfo(f"bin/{name}")
                node.type, node.linkname = tarfile.SYMTYPE, "busybox"
                root.addfile(node)
        return path

    def make(self, tag: str, content: str = "", *changes: str) -> str:
        """Import the archive under a tag; return the image's name."""
        name = f"{self.NAME}:{tag}"
        options = [word for change in changes for word in ("--change", change)]
        printed = self.run("import", "--quiet", *options, str(self.archive(content)), name)
        self._made.add(printed.strip())
        return name

    def remove(self, name: str) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.run("rmi", "--force", name)

    def remove_all(self) -> None:
        for image in self._made:
            self.remove(image)
