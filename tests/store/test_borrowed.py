"""What a process remembers of borrowed entries: what it needs, for as long as it needs it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.store.borrowed import Borrowed
from cwl_memo.store.local import open_store
from cwl_memo.store.tiered import TieredStore
from tests.store.example import blob, digest, entry, path_of
from tests.store.fake_remote import FakeRemote, Objects

SMALL, LARGE = b"small", b"large " * 1000


def nothing(_: BlobRef) -> bool:
    return False


def heavy(number: int, nodes: int) -> Entry:
    made = entry(number, LARGE)
    (variant,) = made.variants
    return replace(made, variants=(replace(variant, output={"x": [[] for _ in range(nodes)]}),))


def test_of_an_entry_that_is_the_fronts_own_is_kept_that_it_was_lent() -> None:
    borrowed = Borrowed(0)
    made, other = entry(1, SMALL, LARGE), entry(2, LARGE)
    for one in (made, other):
        borrowed.add(one, {}, nothing)
    borrowed.announce(made.key, made.blobs)
    borrowed.own(made.key)
    assert borrowed.get(made.key) is None
    assert not borrowed.is_known(made.key)
    assert borrowed.was_lent(made.key)
    assert borrowed.lender(digest(SMALL)) is None
    assert borrowed.unannounced(made.key, made.blobs) == list(made.blobs)
    # The other may need it still.
    assert borrowed.lender(digest(LARGE)) == (other.key, blob(LARGE))


def test_what_is_of_no_use_lends_what_it_promised() -> None:
    borrowed = Borrowed(0)
    made = entry(1, LARGE)
    borrowed.add(made, {}, nothing)
    borrowed.note_lost(made.key)
    assert borrowed.lender(digest(LARGE)) == (made.key, blob(LARGE))
    assert borrowed.arrived(digest(LARGE)) == []


def test_the_oldest_entries_give_way_and_lend_their_blobs_all_the_same() -> None:
    borrowed = Borrowed(0, most_of_entries=1 << 20)
    made = [heavy(number, 5000) for number in range(10)]
    for one in made:
        borrowed.add(one, {}, nothing)
        borrowed.get(made[0].key)
    known = [one for one in made if borrowed.get(one.key) is not None]
    assert len(known) == 3
    assert made[0] in known  # which was used
    assert made[-1] in known
    assert not borrowed.is_known(made[1].key)
    assert borrowed.lender(digest(LARGE)) is not None
    assert sorted(borrowed.arrived(digest(LARGE))) == sorted(one.key for one in made)


def test_one_that_is_larger_than_all_may_be_keeps_no_other_out() -> None:
    borrowed = Borrowed(0, most_of_entries=1 << 20)
    huge, made = heavy(1, 200_000), entry(2, LARGE)
    borrowed.add(huge, {}, nothing)
    assert borrowed.get(huge.key) is huge
    borrowed.add(made, {}, nothing)
    assert borrowed.get(huge.key) is None
    assert borrowed.get(made.key) is made


@pytest.fixture
def there(tmp_path: Path) -> TieredStore:
    """A home beside another, which has shared an entry."""
    objects = Objects()
    with_it = TieredStore(open_store(tmp_path / "a"), FakeRemote(objects, host="a"))
    for content in (SMALL, LARGE):
        with_it.ingest_bytes(content)
    for number in (1, 2):
        made = entry(number, SMALL, LARGE)
        with_it.publish(made)
        with_it.share(made.key)
    with_it.end_sharing(wait=True)
    with_it.close()
    return TieredStore(open_store(tmp_path / "b"), FakeRemote(objects, host="b"), ask_again=0)


def test_an_entry_that_gave_way_is_the_fronts_own_when_all_is_here(there: TieredStore) -> None:
    there._borrowed = there._blobs._borrowed = Borrowed(0, most_of_entries=1)
    keys = [entry(number).key for number in (1, 2)]
    for key in keys:
        found = there.get_entry(key)
        assert found is not None
        assert there.check_blobs(found, found.blobs)
    there.bring([digest(SMALL), digest(LARGE)])
    assert all(there.front.get_entry(key) is not None for key in keys)
    there.close()


def test_what_is_the_fronts_own_is_remembered_no_more(there: TieredStore) -> None:
    key = entry(1).key
    assert there.get_entry(key) is not None
    assert there.read_blob(digest(LARGE)) == LARGE
    assert there.front.get_entry(key) is not None
    assert there._borrowed.get(key) is None
    assert there._borrowed.lender(digest(LARGE)) is None
    assert there.is_borrowed(key)
    there.close()


def test_a_blob_of_an_own_entry_that_goes_is_asked_for_again(there: TieredStore) -> None:
    key = entry(1).key
    found = there.get_entry(key)
    assert found is not None
    assert there.read_blob(digest(LARGE)) == LARGE
    path_of(there.front, LARGE).unlink()  # type: ignore[arg-type]
    assert there.check_blobs(found, found.blobs)
    assert there.read_blob(digest(LARGE)) == LARGE
    there.close()
