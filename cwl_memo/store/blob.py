"""Blobs as files: read-only, named by the digest of their bytes."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from blake3 import blake3

from cwl_memo.core.digest import HEX, Digest, digest_of_bytes
from cwl_memo.core.manifest import StatIdentity
from cwl_memo.errors import FormatError, StoreDamagedError
from cwl_memo.store.claim import try_lock
from cwl_memo.store.copying import DirectWriter, reflink
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.hashing import digest_descriptor, hash_bytes, hash_descriptor, read_small
from cwl_memo.store.index import BlobIdentity, Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.protocol import SMALL, FileDigest
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.regular import NotRegularError, is_regular, open_regular, remove_file, write_all

__all__ = ["ORPHAN_AGE", "RECEIVED", "BlobFiles", "shards"]

ORPHAN_AGE: Final = 3600.0
"""Seconds for which a blob without an entry is left alone: its job may still be recorded."""

RECEIVED: Final = "receive-"
"""How the directory is called in which a large blob arrives, from one try to the next."""

_RESUMED: Final = 256 << 20
"""Bytes from which what has come of a blob stays for the next try."""

_KEPT: Final = 4096
"""How many small blobs are kept in memory once they were checked: most are wanted next."""


class BlobFiles:
    """The blobs of a local store.

    :param layout: where they are.
    :param index: remembers by what each is known to be sound.
    :param quarantine: where unsound ones go.
    """

    def __init__(self, layout: Layout, index: Index, quarantine: Quarantine) -> None:
        self._layout = layout
        self._index = index
        self._quarantine = quarantine
        self._sound: dict[Digest, BlobIdentity] = {}
        self._read: dict[Digest, bytes] = {}

    def _known(self, digest: Digest, size: int) -> BlobIdentity | None:
        """Return by what a blob is known to be as it was when its bytes were last read."""
        known = self._sound.get(digest)
        if known is None and size > SMALL:
            known = self._index.blob_identity(digest)
            if known is not None:
                self._sound[digest] = known
        return known

    def _remember(self, digest: Digest, found: os.stat_result, added: int = 0) -> None:
        self._sound[digest] = _identity(found)
        if found.st_size > SMALL:
            self._index.remember_blob(digest, _identity(found))
        self._index.note_growth(added)

    # in

    def ingest_file(self, path: Path) -> FileDigest:
        """Take a regular file's bytes in, reading it once."""
        with reading(f"read {path}"), open_regular(path, follow=True) as source:
            return self._ingest(source)

    def _ingest(self, source: int) -> FileDigest:
        with writing("write a blob"):
            if os.fstat(source).st_size <= SMALL:
                data = read_small(source)
                if data is not None:
                    found = hash_bytes(data)
                    self._keep(data, found.digest)
                    return found
            with self._temporary() as (target, temporary):
                if reflink(source, target):
                    # What is read is the clone, so it is the very bytes that are kept.
                    found = hash_descriptor(target)
                else:
                    writer = DirectWriter(target, os.fstat(source).st_size)
                    found = hash_descriptor(source, keep=writer.write)
                self._adopt(target, temporary, found.digest)
        return found

    def ingest_bytes(self, data: bytes) -> Digest:
        """Take bytes in."""
        digest = digest_of_bytes(data)
        with writing("write a blob"):
            self._keep(data, digest)
        return digest

    def _keep(self, data: bytes, digest: Digest) -> None:
        if not self._has(digest):
            with self._temporary() as (target, temporary):
                write_all(target, data)
                self._adopt(target, temporary, digest)

    def receive(self, digest: Digest, size: int, write: Callable[[Path], None]) -> None:
        """Take in a blob whose bytes ``write`` puts into a new file, and checks.

        What ``write`` leaves beside that file when it fails is there for the next try, if the
        blob is large.

        :raises StoreDamagedError: if the file is of another size.
        """
        with writing("write a blob"), self._receiving(digest, size) as directory:
            temporary = directory / "blob"
            write(temporary)
            with open_regular(temporary) as descriptor:
                found = os.fstat(descriptor).st_size
                if found != size:
                    raise StoreDamagedError(f"blob {digest} has {found} bytes, not {size}")
                self._adopt(descriptor, temporary, digest)

    @contextmanager
    def _receiving(self, digest: Digest, size: int) -> Iterator[Path]:
        # Few locks for many blobs, so that none has to be removed, which is a race of its own.
        lock = self._layout.locks / f"{RECEIVED}{digest.hex[:2]}.lock"
        held = try_lock(lock) if size > _RESUMED else None
        if held is None:
            with self._new_directory() as directory:
                yield directory
            return
        directory = self._layout.tmp / f"{RECEIVED}{digest.hex}"
        try:
            directory.mkdir(mode=0o700, exist_ok=True)
            # Of a run that was killed, it may not have been checked.
            (directory / "blob").unlink(missing_ok=True)
            try:
                yield directory
                shutil.rmtree(directory, ignore_errors=True)
            finally:
                (directory / "blob").unlink(missing_ok=True)
                with contextlib.suppress(OSError):  # what has come is for the next try
                    directory.rmdir()
        finally:
            held.release()

    @contextmanager
    def _new_directory(self) -> Iterator[Path]:
        directory = Path(tempfile.mkdtemp(prefix="blob-", dir=self._layout.tmp))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    @contextmanager
    def _temporary(self) -> Iterator[tuple[int, Path]]:
        descriptor, name = tempfile.mkstemp(prefix="blob-", dir=self._layout.tmp)
        temporary = Path(name)
        try:
            yield descriptor, temporary
        finally:
            try:
                os.close(descriptor)
            finally:
                temporary.unlink(missing_ok=True)

    def _has(self, digest: Digest) -> bool:
        """Tell whether a blob is there as it was last read; make it young again if so."""
        path = self._layout.blob(digest)
        found = is_regular(path)
        if found is None or self._known(digest, found.st_size) != _identity(found):
            return False
        if time.time() - found.st_mtime > ORPHAN_AGE / 2:
            # Otherwise it could be taken for an orphan before its new entry is there.
            try:
                os.utime(path)
                self._remember(digest, path.lstat())
            except FileNotFoundError:
                return False
        return True

    def _adopt(self, descriptor: int, temporary: Path, digest: Digest) -> None:
        """Give a finished temporary file its name, unless a sound blob has it already."""
        if self._has(digest):
            return
        os.fchmod(descriptor, 0o444)
        if os.fstat(descriptor).st_size > SMALL:
            os.fsync(descriptor)
        else:
            # A network file system says here what it could not write.
            os.close(os.dup(descriptor))
        final = self._layout.blob(digest)
        existed = is_regular(final)
        self._quarantine.place(temporary, final)
        found = final.lstat()
        grown = found.st_size - (existed.st_size if existed else 0)
        self._remember(digest, found, added=grown)

    # out

    def check(self, digest: Digest, size: int | None = None) -> bool:
        """Tell whether a blob is there and sound, and of a size if that is given."""
        with reading("look at a blob"):
            try:
                found = os.lstat(self._layout.blob_name(digest))
            except (FileNotFoundError, NotADirectoryError):
                return False
            remembered = self._known(digest, found.st_size)
            if remembered != _identity(found) or not stat.S_ISREG(found.st_mode):
                return self.read_again(digest, size, keep=True)
        return size is None or found.st_size == size

    def stat_identity(self, digest: Digest) -> StatIdentity | None:
        """Return by what a sound blob is known to be as it is; None for any other."""
        if not self.check(digest):
            return None
        found = is_regular(self._layout.blob(digest))
        return None if found is None else (found.st_dev, *_identity(found))

    def read_again(self, digest: Digest, size: int | None = None, *, keep: bool = False) -> bool:
        """Tell whether a blob's bytes are those of its digest; quarantine it if not.

        :param keep: whether the bytes of a small one are kept for :meth:`take_read`.
        """
        with reading("read a blob"):
            try:
                with open_regular(self._layout.blob_name(digest)) as descriptor:
                    before = os.fstat(descriptor)
                    data = os.read(descriptor, SMALL + 1) if before.st_size <= SMALL else None
                    is_it = (
                        digest_descriptor(descriptor) == digest
                        if data is None
                        else blake3(data).hexdigest() == digest.hex
                    )
                    after = os.fstat(descriptor)
            except FileNotFoundError:
                return False
            except NotRegularError as error:
                self._set_aside(digest, str(error))
                return False
        if not is_it:
            self._set_aside(digest, "its bytes are not those of its name")
            return False
        if keep and data is not None and len(self._read) < _KEPT:
            self._read[digest] = data
        if _identity(before) == _identity(after):
            self._remember(digest, after)
        return size is None or after.st_size == size

    def take_read(self, digest: Digest) -> bytes | None:
        """Return the bytes of a small blob as they were when it was checked; once."""
        return self._read.pop(digest, None)

    def _set_aside(self, digest: Digest, reason: str) -> None:
        path = self._layout.blob(digest)
        found = is_regular(path)
        self._quarantine.take(path, reason)
        self._index.forget_blobs([digest], found.st_size if found else 0)

    def read(self, digest: Digest) -> bytes:
        """Return a blob's bytes, checked against the digest."""
        path = self._layout.blob(digest)
        with reading("read a blob"):
            try:
                with open_regular(path) as descriptor:
                    parts = []
                    while part := os.read(descriptor, 1 << 20):
                        parts.append(part)
            except FileNotFoundError:
                raise StoreDamagedError(f"blob {digest} is missing") from None
            except NotRegularError as error:
                self._set_aside(digest, str(error))
                raise StoreDamagedError(f"blob {digest}: {error}") from error
        data = b"".join(parts)
        if digest_of_bytes(data) != digest:
            self._set_aside(digest, "its bytes are not those of its name")
            raise StoreDamagedError(f"blob {digest} was changed")
        return data

    def sound_path(self, digest: Digest) -> Path:
        """Return the file of a sound blob.

        :raises StoreDamagedError: if it is missing or unsound.
        """
        if not self.check(digest):
            raise StoreDamagedError(f"blob {digest} is missing or was changed")
        return self._layout.blob(digest)

    def linked(self, digest: Digest, before: os.stat_result) -> None:
        """Remember a blob anew after a hard link to it was made, which changes its ctime."""
        found = is_regular(self._layout.blob(digest))
        if found is not None and _identity(found)[:3] == _identity(before)[:3]:
            self._remember(digest, found)

    # all of them

    def find(self) -> Iterator[tuple[Digest, os.stat_result]]:
        """Yield the digest and the ``stat`` of everything that has a blob's name."""
        for directory in shards(self._layout.blobs):
            with os.scandir(directory) as items:
                for item in items:
                    # Not one of ours, or gone meanwhile.
                    with contextlib.suppress(FormatError, FileNotFoundError):
                        yield Digest(item.name), item.stat(follow_symlinks=False)

    def names(self, directory: Path) -> Iterator[bytes]:
        """Yield the digest, as 32 bytes, of each blob in one of the directories of blobs."""
        with os.scandir(directory) as items:
            for item in items:
                # Most file systems tell the kind without a look at the file.
                if HEX.fullmatch(item.name) and item.is_file(follow_symlinks=False):
                    yield bytes.fromhex(item.name)

    def total(self) -> int:
        """Return the bytes of all blobs."""
        with reading("count the blobs"):
            return sum(found.st_size for _, found in self.find())

    def remove(self, digests: list[Digest]) -> int:
        """Remove blobs; return the bytes that were freed."""
        freed = 0
        gone = []
        with writing("remove blobs"):
            for digest in digests:
                path = self._layout.blob(digest)
                found = is_regular(path)
                if found is not None and remove_file(path):
                    freed += found.st_size
                    gone.append(digest)
        self._index.forget_blobs(gone, freed)
        return freed


def shards(directory: Path) -> list[Path]:
    """Return the directories of two hexadecimal digits in a directory; never a link."""
    try:
        with os.scandir(directory) as items:
            return sorted(
                directory / item.name
                for item in items
                if len(item.name) == 2 and item.is_dir(follow_symlinks=False)
            )
    except FileNotFoundError:
        return []


def _identity(found: os.stat_result) -> BlobIdentity:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
