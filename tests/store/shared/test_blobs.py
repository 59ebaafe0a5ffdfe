"""Blobs up and down: compressed where it pays, in parts where they are large."""

from __future__ import annotations

import errno
import io
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import pytest
import zstandard

from cwl_memo.core.digest import Digest, digest_of_bytes
from cwl_memo.core.entry import BlobRef
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
    UsageError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.shared import zstd
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.envelope import Place, Stored
from cwl_memo.store.shared.layout import blob_name
from cwl_memo.store.shared.sending import Watch
from tests.store.example import blob
from tests.store.shared.faults import Fault, FaultyBucket
from tests.store.shared.sharing import opener

PART = 100_000
NOISE = os.urandom(350_000)
TEXT = b"".join(b"line %d of a file that compresses\n" % i for i in range(10_000))


def up(blobs: Blobs, content: bytes) -> Stored:
    return blobs.upload(blob(content), opener(content))


def test_what_compresses_is_compressed_and_what_does_not_is_not(
    memory: Bucket, tmp_path: Path
) -> None:
    blobs = Blobs(memory)
    raw, packed = up(blobs, NOISE), up(blobs, TEXT)
    assert raw == Stored(Place.RAW, len(NOISE))
    assert packed.place is Place.ZSTD
    assert packed.size < len(TEXT) / 2
    for content, stored in ((NOISE, raw), (TEXT, packed)):
        target = tmp_path / str(len(content))
        blobs.fetch(blob(content), stored, target)
        assert target.read_bytes() == content


def test_without_zstd_nothing_is_compressed_and_nothing_compressed_is_read(
    memory: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = up(Blobs(memory), TEXT)
    monkeypatch.setattr(zstd, "has_zstd", lambda: False)
    with pytest.raises(StoreError, match="pip install"):
        Blobs(memory).fetch(blob(TEXT), packed, tmp_path / "x")
    assert up(Blobs(memory), TEXT).place is Place.RAW
    monkeypatch.undo()
    Blobs(memory).fetch(blob(TEXT), packed, tmp_path / "x")  # it was not removed


def test_a_blob_that_is_there_is_not_sent_again(memory: Bucket) -> None:
    up(Blobs(memory), NOISE)
    up(Blobs(memory), TEXT)
    watched = FaultyBucket(memory)
    assert up(Blobs(watched), NOISE).place is Place.RAW
    assert up(Blobs(watched), TEXT).place is Place.ZSTD
    assert {call for call, _ in watched.calls} == {"head"}


class Heard(Watch):
    """What was heard of uploads."""

    def __init__(self) -> None:
        self.ways: list[tuple[str, int]] = []
        self.size = 0

    def on_way(self, name: str, size: int) -> None:
        self.ways.append((name, size))

    def sent(self, size: int) -> None:
        self.size += size


@pytest.mark.parametrize("part", [PART, 1 << 20], ids=["parts", "one"])
@pytest.mark.parametrize("content", [NOISE * 5, TEXT * 4], ids=["raw", "zstd"])
def test_each_byte_that_is_sent_is_heard_of(memory: Bucket, content: bytes, part: int) -> None:
    class Hearing(FaultyBucket):
        def put_file(self, name: str, source: Reader, size: int) -> None:
            heard.ways.clear()
            data = b"".join(iter(lambda: source.read(10_000), b""))
            read = [way for way in heard.ways if way[0] == name]
            assert [size for _, size in read][-1] == len(data) == size
            assert len(read) >= len(data) // 10_000
            super().put_file(name, io.BytesIO(data), size)

    heard = Heard()
    Blobs(Hearing(memory), part).upload(blob(content), opener(content), heard)
    assert heard.ways[-1][1] == 0  # nothing is on its way any more
    assert heard.size == len(content)
    # What is there is opened, and not sent.
    Blobs(memory, part).upload(blob(content), opener(content), heard)
    assert heard.size == len(content)


def test_what_does_not_arrive_is_on_its_way_no_more(memory: Bucket) -> None:
    heard = Heard()
    faulty = FaultyBucket(memory, Fault.FULL)
    with pytest.raises(StoreFullError):
        Blobs(faulty).upload(blob(NOISE * 5), opener(NOISE * 5), heard)
    assert heard.size == 0
    assert [size for _, size in heard.ways][-1] == 0


def test_a_blob_of_the_wrong_size_is_sent_again(memory: Bucket) -> None:
    memory.put(blob_name(digest_of_bytes(NOISE)), b"cut")
    stored = up(Blobs(memory), NOISE)
    assert Blobs(memory).has(blob(NOISE), stored)


def test_a_file_that_changed_is_not_sent(memory: Bucket) -> None:
    for size in (350_000, 3_000_000, 20_000_000):
        content = os.urandom(size)
        changed = content[:-1] + bytes([content[-1] ^ 1])
        with pytest.raises(StoreDamagedError):
            Blobs(memory).upload(blob(content), lambda _, changed=changed: io.BytesIO(changed))  # type: ignore[misc]
        with pytest.raises(StoreDamagedError):
            Blobs(memory, PART * 10).upload(
                blob(content),
                lambda _, changed=changed: io.BytesIO(changed[:-5]),  # type: ignore[misc]
            )
        assert Blobs(memory).look(blob(content)) is None


def test_a_file_that_cannot_be_read_is_damage_of_its_own(memory: Bucket) -> None:
    class Unreadable(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "input/output error")
            return super().read(size)

    def opened(_: Digest) -> IO[bytes]:
        return Unreadable(NOISE)

    whole = Unreadable(NOISE)
    assert len(whole.read(10)) == 10
    for content in (os.urandom(3 << 20), NOISE):
        with pytest.raises(StoreDamagedError):
            Blobs(memory).upload(BlobRef(digest_of_bytes(content), 3 << 20), opened)


@pytest.mark.parametrize("size", [150_000, 350_000])
def test_one_who_may_not_look_sends_all(memory: Bucket, size: int) -> None:
    class Blind(FaultyBucket):
        def _now(self, call: str, name: str) -> Fault:
            if call in {"head", "list"}:
                raise StoreForbiddenError("write only")
            return super()._now(call, name)

    content = NOISE[:size]
    for _ in range(2):
        watched = Blind(memory)
        stored = up(Blobs(watched, 200_000), content)
        assert any(call in {"put", "put_file"} for call, _ in watched.calls)
    assert Blobs(memory).has(blob(content), stored)


def test_parts_of_which_too_much_came_are_damage(memory: Bucket, tmp_path: Path) -> None:
    stored = up(Blobs(memory), NOISE)
    memory.put(blob_name(digest_of_bytes(NOISE)), NOISE + b"x")
    with pytest.raises(StoreDamagedError, match="larger"):
        Blobs(memory).fetch(blob(NOISE), stored, tmp_path / "x")


@pytest.mark.parametrize("data", [b"", b"not zstd", b"\x28\xb5\x2f\xfd"], ids=range(3))
def test_what_is_not_zstd_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamagedError):
        list(zstd.decompressed([data], 10))


