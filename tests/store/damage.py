"""Damage, done to files of a store."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.store.example import digest, key

__all__ = [
    "ABSENCES",
    "CHANGES",
    "blob_path",
    "directory",
    "empty",
    "entry_path",
    "flip",
    "link_nowhere",
    "link_out",
    "overwrite",
    "parent_is_a_file",
    "parent_leads_nowhere",
    "parent_leads_out",
    "pipe",
    "prolong",
    "replace",
    "set_aside",
    "truncate",
]


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    overwrite(path, bytes(data))


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def replace(path: Path, data: bytes) -> None:
    """Put another file in place, as a program would that writes entries."""
    temporary = path.with_suffix(".new")
    temporary.write_bytes(data)
    temporary.rename(path)


def truncate(path: Path) -> None:
    overwrite(path, path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    overwrite(path, b"")


def prolong(path: Path) -> None:
    overwrite(path, path.read_bytes() + b"x")


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_bytes(b"x")


def link_out(path: Path) -> None:
    # Of the right bytes even: it must not be followed, since it may change behind our back.
    elsewhere = path.parents[3] / "elsewhere"
    shutil.copyfile(path, elsewhere)
    path.unlink()
    path.symlink_to(elsewhere)


def link_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def parent_is_a_file(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.write_bytes(b"x")


def parent_leads_out(path: Path) -> None:
    elsewhere = path.parents[3] / "elsewhere"
    path.parent.rename(elsewhere)
    path.parent.symlink_to(elsewhere)
    path.unlink()


def parent_leads_nowhere(path: Path) -> None:
    shutil.rmtree(path.parent)
    path.parent.symlink_to("/nowhere/at/all")


CHANGES = [flip, truncate, empty, prolong, directory, link_out, link_nowhere, pipe]
ABSENCES = [Path.unlink, parent_is_a_file, parent_leads_out, parent_leads_nowhere]


def entry_path(root: Path, number: int = 1) -> Path:
    return root / "entries" / key(number).hex[:2] / f"{key(number).hex}.json"


def blob_path(root: Path, content: bytes) -> Path:
    return root / "blobs" / digest(content).hex[:2] / digest(content).hex


def set_aside(root: Path) -> list[str]:
    return [
        path.name.split("-", 2)[2]
        for path in sorted((root / "quarantine").iterdir())
        if path.suffix != ".reason"
    ]
