"""Makes a store read-only or small; undone when the case ends."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from .errors import DriverError

__all__ = ["MountError", "Mounts"]


class MountError(DriverError):
    """This machine does not let us mount; the case is skipped."""


class Mounts:
    """What a case has mounted."""

    def __init__(self) -> None:
        self._mounted: list[Path] = []
        self._locked: list[tuple[Path, int]] = []

    def lock(self, store: Path, *, locked: bool) -> None:
        """Make a store read-only, or writable again.

        :raises MountError: if that takes a mount, which this machine does not allow.
        """
        if not locked:
            self.end()
            return
        if os.geteuid() == 0:
            # Modes do not hold root back.
            _mount("--bind", str(store), str(store))
            self._mounted.append(store)
            _mount("-o", "remount,bind,ro", str(store))
            return
        for path in [store, *store.rglob("*")]:
            if not path.is_symlink():
                self._locked.append((path, path.stat().st_mode))
        for path, mode in reversed(self._locked):
            path.chmod(mode & ~0o222)

    def bound(self, store: Path, size: int) -> None:
        """Put an empty file system of a size in bytes where the store will be.

        :raises MountError: if this machine does not allow it.
        """
        store.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(store))
        self._mounted.append(store)

    def fill(self, store: Path) -> None:
        """Use up what is free in a store that was bound."""
        if store not in self._mounted:
            raise DriverError("fill_store: the store has to be bound first")
        with (store / "filling").open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def end(self) -> None:
        """Undo everything."""
        for path, mode in self._locked:
            with suppress(OSError):
                path.chmod(mode)
        self._locked.clear()
        while self._mounted:
            subprocess.run(
                ["umount", "-l", str(self._mounted.pop())], check=False, capture_output=True
            )


def _mount(*arguments: str) -> None:
    if shutil.which("mount") is None:
        raise MountError("there is no program 'mount'")
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise MountError(done.stderr.strip() or f"mount ended with {done.returncode}")
