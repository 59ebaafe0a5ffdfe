"""Damages the files of a store, whatever store it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from .errors import CaseError

__all__ = ["DAMAGES", "copy_store", "damage", "store_files"]


def store_files(store: Path) -> list[Path]:
    """Return the files below a store, sorted by name; symbolic links are none."""
    return sorted(path for path in store.rglob("*") if path.is_file() and not path.is_symlink())


def copy_store(store: Path, to: Path) -> None:
    """Make one folder hold what another holds, times and modes included."""
    if to.exists():
        shutil.rmtree(to)
    shutil.copytree(store, to, symlinks=True)


def damage(path: Path, kind: str, outside: Path) -> None:
    """Damage a file in place.

    :param kind: one of :data:`DAMAGES`.
    :param outside: a folder that is no part of the store.
    :raises CaseError: if there is no such kind.
    """
    try:
        action = DAMAGES[kind]
    except KeyError:
        raise CaseError(f"no damage {kind!r}; there are: {', '.join(DAMAGES)}") from None
    mode = path.stat().st_mode
    if not os.access(path, os.W_OK):
        path.chmod(mode | 0o200)
    action(path, outside)
    if path.is_file() and not path.is_symlink():
        path.chmod(mode)


def _flip(path: Path, _: Path) -> None:
    content = bytearray(path.read_bytes())
    # In the middle, where the content is and not a signature; an empty file gets a byte.
    if content:
        content[len(content) // 2] ^= 0x01
    else:
        content.append(0x21)
    path.write_bytes(content)


def _flip_quietly(path: Path, outside: Path) -> None:
    """Flip as a failing disk does: nothing shows in the file's times."""
    status = path.stat()
    _flip(path, outside)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _cut(path: Path, _: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path, _: Path) -> None:
    os.truncate(path, 0)


def _garble(path: Path, _: Path) -> None:
    path.write_bytes(b"\x00not what was here\xff" * 16)


def _remove(path: Path, _: Path) -> None:
    path.unlink()


def _directory(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def _link_out(path: Path, outside: Path) -> None:
    """Put a symbolic link in its place that leads out of the store, to other bytes."""
    outside.mkdir(exist_ok=True)
    away = outside / str(len(list(outside.iterdir())))
    shutil.copy2(path, away)
    away.chmod(0o644)
    _flip(away, outside)
    path.unlink()
    path.symlink_to(away)


DAMAGES: Final[Mapping[str, Callable[[Path, Path], None]]] = {
    "flip": _flip,
    "flip-quietly": _flip_quietly,
    "cut": _cut,
    "empty": _empty,
    "garble": _garble,
    "remove": _remove,
    "directory": _directory,
    "link-out": _link_out,
}
