"""What can be done to a case's folder between two runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .damage import damage, store_files
from .errors import CaseError
from .world import World

__all__ = ["apply"]

JSON = Any


def apply(world: World, change: Mapping[str, JSON]) -> None:
    """Do one change, a mapping of one member: what, and to what.

    :raises CaseError: if there is no such change or it cannot be done.
    """
    ((what, argument),) = change.items()
    try:
        action = _CHANGES[what]
    except KeyError:
        raise CaseError(f"no change {what!r}; there are: {', '.join(_CHANGES)}") from None
    try:
        action(world, argument)
    except OSError as error:
        raise CaseError(f"change {what}: {error}") from error


def _write(world: World, files: Mapping[str, JSON]) -> None:
    for name, content in files.items():
        path = world.path(name)
        if path.is_file() and not os.access(path, os.W_OK):
            path.chmod(0o644)
        world.write(name, content)


def _edit(world: World, files: Mapping[str, Mapping[str, str]]) -> None:
    for name, edits in files.items():
        text = world.path(name).read_text(encoding="utf-8")
        for old, new in edits.items():
            if text.count(world.text(old)) != 1:
                raise CaseError(f"edit of {name}: {old!r} stands in it {text.count(old)} times")
            text = text.replace(world.text(old), world.text(new))
        world.path(name).write_text(text, encoding="utf-8")


def _delete(world: World, names: list[str]) -> None:
    for name in names:
        path = world.path(name)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _move(world: World, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        world.path(new).parent.mkdir(parents=True, exist_ok=True)
        world.path(old).rename(world.path(new))


def _copy(world: World, names: Mapping[str, str]) -> None:
    for old, new in names.items():
        world.path(new).parent.mkdir(parents=True, exist_ok=True)
        if world.path(old).is_dir():
            shutil.copytree(world.path(old), world.path(new), symlinks=True)
        else:
            shutil.copy2(world.path(old), world.path(new))


def _link(world: World, names: Mapping[str, str]) -> None:
    for name, target in names.items():
        path = world.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.unlink()
        path.symlink_to(world.text(target))


def _hard_link(world: World, names: Mapping[str, str]) -> None:
    for name, target in names.items():
        world.path(name).parent.mkdir(parents=True, exist_ok=True)
        world.path(name).hardlink_to(world.path(target))


def _chmod(world: World, modes: Mapping[str, str]) -> None:
    for name, mode in modes.items():
        world.path(name).chmod(int(str(mode), 8))


def _touch(world: World, times: Mapping[str, float]) -> None:
    """Move the modification time of files by seconds."""
    for name, seconds in times.items():
        _shift(world.path(name), seconds)


def _same_times(world: World, names: Mapping[str, str]) -> None:
    """Give one file the modification time of another."""
    for name, other in names.items():
        status = world.path(other).stat()
        os.utime(world.path(name), ns=(status.st_atime_ns, status.st_mtime_ns))


# The store ------------------------------------------------------------------------------


def _damage_store(world: World, kind: str) -> None:
    for path in store_files(world.store):
        damage(path, kind, world.folder / "outside")


def _delete_store(world: World, _: JSON) -> None:
    if world.store.exists():
        shutil.rmtree(world.store)


def _move_store(world: World, name: str) -> None:
    # A runner without a cache, which validates the suite, makes no store.
    if world.store.exists():
        world.store.rename(world.path(name))
    world.store = world.path(name)


def _shift_store(world: World, seconds: float) -> None:
    for path in store_files(world.store):
        _shift(path, seconds)


def _write_store(world: World, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = world.store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(world.text(text), encoding="utf-8")


def _lock_store(world: World, locked: bool) -> None:  # noqa: FBT001 - a change has one argument
    world.mounts.lock(world.store, locked=locked)


def _bound_store(world: World, size: int) -> None:
    world.mounts.bound(world.store, size)


def _fill_store(world: World, _: JSON) -> None:
    world.mounts.fill(world.store)


def _shift(path: Path, seconds: float) -> None:
    status = path.stat()
    by = round(seconds * 1e9)
    os.utime(path, ns=(status.st_atime_ns + by, status.st_mtime_ns + by))


_CHANGES: Final[Mapping[str, Callable[[World, Any], None]]] = {
    "write": _write,
    "edit": _edit,
    "delete": _delete,
    "move": _move,
    "copy": _copy,
    "link": _link,
    "hard_link": _hard_link,
    "chmod": _chmod,
    "touch": _touch,
    "same_times": _same_times,
    "damage_store": _damage_store,
    "delete_store": _delete_store,
    "move_store": _move_store,
    "shift_store": _shift_store,
    "write_store": _write_store,
    "lock_store": _lock_store,
    "bound_store": _bound_store,
    "fill_store": _fill_store,
}
