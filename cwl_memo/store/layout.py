"""The directory of a local store: what is where, and whose it is.

::

    CACHEDIR.TAG            tells backup programs to leave the directory out
    README.txt              for whoever finds it
    format                  which format this is, so that no program guesses
    secret.key              with which secret inputs are hashed
    entries/ab/<key>.json   one entry; <key>.evicted beside it where its blobs were taken,
                            <key>.trimmed where those of its workspace were, <key>.final
                            where its outputs were outputs of the run that recorded it
    blobs/ab/<digest>       the bytes of that digest, read-only
    index/                  made from the rest, and may be deleted
    tombstones/ab/<key>.json  that the entry of a key was invalidated, and why
    pins/ab/<key>.json      that the entry of a key is not to be evicted, and why
    runs/<id>.jsonl         what became of each job of a run
    replays/<name>.json     manifests: all that a run saw, and what it gave
    uploads/<store>/<key>   that an entry is still to go up to a shared store; dead/ and wrong/
                            beside it say of which entries it is still to be told
    projects/<name>.json    what holds in a shared project, and who may change it
    locks/                  claims and leases of living processes
    tmp/                    what is being written
    quarantine/             what was damaged or gave other outputs, each with the reason
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.errors import StoreReadOnlyError, StoreUnavailableError
from cwl_memo.store.failure import writing
from cwl_memo.store.regular import NotRegularError, read_regular, write_all

__all__ = [
    "FIRST_FILES",
    "FORMAT",
    "Layout",
    "is_vacant",
    "is_writable",
    "open_layout",
    "remove_store",
]

FORMAT: Final = 1
"""The format that this program reads and writes."""

_PROGRAM: Final = "cwl-memo"
_FORMAT_BEING_WRITTEN: Final = ".format-"
_DIRECTORIES: Final = (
    "entries",
    "blobs",
    "index",
    "runs",
    "locks",
    "tmp",
    "quarantine",
)

_PARTS: Final = (
    *_DIRECTORIES, "replays", "projects", "tombstones", "pins", "uploads", "secret.key",
    "CACHEDIR.TAG", "README.txt", "format"
)  # fmt: skip
"""All that a store is made of; what makes it one goes last when it is removed."""

_CACHEDIR_TAG: Final = """\
Signature: 8a477f597d28d172789f06886806bc55
# This file is a cache directory tag created by cwl-memo.
# For information about cache directory tags, see https://bford.info/cachedir/
"""

_README: Final = """\
This directory is a store of cwl-memo. It holds results of CWL jobs that have been
executed, so that they need not be executed again.

You may delete the whole directory at any time: jobs will then be executed again. Do
not edit files in it; what is not as it was written is set aside and not used.

    cwl-memo stats      what it holds
    cwl-memo gc         free space
    cwl-memo verify     read everything again and set aside what is damaged
    cwl-memo clear      remove everything
"""


@dataclass(frozen=True)
class Layout:
    """The paths of a local store.

    :param root: the directory that holds all of it.
    """

    root: Path

    @cached_property
    def _entries(self) -> str:
        return f"{self.root}/entries/"

    @cached_property
    def _blobs(self) -> str:
        return f"{self.root}/blobs/"

    @property
    def entries(self) -> Path:
        """Directory of entries."""
        return self.root / "entries"

    @property
    def blobs(self) -> Path:
        """Directory of blobs."""
        return self.root / "blobs"

    @property
    def index(self) -> Path:
        """Directory of the index."""
        return self.root / "index"

    @property
    def runs(self) -> Path:
        """Directory of run records."""
        return self.root / "runs"

    @property
    def replays(self) -> Path:
        """Directory of manifests of whole runs."""
        return self.root / "replays"

    @property
    def locks(self) -> Path:
        """Directory of claims and leases."""
        return self.root / "locks"

    @property
    def tmp(self) -> Path:
        """Directory of files that are being written."""
        return self.root / "tmp"

    @property
    def quarantine(self) -> Path:
        """Directory of what was damaged."""
        return self.root / "quarantine"

    @property
    def secret(self) -> Path:
        """The file with the store's own key."""
        return self.root / "secret.key"

    @property
    def tombstones(self) -> Path:
        """Directory of what was said of entries that were invalidated."""
        return self.root / "tombstones"

    @property
    def pins(self) -> Path:
        """Directory of what was said of entries that are pinned."""
        return self.root / "pins"

    @property
    def uploads(self) -> Path:
        """Directory of what is still to go up to shared stores."""
        return self.root / "uploads"

    def entry(self, key: ReuseKey) -> Path:
        """Return the file of an entry."""
        return Path(self.entry_name(key))

    def tombstone(self, key: ReuseKey) -> Path:
        """Return the file that tells that the entry of a key was invalidated."""
        return Path(f"{self.root}/tombstones/{key.hex[:2]}/{key.hex}.json")

    def eviction_mark(self, key: ReuseKey) -> Path:
        """Return the file that tells that an entry's blobs were taken by retention."""
        return Path(f"{self.root}/entries/{key.hex[:2]}/{key.hex}.evicted")

    def trim_mark(self, key: ReuseKey) -> Path:
        """Return the file that tells that retention took the workspace alone of an entry."""
        return Path(f"{self.root}/entries/{key.hex[:2]}/{key.hex}.trimmed")

    def final_mark(self, key: ReuseKey) -> Path:
        """Return the file that tells in which run an entry's outputs were final ones."""
        return Path(f"{self.root}/entries/{key.hex[:2]}/{key.hex}.final")

    def blob(self, digest: Digest) -> Path:
        """Return the file of a blob."""
        return Path(self.blob_name(digest))

    # As texts for what each job asks for: to make a path of one takes longer than the question.

    def entry_name(self, key: ReuseKey) -> str:
        """Return the path of an entry's file."""
        return f"{self._entries}{key.hex[:2]}/{key.hex}.json"

    def blob_name(self, digest: Digest) -> str:
        """Return the path of a blob's file."""
        return f"{self._blobs}{digest.hex[:2]}/{digest.hex}"


