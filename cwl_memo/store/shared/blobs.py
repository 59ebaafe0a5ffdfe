"""Blobs of a shared store: up as they are, compressed or in parts; down with their digests.

A blob that is there is not sent again. A large one is sent in parts that are objects of their
own: an upload that was cut short goes on with the part that is missing, and so does a
download.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from blake3 import blake3

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnavailableError,
    StoreUnreachableError,
    StoreUnreadableError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.failure import writing
from cwl_memo.store.regular import write_all
from cwl_memo.store.shared import zstd
from cwl_memo.store.shared.arrival import known, of_size, unpacked
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.checked_file import CheckedFile
from cwl_memo.store.shared.envelope import Place, Stored
from cwl_memo.store.shared.layout import PARTS, ZSTD, blob_name, part_name, whole_name
from cwl_memo.store.shared.parts import PARTS_LIMIT, Parts, has_part, split
from cwl_memo.store.shared.sending import UNWATCHED, Sending, Watch

__all__ = ["PART", "Blobs"]

PART: Final = 256 << 20
"""Bytes above which a blob is stored in parts, and of each part but the last."""

_TRIES: Final = 3
"""How often a part is asked for whose connection breaks."""

_LARGE: Final = 8 << 20
_LARGE_AT_ONCE: Final = 4
"""Blobs of more bytes than that which go up at once: each holds some 50 MB of memory."""

_RESERVE: Final = 64 << 20
"""Bytes that a file system keeps free, whatever is fetched to it."""


class Blobs:
    """The blobs of a shared store.

    :param bucket: where they are.
    :param part: bytes of a part.
    :param may_write: whether what is damaged may be removed.
    """

    def __init__(self, bucket: Bucket, part: int = PART, *, may_write: bool = True) -> None:
        self._bucket = bucket
        self._may_write = may_write
        self._part = part
        self._lock = threading.Lock()
        self._large = threading.Semaphore(_LARGE_AT_ONCE)
        self._unsound: set[Digest] = set()
        """What was found damaged, and is sent again though it is there."""

    # up

    def upload(
        self, blob: BlobRef, open_blob: Callable[[Digest], IO[bytes]], watch: Watch = UNWATCHED
    ) -> Stored:
        """Have a blob there; return how it is stored.

        :param watch: hears of what is sent.
        :raises StoreDamagedError: if it is not as the reference says.
        """
        with open_blob(blob.digest) as source:
            with self._lock:
                must_send = blob.digest in self._unsound
            up = self._upload_parts if blob.size > self._part else self._upload_one
            with self._large if blob.size > _LARGE else contextlib.nullcontext():
                try:
                    stored = up(blob, source, watch, must_send=must_send)
                except zstd.NoRoomError:
                    source.seek(0)
                    stored = up(blob, source, watch, must_send=must_send, packs=False)
        with self._lock:
            self._unsound.discard(blob.digest)
        return stored

    def _upload_one(
        self, blob: BlobRef, source: IO[bytes], watch: Watch, *, must_send: bool, packs: bool = True
    ) -> Stored:
        sample = source.read(min(blob.size, zstd.SAMPLE))
        source.seek(0)
        is_compressed = packs and zstd.pays(sample)
        place = Place.ZSTD if is_compressed else Place.RAW
        name = blob_name(blob.digest) + (ZSTD if is_compressed else "")
        there = None if must_send else self._size(name)
        if there is not None and _may_be(there, blob.size, is_compressed=is_compressed):
            return Stored(place, there)
        checked = CheckedFile(source, blob)
        if is_compressed:
            with zstd.compressed(checked, blob.size) as (packed, size):
                checked.finish()
                self._send(name, packed, size, watch)
            watch.sent(blob.size)
            return Stored(place, size)
        if blob.size <= zstd.SAMPLE:
            data = checked.read(blob.size)
            checked.finish()
            self._bucket.put(name, data)
        else:
            # Sent while it is read: it does not become an object if it proves wrong.
            self._send(name, checked, blob.size, watch)
            checked.finish()
        watch.sent(blob.size)
        return Stored(place, blob.size)

    def _send(self, name: str, source: Reader, size: int, watch: Watch) -> None:
        sending = Sending(name, source, watch)
        try:
            self._bucket.put_file(name, sending, size)
        finally:
            sending.end()

    def _size(self, name: str) -> int | None:
        """Return the size of an object; None where there is none, or that may not be seen."""
        try:
            found = self._bucket.head(name)
        except StoreForbiddenError:
            return None  # whoever may only write sends it once more
        return None if found is None else found.size

    def _upload_parts(
        self, blob: BlobRef, source: IO[bytes], watch: Watch, *, must_send: bool, packs: bool = True
    ) -> Stored:
        there = {} if must_send else self._there(blob.digest)
        whole = there.get(whole_name(blob.digest))
        if whole is not None and self._is_whole(blob, whole, there):
            return Stored(Place.PARTS, whole)
        is_compressed = packs and zstd.pays(source.read(zstd.SAMPLE))
        source.seek(0)
        checked = CheckedFile(source, blob)
        parts = []
        for number, size in enumerate(split(blob.size, self._part)):
            name = part_name(blob.digest, number) + (ZSTD if is_compressed else "")
            content = checked.begin_part()
            found = there.get(name)
            if found is not None and _may_be(found, size, is_compressed=is_compressed):
                checked.skip(size)
                stored = found
            elif is_compressed:
                with zstd.compressed(checked, size) as (packed, stored):
                    self._send(name, packed, stored, watch)
                watch.sent(size)
            else:
                self._send(name, checked, size, watch)
                watch.sent(size)
                stored = size
            parts.append((content.hexdigest(), size, stored))
        checked.finish()
        data = Parts.of(parts, is_compressed=is_compressed).to_bytes()
        self._bucket.put(whole_name(blob.digest), data)
        return Stored(Place.PARTS, len(data))

    def _there(self, digest: Digest) -> dict[str, int]:
        """Return the sizes of the objects of a large blob, by their names."""
        try:
            return {found.name: found.size for found in self._bucket.list(_folder(digest))}
        except StoreForbiddenError:
            return {}

    def _is_whole(self, blob: BlobRef, size: int, there: dict[str, int]) -> bool:
        try:
            parts = self._parts(blob, size)
        except StoreDamagedError:
            return False
        return all(
            there.get(parts.name(blob.digest, number)) == part.stored
            for number, part in enumerate(parts.parts)
        )

    def _parts(self, blob: BlobRef, size: int) -> Parts:
        data = self._bucket.get(whole_name(blob.digest), PARTS_LIMIT)
        if data is None or len(data) != size:
            raise StoreDamagedError(f"blob {blob.digest} is not there")
        return Parts.read(data, blob.size)

    # there

    def has(self, blob: BlobRef, stored: Stored) -> bool:
        """Tell whether a blob that is not inline is there, in the size that was stored."""
        if stored.place is Place.PARTS:
            there = self._there(blob.digest)
            whole = there.get(whole_name(blob.digest))
            return whole == stored.size and self._is_whole(blob, stored.size, there)
        suffix = ZSTD if stored.place is Place.ZSTD else ""
        found = self._bucket.head(blob_name(blob.digest) + suffix)
        return found is not None and found.size == stored.size

    def look(self, blob: BlobRef) -> Stored | None:
        """Return how a blob is stored of which nothing is known; None where it is not."""
        name = blob_name(blob.digest)
        for place, suffix in (
            (Place.RAW, ""),
            (Place.ZSTD, ZSTD),
            (Place.PARTS, whole_name(blob.digest)[len(name) :]),
        ):
            found = self._bucket.head(name + suffix)
            if found is not None:
                return Stored(place, found.size)
        return None

    # down

    def fetch(self, blob: BlobRef, stored: Stored, target: Path) -> None:
        """Write a blob to a new file, its digest checked while it streams.

        :raises StoreDamagedError: if it is not there or not sound, twice; there is no file
            then, and the blob is sent again by the next that has it.
        :raises StoreUnreadableError: if it was not read, or not whole; it stays as it is.
        """
        _need_room(blob, target)
        if stored.place is Place.ZSTD:
            zstd.need_zstd()
        try:
            self._fetch(blob, stored, target)
        except StoreUnreadableError:
            raise
        except StoreDamagedError:
            # Once more: what came over the network damaged may be sound where it is.
            try:
                self._fetch(blob, stored, target)
            except StoreUnreadableError:
                raise
            except StoreDamagedError:
                self.discard(blob, stored)
                raise

    def _fetch(self, blob: BlobRef, stored: Stored, target: Path) -> None:
        if stored.place is Place.PARTS:
            self._fetch_parts(blob, stored, target)
        else:
            _write_new(target, known(self._read(blob, stored), blob))

    def _read(self, blob: BlobRef, stored: Stored) -> Iterator[bytes]:
        name = blob_name(blob.digest)
        if stored.place is Place.ZSTD:
            yield from unpacked(self._bucket.read(name + ZSTD), blob.size, name)
        else:
            yield from self._bucket.read(name)

    def _fetch_parts(self, blob: BlobRef, stored: Stored, target: Path) -> None:
        """Fetch a blob part by part; those of an earlier try that was cut short stay."""
        parts = self._parts(blob, stored.size)
        if parts.is_compressed:
            zstd.need_zstd()
        partial = target.with_name(f"{target.name}.partial")
        try:
            with writing("write a blob"):
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
                descriptor = os.open(partial, flags, 0o600)
            try:
                self._fill(blob, parts, descriptor)
            finally:
                os.close(descriptor)
            with writing("write a blob"):
                os.link(partial, target)
        except (StoreUnavailableError, KeyboardInterrupt):
            raise  # what has come is for the next try
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        partial.unlink(missing_ok=True)

    def _fill(self, blob: BlobRef, parts: Parts, descriptor: int) -> None:
        content = blake3()
        is_resumed = True
        for number, part in enumerate(parts.parts):
            with writing("write a blob"):
                start = os.lseek(descriptor, 0, os.SEEK_CUR)
            with_part = content.copy()
            if is_resumed and has_part(descriptor, part, with_part):
                content = with_part
                continue
            is_resumed = False
            content = self._fill_part(blob, parts, number, start, descriptor, content)
        if content.hexdigest() != blob.digest.hex:
            raise StoreDamagedError(f"blob {blob.digest} is not as it was recorded")

    def _fill_part(
        self, blob: BlobRef, parts: Parts, number: int, start: int, descriptor: int, before: blake3
    ) -> blake3:
        """Fetch one part to its place in a file, again where the connection breaks.

        :param before: has taken in what comes before it.
        :returns: what has taken in the part, too.
        """
        part, name = parts.parts[number], parts.name(blob.digest, number)
        left = _TRIES
        while True:
            left -= 1
            content = before.copy()
            with writing("write a blob"):
                os.ftruncate(descriptor, start)
                os.lseek(descriptor, start, os.SEEK_SET)
            raw = self._bucket.read(name)
            data = unpacked(raw, part.size, name) if parts.is_compressed else raw
            try:
                for piece in of_size(data, part.size, name):
                    content.update(piece)
                    with writing("write a blob"):
                        write_all(descriptor, piece)
            except StoreUnreachableError:
                if not left:
                    raise
                continue
            return content

    def discard(self, blob: BlobRef, stored: Stored) -> None:
        """Have a damaged blob sent again by whoever has it."""
        with self._lock:
            self._unsound.add(blob.digest)
        if not self._may_write:
            return
        suffix = ZSTD if stored.place is Place.ZSTD else ""
        with contextlib.suppress(StoreError):
            if stored.place is Place.PARTS:
                names = [found.name for found in self._bucket.list(_folder(blob.digest))]
                self._bucket.delete(names)
            else:
                self._bucket.delete([blob_name(blob.digest) + suffix])


def _folder(digest: Digest) -> str:
    return f"{blob_name(digest)}{PARTS}"


def _need_room(blob: BlobRef, target: Path) -> None:
    """Take no blob that would fill a disk: few bytes can decompress to very many.

    :raises StoreFullError: if there is no room for it.
    """
    with writing("look for room"):
        found = os.statvfs(target.parent)
    if blob.size > _RESERVE and blob.size > found.f_bavail * found.f_frsize - _RESERVE:
        raise StoreFullError(f"no room for a blob of {blob.size} bytes at {target.parent}")


def _write_new(target: Path, parts: Iterator[bytes]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with writing("write a blob"):
        descriptor = os.open(target, flags, 0o600)
    try:
        try:
            for part in parts:
                with writing("write a blob"):
                    write_all(descriptor, part)
        finally:
            os.close(descriptor)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _may_be(there: int, size: int, *, is_compressed: bool) -> bool:
    """Tell whether an object of a size may be so many bytes."""
    # Compressed, its size tells little: that it is there says that it is whole.
    return there <= zstd.most(size) if is_compressed else there == size