def test_a_file_that_ends_too_early_is_not_compressed() -> None:
    with pytest.raises(StoreDamagedError), zstd.compressed(io.BytesIO(b"123"), 4):
        pass


def test_zstd_of_python_itself_does_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """It came with Python 3.14; here the package plays its part."""
    package = zstandard

    class Compressor:
        def __init__(self, level: int) -> None:
            self._own = package.ZstdCompressor(level=level).compressobj()

        def compress(self, data: bytes) -> bytes:
            return self._own.compress(data)

        def flush(self) -> bytes:
            return self._own.flush()

    class Library:
        ZstdCompressor = Compressor
        ZstdError = package.ZstdError

        class DecompressionParameter:
            window_log_max = "window_log_max"

        @staticmethod
        def open(file: IO[bytes], mode: str, *, options: dict[str, int]) -> object:
            assert (mode, options) == ("rb", {"window_log_max": 27})
            return package.ZstdDecompressor().stream_reader(file)

    monkeypatch.setattr(zstd, "zstd_library", lambda: (Library, False))
    assert zstd.pays(TEXT)
    with zstd.compressed(io.BytesIO(TEXT), len(TEXT)) as (packed, size):
        data = packed.read(size)
    assert b"".join(zstd.decompressed([data[:100], data[100:]], len(TEXT))) == TEXT


