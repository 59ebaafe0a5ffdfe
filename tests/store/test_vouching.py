"""What a machine signs as it goes up: what it has executed, and nothing that it was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.settings import Settings
from cwl_memo.errors import StoreUnreachableError
from cwl_memo.memo.memo import Memo
from cwl_memo.store.local import open_store
from cwl_memo.store.tiered import TieredStore
from tests.store.example import digest, entry, key
from tests.store.fake_remote import FakeRemote, Objects

CONTENT = b"content " * 100
Home = Callable[..., TieredStore]


@pytest.fixture
def objects() -> Objects:
    return Objects()


@pytest.fixture
def home(tmp_path: Path, objects: Objects) -> Iterator[Home]:
    """Opens the store of a home whose machine signs what goes up."""
    opened: list[TieredStore] = []

    def open_home(name: str, remote: FakeRemote | None = None, **how: bool) -> TieredStore:
        remote = remote or FakeRemote(objects, host=name, **({"signs": True} | how))
        front = open_store(tmp_path / name)
        spool = front.spool(remote.location)
        opened.append(TieredStore(front, remote, spool=spool, ask_again=0, pauses=(0.0,)))
        return opened[-1]

    yield open_home
    for store in opened:
        store.close()


def made(number: int = 1, output: str = "honest") -> Entry:
    before = entry(number, CONTENT)
    return replace(before, variants=(replace(before.variants[0], output={"out": output}),))


def take_in(store: TieredStore, one: Entry) -> None:
    """Have an entry stand in a local store, whoever made it."""
    store.ingest_bytes(CONTENT)
    store.front.publish(one)


def execute(store: TieredStore, one: Entry) -> None:
    """Record an entry as the memo does whose job was executed here."""
    store.ingest_bytes(CONTENT)
    store.vouch(one)
    store.publish(one)


def go_up(store: TieredStore, one: Entry) -> None:
    store.share(one.key)
    store.end_sharing(wait=True)


def grow(store: TieredStore, run: str) -> None:
    """Collect another output of the workspace of the entry that a lookup finds."""
    with Memo(store, Settings(), run=run) as memo:
        found = store.get_entry(key(1))
        assert found is not None
        assert store.read_blob(digest(CONTENT)) == CONTENT
        memo.publish_variant(found, OutputVariant(digest(b"more"), {"more": 1}, found.blobs))
        memo.end_sharing(keep=True, wait=True)


def test_what_was_executed_here_is_signed(home: Home, objects: Objects) -> None:
    store = home("a")
    execute(store, made())
    go_up(store, made())
    assert objects.signed == {key(1): "a"}


def test_what_stands_here_without_that_is_not(home: Home, objects: Objects) -> None:
    store = home("a")
    take_in(store, made())
    go_up(store, made())
    assert key(1) in objects.entries
    assert objects.signed == {}


def test_what_has_taken_its_place_before_it_goes_up_is_not(home: Home, objects: Objects) -> None:
    store = home("a")
    execute(store, made())
    take_in(store, made(output="false"))
    go_up(store, made())
    assert objects.signed == {}


def test_what_a_killed_run_executed_a_later_one_signs(home: Home, objects: Objects) -> None:
    broken = FakeRemote(objects, host="a", signs=True)
    broken.faults["publish"] = StoreUnreachableError("away")
    killed = home("a", broken)
    execute(killed, made())
    go_up(killed, made())
    killed.close()
    store = home("a")
    store.begin_run("later")
    store.end_sharing(wait=True)
    assert objects.signed == {key(1): "a"}


@pytest.mark.parametrize("note", [None, b"", b"blake3:12", b"\xff" * 71, b"x" * 1000])
def test_what_has_taken_its_place_since_is_not(
    home: Home, objects: Objects, tmp_path: Path, note: bytes | None
) -> None:
    broken = FakeRemote(objects, host="a", signs=True)
    broken.faults["publish"] = StoreUnreachableError("away")
    killed = home("a", broken)
    execute(killed, made())
    go_up(killed, made())
    if note is None:
        take_in(killed, made(output="false"))
    else:
        (left,) = (tmp_path / "a" / "uploads").rglob(key(1).hex)
        left.write_bytes(note)
    killed.close()
    store = home("a")
    store.begin_run("later")
    store.share(key(1))
    store.end_sharing(wait=True)
    assert key(1) in objects.entries
    assert objects.signed == {}


def test_what_says_that_this_run_made_it_is_not_believed(home: Home, objects: Objects) -> None:
    stranger = home("stranger", signs=False)
    claims = made(output="false")
    claims = replace(claims, origin=replace(claims.origin, run="this-run"))
    take_in(stranger, claims)
    go_up(stranger, claims)
    grow(home("a"), "this-run")
    assert objects.signed == {}


def test_it_yields_to_what_another_has_signed(home: Home, objects: Objects) -> None:
    honest, store = home("honest"), home("a")
    execute(honest, made())
    go_up(honest, made())
    signed = objects.entries[key(1)]
    take_in(store, made(output="false"))
    go_up(store, made())
    assert objects.entries[key(1)] == signed
    assert store.end_sharing(wait=True).not_uploaded == 0


def test_without_a_key_the_last_writer_wins(home: Home, objects: Objects) -> None:
    for output in ("one", "two"):
        store = home(output, signs=False)
        take_in(store, made(output=output))
        go_up(store, made())
    assert b'"two"' in objects.entries[key(1)]


def test_what_grows_out_of_what_was_executed_here_is_signed(home: Home, objects: Objects) -> None:
    store = home("a")
    execute(store, made())
    grow(store, "run")
    assert objects.signed == {key(1): "a"}


def test_what_grows_out_of_what_is_trusted_is_signed(home: Home, objects: Objects) -> None:
    honest = home("honest")
    execute(honest, made())
    go_up(honest, made())
    grow(home("a"), "run")
    assert objects.signed == {key(1): "a"}


def test_what_grows_out_of_what_stood_here_is_not_though_a_trusted_one_is_there(
    home: Home, objects: Objects
) -> None:
    honest = home("honest")
    execute(honest, made())
    go_up(honest, made())
    store = home("a")
    looked = store.look_ahead(key(1))
    assert looked is not None
    looked.result()
    take_in(store, made(output="false"))
    grow(store, "run")
    assert objects.signed == {key(1): "honest"}
