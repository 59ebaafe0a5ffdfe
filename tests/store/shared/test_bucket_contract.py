"""What every place for objects can do."""

from __future__ import annotations

import contextlib
import io
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cwl_memo.errors import StoreDamagedError, StoreError
from cwl_memo.store.shared.bucket import Bucket

MANY = 8 * (1 << 20) + 12345
"""Bytes that are sent in more than one part."""


def names(bucket: Bucket, prefix: str = "") -> set[str]:
    return {found.name for found in bucket.list(prefix)}


class TestBucket:
    def test_an_object_is_read_as_it_was_written(self, bucket: Bucket) -> None:
        assert bucket.put("blobs/ab/x", b"\0\xff bytes")
        assert bucket.get("blobs/ab/x", 100) == b"\0\xff bytes"
        assert b"".join(bucket.read("blobs/ab/x")) == b"\0\xff bytes"

    def test_an_object_may_be_empty(self, bucket: Bucket) -> None:
        bucket.put("empty", b"")
        assert bucket.get("empty", 0) == b""
        assert b"".join(bucket.read("empty")) == b""
        found = bucket.head("empty")
        assert found is not None
        assert found.size == 0

    def test_what_is_not_there_is_none(self, bucket: Bucket) -> None:
        assert bucket.get("none", 100) is None
        assert bucket.get("none/at/all", 100) is None
        assert bucket.head("none") is None
        with pytest.raises(StoreDamagedError):
            list(bucket.read("none"))

    def test_an_object_larger_than_it_can_be_is_damage(self, bucket: Bucket) -> None:
        bucket.put("x", b"123456")
        assert bucket.get("x", 6) == b"123456"
        with pytest.raises(StoreDamagedError, match="large"):
            bucket.get("x", 5)

    def test_an_object_is_replaced_whole(self, bucket: Bucket) -> None:
        bucket.put("x", b"a longer one")
        before = bucket.head("x")
        assert bucket.put("x", b"short")
        after = bucket.head("x")
        assert bucket.get("x", 100) == b"short"
        assert before is not None
        assert after is not None
        assert before.tag != after.tag

    def test_what_is_to_be_created_stays_as_it_is(self, bucket: Bucket) -> None:
        assert bucket.has_create()
        assert bucket.put("a/x", b"first", create=True)
        assert not bucket.put("a/x", b"second", create=True)
        assert bucket.get("a/x", 100) == b"first"

    def test_of_many_who_create_one_does(self, bucket: Bucket) -> None:
        assert bucket.has_create()
        barrier = threading.Barrier(8)

        def create(number: int) -> bool:
            barrier.wait()
            return bucket.put("raced", str(number).encode(), create=True)

        with ThreadPoolExecutor(8) as pool:
            created = list(pool.map(create, range(8)))
        assert sum(created) == 1
        assert bucket.get("raced", 10) == str(created.index(True)).encode()

    def test_probing_leaves_nothing_behind(self, bucket: Bucket) -> None:
        bucket.has_create()
        assert names(bucket) == set()

    def test_what_is_there_is_listed(self, bucket: Bucket) -> None:
        for name in ("entries/ab/abc", "entries/ab/abd", "entries/cd/cde", "top"):
            bucket.put(name, name.encode())
        assert names(bucket) == {"entries/ab/abc", "entries/ab/abd", "entries/cd/cde", "top"}
        assert names(bucket, "entries/") == {
            "entries/ab/abc",
            "entries/ab/abd",
            "entries/cd/cde",
        }
        assert names(bucket, "entries/ab/abc") == {"entries/ab/abc"}
        assert names(bucket, "entries/a") == {"entries/ab/abc", "entries/ab/abd"}
        assert names(bucket, "t") == {"top"}
        assert names(bucket, "leases/") == set()

    def test_a_list_tells_what_a_look_at_each_does(self, bucket: Bucket) -> None:
        bucket.put("a/x", b"123")
        (listed,) = bucket.list("a/")
        seen = bucket.head("a/x")
        assert seen is not None
        assert (listed.name, listed.size) == (seen.name, seen.size) == ("a/x", 3)
        # A list may be more exact than a look.
        assert int(listed.modified) == int(seen.modified)

    def test_many_objects_are_listed(self, bucket: Bucket) -> None:
        wanted = {f"many/{number:04}" for number in range(1100)}
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda name: bucket.put(name, b""), wanted))
        assert names(bucket, "many/") == wanted
        bucket.delete(wanted)
        assert names(bucket, "many/") == set()

    def test_what_is_removed_is_gone(self, bucket: Bucket) -> None:
        for name in ("a", "b", "c"):
            bucket.put(name, b"")
        bucket.delete(["a"])
        bucket.delete(["b", "never there", "c"])
        bucket.delete(["never there"])
        bucket.delete([])
        assert names(bucket) == set()

    @pytest.mark.parametrize("size", [0, 1, 70_000, MANY])
    def test_a_file_is_sent_whole(self, bucket: Bucket, size: int) -> None:
        data = bytes(range(256)) * (size // 256 + 1)
        bucket.put_file("large", io.BytesIO(data), size)
        found = bucket.head("large")
        assert found is not None
        assert found.size == size
        assert b"".join(bucket.read("large")) == data[:size]

    @pytest.mark.parametrize("size", [100, MANY])
    def test_a_file_that_ends_too_early_is_no_object(self, bucket: Bucket, size: int) -> None:
        with pytest.raises(StoreDamagedError):
            bucket.put_file("short", io.BytesIO(bytes(size - 1)), size)
        assert bucket.head("short") is None

    def test_a_file_that_cannot_be_read_is_an_error_of_the_store(self, bucket: Bucket) -> None:
        class Broken(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                if self.tell() > 1 << 20:
                    raise StoreDamagedError("not as it was recorded")
                return super().read(min(size or 0, 1 << 20))

        with pytest.raises(StoreDamagedError, match="as it was recorded"):
            bucket.put_file("broken", Broken(bytes(MANY)), MANY)
        assert bucket.head("broken") is None

    def test_a_new_object_shows_the_time_of_the_server(self, bucket: Bucket) -> None:
        bucket.put("first", b"")
        first = bucket.head("first")
        bucket.put("second", b"")
        second = bucket.head("second")
        assert first is not None
        assert second is not None
        assert first.modified <= second.modified

    def test_it_can_be_closed_twice(self, bucket: Bucket) -> None:
        bucket.close()
        bucket.close()

    def test_nothing_but_its_own_errors_comes_of_names(self, bucket: Bucket) -> None:
        with contextlib.suppress(StoreError):
            bucket.get("a\0b", 10)