@pytest.mark.parametrize("part", [PART, 1 << 20], ids=["parts", "one"])
def test_without_room_to_compress_a_blob_goes_up_as_it_is(
    memory: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    class Full(tempfile.SpooledTemporaryFile[bytes]):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self) -> None:
            super().close()
            raise OSError(errno.ENOSPC, "what was to be written last")

    monkeypatch.setattr(tempfile, "SpooledTemporaryFile", Full)
    blobs, heard = Blobs(memory, part), Heard()
    stored = blobs.upload(blob(TEXT), opener(TEXT), heard)
    assert stored.place is (Place.RAW if part > len(TEXT) else Place.PARTS)
    assert heard.size == len(TEXT)
    blobs.fetch(blob(TEXT), stored, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == TEXT


def test_where_there_is_no_zstd_it_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> object:
        raise UsageError("not installed")

    monkeypatch.setattr(zstd, "zstd_library", missing)
    assert not zstd.has_zstd()
    assert not zstd.pays(TEXT)


def test_what_decompresses_to_more_than_it_may_is_damage(memory: Bucket, tmp_path: Path) -> None:
    bomb = b"\0" * (64 << 20)
    with zstd.compressed(io.BytesIO(bomb), len(bomb)) as (packed, size):
        assert size < 100_000
        data = packed.read(size)
    name = blob_name(digest_of_bytes(TEXT)) + ".zst"
    memory.put(name, data)
    with pytest.raises(StoreDamagedError, match="more comes out"):
        Blobs(memory).fetch(blob(TEXT), Stored(Place.ZSTD, size), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


SKIPPED = b"\x50\x2a\x4d\x18" + (1 << 20).to_bytes(4, "little") + bytes(1 << 20)
"""A frame of zstd out of which nothing comes."""


def test_what_makes_nothing_of_very_much_is_damage(memory: Bucket, tmp_path: Path) -> None:
    stored = up(Blobs(memory), TEXT)
    name = blob_name(digest_of_bytes(TEXT)) + ".zst"
    sound = memory.get(name, 1 << 20) or b""

    class Endless(FaultyBucket):
        came = 0

        def read(self, name: str) -> Iterator[bytes]:
            for _ in range(50):
                self.came += len(SKIPPED)
                yield SKIPPED
            yield sound

    endless = Endless(memory)
    with pytest.raises(StoreDamagedError, match="larger than it can be"):
        Blobs(endless).fetch(blob(TEXT), stored, tmp_path / "x")
    assert endless.came <= 2 * len(SKIPPED)
    # Nor is it taken for the blob by whoever has that.
    memory.put(name, 50 * SKIPPED + sound)
    assert up(Blobs(memory), TEXT) == stored
    assert memory.get(name, 1 << 20) == sound


def test_no_blob_fills_the_disk(memory: Bucket, tmp_path: Path) -> None:
    huge = BlobRef(digest_of_bytes(b"?"), 1 << 60)
    with pytest.raises(StoreFullError):
        Blobs(memory).fetch(huge, Stored(Place.ZSTD, 10), tmp_path / "x")


def test_damage_is_not_removed_by_one_who_may_only_read(memory: Bucket, tmp_path: Path) -> None:
    stored = up(Blobs(memory), NOISE)
    memory.put(blob_name(digest_of_bytes(NOISE)), bytes(len(NOISE)))
    with pytest.raises(StoreDamagedError):
        Blobs(memory, may_write=False).fetch(blob(NOISE), stored, tmp_path / "x")
    assert Blobs(memory).has(blob(NOISE), stored)
    with pytest.raises(StoreDamagedError):
        Blobs(memory).fetch(blob(NOISE), stored, tmp_path / "x")
    assert not Blobs(memory).has(blob(NOISE), stored)


# in parts


class Large(NamedTuple):
    content: bytes
    place: str


@pytest.fixture(params=["raw", "zstd"])
def large(request: pytest.FixtureRequest) -> Large:
    """A blob of four parts."""
    text = TEXT[: 3 * PART + 12_345]
    return Large(NOISE if request.param == "raw" else text, request.param)


def test_a_large_blob_is_stored_in_parts(memory: Bucket, large: Large, tmp_path: Path) -> None:
    blobs = Blobs(memory, PART)
    stored = up(blobs, large.content)
    assert stored.place is Place.PARTS
    assert blobs.has(blob(large.content), stored)
    assert Blobs(memory).look(blob(large.content)) == stored
    names = sorted(found.name.rpartition("/")[2] for found in memory.list("blobs/"))
    suffix = ".zst" if large.place == "zstd" else ""
    assert names == [*(f"0000{i}{suffix}" for i in range(4)), "whole"]
    blobs.fetch(blob(large.content), stored, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == large.content
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_upload_that_was_cut_short_goes_on(memory: Bucket, large: Large) -> None:
    class Failing(FaultyBucket):
        def put_file(self, name: str, source: object, size: int) -> None:
            if "00002" in name:
                self.fault = Fault.UNREACHABLE
            super().put_file(name, source, size)  # type: ignore[arg-type]

    with pytest.raises(StoreUnreachableError):
        up(Blobs(Failing(memory), PART), large.content)
    watched = FaultyBucket(memory)
    stored = up(Blobs(watched, PART), large.content)
    sent = [name.rpartition("/")[2][:5] for call, name in watched.calls if call == "put_file"]
    assert sent == ["00002", "00003"]
    assert Blobs(memory, PART).has(blob(large.content), stored)
    watched.calls.clear()
    assert up(Blobs(watched, PART), large.content) == stored
    assert not any(call.startswith("put") for call, _ in watched.calls)


def test_a_download_that_was_cut_short_goes_on(
    memory: Bucket, large: Large, tmp_path: Path
) -> None:
    stored = up(Blobs(memory, PART), large.content)

    class Failing(FaultyBucket):
        def read(self, name: str) -> Iterator[bytes]:
            if "00002" in name:
                self.fault = Fault.CUT
            return super().read(name)

    target = tmp_path / "x"
    with pytest.raises(StoreUnreachableError):
        Blobs(Failing(memory), PART).fetch(blob(large.content), stored, target)
    assert not target.exists()
    watched = FaultyBucket(memory)
    Blobs(watched, PART).fetch(blob(large.content), stored, target)
    read = [name.rpartition("/")[2][:5] for call, name in watched.calls if call == "read"]
    assert read == ["00002", "00003"]
    assert target.read_bytes() == large.content
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_connection_that_breaks_costs_one_part(
    memory: Bucket, large: Large, tmp_path: Path
) -> None:
    stored = up(Blobs(memory, PART), large.content)

    class Breaking(FaultyBucket):
        def read(self, name: str) -> Iterator[bytes]:
            is_first = ("read", name) not in self.calls
            self.fault = Fault.CUT if "00002" in name and is_first else Fault.NONE
            return super().read(name)

    watched = Breaking(memory)
    Blobs(watched, PART).fetch(blob(large.content), stored, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == large.content
    read = [name.rpartition("/")[2][:5] for call, name in watched.calls if call == "read"]
    assert read == ["00000", "00001", "00002", "00002", "00003"]


def test_what_somebody_wrote_into_a_partial_download_does_not_get_through(
    memory: Bucket, large: Large, tmp_path: Path
) -> None:
    stored = up(Blobs(memory, PART), large.content)
    for planted in (b"evil", large.content[:PART] + bytes(PART), bytes(10 * PART)):
        target = tmp_path / "x"
        (tmp_path / "x.partial").write_bytes(planted)
        Blobs(memory, PART).fetch(blob(large.content), stored, target)
        assert target.read_bytes() == large.content
        target.unlink()


def test_a_part_that_makes_nothing_of_very_much_is_damage(memory: Bucket, tmp_path: Path) -> None:
    content = TEXT[: 3 * PART]
    stored = up(Blobs(memory, PART), content)
    folder = f"{blob_name(digest_of_bytes(content))}.parts/"
    sound = memory.get(f"{folder}00001.zst", 1 << 20) or b""
    memory.put(f"{folder}00001.zst", SKIPPED + sound)
    with pytest.raises(StoreDamagedError, match="larger than it can be"):
        Blobs(memory, may_write=False).fetch(blob(content), stored, tmp_path / "x")
    assert up(Blobs(memory, PART), content) == stored
    assert memory.get(f"{folder}00001.zst", 1 << 20) == sound
    listed = json.loads(memory.get(f"{folder}whole", 1 << 20) or b"")
    listed["parts"][1]["stored"] += len(SKIPPED)
    data = json.dumps(listed).encode()
    memory.put(f"{folder}whole", data)
    with pytest.raises(StoreDamagedError, match="not a size"):
        Blobs(memory, may_write=False).fetch(
            blob(content), Stored(Place.PARTS, len(data)), tmp_path / "x"
        )


@pytest.mark.parametrize("damage", ["lost", "cut", "changed", "list", "no list"])
def test_a_large_blob_that_is_damaged_is_no_blob_and_heals(
    memory: Bucket, large: Large, damage: str, tmp_path: Path
) -> None:
    stored = up(Blobs(memory, PART), large.content)
    suffix = ".zst" if large.place == "zstd" else ""
    folder = f"{blob_name(digest_of_bytes(large.content))}.parts/"
    part, whole = f"{folder}00001{suffix}", f"{folder}whole"
    data = memory.get(part, 1 << 20) or b""
    if damage == "lost":
        memory.delete([part])
    elif damage == "cut":
        memory.put(part, data[:-1])
    elif damage == "changed":
        memory.put(part, bytes(len(data)))
    elif damage == "list":
        memory.put(whole, b"{}".ljust(stored.size))
    else:
        memory.delete([whole])
    blobs = Blobs(memory, PART)
    assert blobs.has(blob(large.content), stored) == (damage == "changed")
    with pytest.raises(StoreDamagedError):
        blobs.fetch(blob(large.content), stored, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    again = up(blobs, large.content)
    blobs.fetch(blob(large.content), again, tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == large.content
