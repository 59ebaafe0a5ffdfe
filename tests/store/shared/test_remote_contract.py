"""What every shared store can do, seen by two machines."""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import OutputVariant
from cwl_memo.core.settings import SharedMode
from cwl_memo.errors import (
    InvalidatedError,
    StoreDamagedError,
    StoreForbiddenError,
    StoreReadOnlyError,
)
from cwl_memo.store.shared.opening import open_bucket, open_shared
from cwl_memo.store.shared.remote import Remote
from cwl_memo.store.shared.store import SharedStore
from tests.store.example import blob, digest
from tests.store.shared.faults import Fault, FaultyBucket
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, take, tombstone, whole

NOISE = os.urandom(100_000)
TEXT = b"".join(b"line %d of a file that compresses\n" % i for i in range(10_000))


@pytest.fixture
def here(url: str) -> Iterator[Remote]:
    """The store as one machine sees it."""
    remote = open_shared(url)
    yield remote
    remote.close()


@pytest.fixture
def there(url: str) -> Iterator[Remote]:
    """The same store as another machine sees it."""
    remote = open_shared(url)
    yield remote
    remote.close()


class TestRemote:
    def test_an_entry_made_here_is_found_there(
        self, here: Remote, there: Remote, tmp_path: Path
    ) -> None:
        contents = (SMALL_FILE, NOISE, TEXT, b"")
        made = share(here, 1, *contents)
        found = there.find(made.key)
        assert found is not None
        assert found.entry == made
        assert found.signer == ""
        assert found.inline == {digest(SMALL_FILE): SMALL_FILE, digest(b""): b""}
        assert there.has(made.key, made.blobs)
        assert whole(there, found, contents, tmp_path)

    def test_a_key_that_nobody_had_is_not_found(self, here: Remote) -> None:
        assert here.find(job(1).key) is None

    def test_a_blob_is_fetched_by_one_who_has_not_looked_its_entry_up(
        self, here: Remote, there: Remote, tmp_path: Path
    ) -> None:
        made = share(here, 1, SMALL_FILE, NOISE, TEXT)
        for content in (SMALL_FILE, NOISE, TEXT):
            assert take(there, made, content, tmp_path / str(zlib.crc32(content))) == content
        assert there.has(made.key, made.blobs)

    def test_a_blob_that_is_not_there_is_damage_and_no_file(
        self, here: Remote, tmp_path: Path
    ) -> None:
        made = share(here, 1, NOISE)
        with pytest.raises(StoreDamagedError):
            here.fetch(made.key, blob(TEXT), tmp_path / "x")
        assert not here.has(made.key, [blob(TEXT)])
        assert list(tmp_path.iterdir()) in ([], [tmp_path / "shared"])

    def test_an_entry_is_replaced(self, here: Remote, there: Remote) -> None:
        made = share(here, 1, NOISE)
        assert there.find(made.key) is not None
        more = made.with_variant(OutputVariant(digest(b"other"), {"o": 1}, (blob(SMALL_FILE),)))
        there.publish(more, opener(NOISE, SMALL_FILE))
        found = here.find(made.key)
        assert found is not None
        assert found.entry == more

    def test_what_is_not_as_it_was_recorded_is_not_shared(
        self, here: Remote, there: Remote
    ) -> None:
        for content in (SMALL_FILE, NOISE, TEXT):
            made = job(1, content)
            changed = bytes(len(content))
            with pytest.raises(StoreDamagedError):
                here.publish(made, partial(_open_other, changed))
            assert there.find(made.key) is None

    def test_keys_are_listed(self, here: Remote) -> None:
        made = {share(here, number, b"%d" % number).key for number in range(5)}
        assert set(here.keys()) == made
        some = next(iter(made))
        assert set(here.keys(some.hex[:7])) == {some}
        assert set(here.keys(some.hex[:1])) == {k for k in made if k.hex[0] == some.hex[0]}

    def test_what_is_quarantined_is_gone_for_all(self, here: Remote, there: Remote) -> None:
        made = share(here, 1, SMALL_FILE)
        other = replace(made, origin=replace(made.origin, run="another"))
        there.quarantine(other, "it differs")
        assert there.find(made.key) is not None
        there.quarantine(made, "it differs")
        assert here.find(made.key) is None

    def test_what_is_taken_back_is_dead_for_all(self, here: Remote, there: Remote) -> None:
        made = share(here, 1, SMALL_FILE)
        assert here.tombstone(made.key) is None
        here.bury(made.key, tombstone("the tool was wrong"))
        assert here.find(made.key) is None
        assert there.find(made.key) is None
        known = there.tombstone(made.key)
        assert known == tombstone("the tool was wrong")
        with pytest.raises(InvalidatedError):
            there.publish(made, opener(SMALL_FILE))
        again = replace(made, after=(known.id,))
        there.publish(again, opener(SMALL_FILE))
        assert here.find(made.key) is not None

    def test_of_two_tombstones_both_must_be_known(self, here: Remote, there: Remote) -> None:
        made = share(here, 1, SMALL_FILE)
        here.bury(made.key, tombstone("one"))
        here.bury(made.key, tombstone("two"))
        one = replace(made, after=(tombstone("one").id,))
        with pytest.raises(InvalidatedError):
            there.publish(one, opener(SMALL_FILE))
        both = there.tombstone(made.key)
        assert both is not None
        there.publish(replace(made, after=(both.id,)), opener(SMALL_FILE))
        assert here.find(made.key) is not None
        named = (tombstone("one").id, tombstone("two").id)
        there.publish(replace(made, after=named), opener(SMALL_FILE))
        assert here.find(made.key) is not None
        here.bury(made.key, tombstone("three"))
        assert here.find(made.key) is None

    def test_of_two_machines_one_has_the_claim(self, here: Remote, there: Remote) -> None:
        key = job(1).key
        claim = here.claim(key)
        assert claim is not None
        assert there.claim(key) is None
        assert here.claim(key) is None
        other = there.claim(job(2).key)
        assert other is not None
        claim.release()
        claim.release()

    def test_a_store_that_is_only_read_takes_nothing(self, url: str, here: Remote) -> None:
        made = share(here, 1, SMALL_FILE)
        reader = open_shared(url, mode=SharedMode.READONLY)
        assert reader.find(made.key) is not None
        with pytest.raises(StoreReadOnlyError):
            share(reader, 2, SMALL_FILE)
        with pytest.raises(StoreReadOnlyError):
            reader.bury(made.key, tombstone("x"))
        reader.quarantine(made, "it differs")
        assert reader.find(made.key) is None
        assert here.find(made.key) is not None
        assert reader.claim(made.key) is not None
        reader.close()

    def test_a_store_that_is_only_written_gives_nothing(self, url: str, here: Remote) -> None:
        made = share(here, 1, SMALL_FILE)
        writer = open_shared(url, mode=SharedMode.WRITEONLY)
        assert writer.find(made.key) is None
        assert not writer.has(made.key, made.blobs)
        assert writer.tombstone(made.key) is None
        other = share(writer, 2, NOISE)
        writer.close()
        assert here.find(other.key) is not None

    def test_one_who_may_write_and_not_look_writes(self, url: str, here: Remote) -> None:
        class Blind(FaultyBucket):
            def _now(self, call: str, name: str) -> Fault:
                if call in {"get", "head", "read", "list"}:
                    raise StoreForbiddenError("write only")
                return Fault.NONE

        for number, has_create in enumerate((True, False)):
            blind = Blind(open_bucket(url))
            if not has_create:
                blind.put = _heads_first(blind)  # type: ignore[method-assign]
            writer = SharedStore(blind, mode=SharedMode.WRITEONLY)
            made = share(writer, number, SMALL_FILE, NOISE, TEXT)
            assert writer.claim(made.key) is not None
            writer.close()
            assert here.find(made.key) is not None
            assert here.has(made.key, made.blobs)

    def test_it_can_be_closed_twice(self, here: Remote) -> None:
        here.close()


def _heads_first(bucket: FaultyBucket) -> Callable[..., bool]:
    """Return a put for a server that knows no condition."""
    plain = bucket.put

    def put(name: str, data: bytes, *, create: bool = False) -> bool:
        if create:
            bucket.head(name)
        return plain(name, data)

    return put


def _open_other(data: bytes, _: Digest) -> IO[bytes]:
    return io.BytesIO(data)