FIRST_FILES: Final = ("format", "CACHEDIR.TAG", "README.txt")
"""The files that a store has from its beginning."""

_MIGRATIONS: Final[Mapping[int, Callable[[Layout], None]]] = {}
"""How a store of an older format becomes one of the next; there is no older one yet."""


def open_layout(root: Path, *, readonly: bool = False) -> tuple[Layout, bool]:
    """Find or make the directory of a store; return it, and whether it may be written.

    A directory that is not a store, or of a format this program does not know, is left
    exactly as it is.

    :raises StoreUnavailableError: if there is no store there and none can be made.
    """
    layout = Layout(Path(os.path.abspath(root)))  # noqa: PTH100  (a link stays what it is)
    try:
        found = _read_format(layout)
        if found is None:
            found = _make(layout, readonly=readonly)
        writable = not readonly and is_writable(layout.root)
        _check_format(layout, found, writable=writable)
        if writable:
            writable = _furnish(layout)
    except OSError as error:
        raise StoreUnavailableError(f"{layout.root}: cannot be a store: {error}") from error
    return layout, writable


def is_vacant(root: Path) -> bool:
    """Tell whether nothing stands at a path, or an empty directory."""
    if not os.path.lexists(root):
        return True
    return root.is_dir() and not os.listdir(root)  # noqa: PTH208  (only the names)


def remove_store(root: Path) -> list[str]:
    """Remove a store, and its directory where that is empty then; return what else is in it.

    :raises StoreUnavailableError: if the directory is not a store of a format known here.
        Nothing in it has been touched then.
    """
    layout, _ = open_layout(root, readonly=True)
    with writing("remove the store"):
        for name in _PARTS:
            path = layout.root / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        left = sorted(os.listdir(layout.root))  # noqa: PTH208  (only the names)
        if not left and not layout.root.is_symlink():
            layout.root.rmdir()
    return left


def is_writable(root: Path) -> bool:
    """Tell whether this process may make files in a directory."""
    return os.access(root, os.W_OK | os.X_OK)


def _read_format(layout: Layout) -> int | None:
    """Return the format of the store; None where there is no store yet."""
    root = layout.root
    try:
        data = read_regular(root / "format", 4096)
    except FileNotFoundError:
        names = os.listdir(root) if root.is_dir() else []  # noqa: PTH208  (only the names)
        if root.exists() and not root.is_dir():
            raise StoreUnavailableError(f"{root}: not a directory") from None
        # Another process may have made the store since, or be making it at this moment.
        if "format" in names:
            return _read_format(layout)
        if all(name.startswith(_FORMAT_BEING_WRITTEN) for name in names):
            return None
        raise StoreUnavailableError(
            f"{root}: a foreign directory: not empty, and not a store of cwl-memo; nothing "
            "in it was touched. Name an empty or a new directory"
        ) from None
    except NotRegularError:
        data = b""
    try:
        described = json.loads(data)
    except (ValueError, RecursionError):
        described = None
    found = described.get("format") if isinstance(described, dict) else None
    if not isinstance(described, dict) or described.get("program") != _PROGRAM:
        found = None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise StoreUnavailableError(
            f"{root}: a foreign directory, or a damaged store: its file 'format' is not one "
            "of cwl-memo; nothing in it was touched"
        )
    return found


def _make(layout: Layout, *, readonly: bool) -> int:
    root = layout.root
    if readonly:
        raise StoreUnavailableError(f"{root}: there is no store to read")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The user's results and their names: nobody else's business.
    root.chmod(0o700)
    # First of all files, so that a store half made is never taken for a foreign directory.
    text = json.dumps({"format": FORMAT, "program": _PROGRAM}) + "\n"
    _write_whole(root, root / "format", text.encode(), prefix=_FORMAT_BEING_WRITTEN)
    return FORMAT


def _check_format(layout: Layout, found: int, *, writable: bool) -> None:
    if found > FORMAT:
        raise StoreUnavailableError(
            f"{layout.root}: a store of format {found}, and this program knows formats up to "
            f"{FORMAT}; nothing in it was touched. Use a newer cwl-memo, or another store"
        )
    for step in range(found, FORMAT):
        if step not in _MIGRATIONS or not writable:
            raise StoreUnavailableError(
                f"{layout.root}: a store of format {found}, which cannot be migrated here"
            )
        with writing(f"migrate the store from format {step}"):
            _MIGRATIONS[step](layout)


def _furnish(layout: Layout) -> bool:
    """Make what is missing of a store; return False where it turns out read-only."""
    try:
        with writing("prepare the store"):
            for name in _DIRECTORIES:
                _make_directory(layout.root / name)
            for name, text in (("CACHEDIR.TAG", _CACHEDIR_TAG), ("README.txt", _README)):
                if not os.path.lexists(layout.root / name):
                    _write_whole(layout.tmp, layout.root / name, text.encode())
    except StoreReadOnlyError:
        return False
    return True


def _make_directory(directory: Path) -> None:
    # A link would take what is written there to where it leads.
    with contextlib.suppress(FileNotFoundError):
        if not stat.S_ISDIR(directory.lstat().st_mode):
            raise StoreUnavailableError(f"{directory}: not a directory")
    directory.mkdir(mode=0o700, exist_ok=True)


def _write_whole(directory: Path, path: Path, data: bytes, prefix: str = "text-") -> None:
    descriptor, name = tempfile.mkstemp(prefix=prefix, dir=directory)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)
    Path(name).replace(path)
