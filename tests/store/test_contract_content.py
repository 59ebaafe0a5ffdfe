"""What every store does with entries and blobs."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cwl_memo.core.entry import OutputVariant
from cwl_memo.core.mode import Mode
from cwl_memo.errors import StoreDamagedError, StoreError
from cwl_memo.store.protocol import FileDigest, FileIdentity, Store
from tests.store.example import digest, entry, key, record

# entries


def test_a_published_entry_is_found_as_it_was(store: Store) -> None:
    made = record(store, 1, b"one", b"two")
    assert store.get_entry(made.key) == made


def test_a_key_without_entry_gives_none(store: Store) -> None:
    assert store.get_entry(key(1)) is None


def test_publishing_again_replaces_the_entry(store: Store) -> None:
    first = record(store, 1, b"one")
    section = digest(b"other outputs")
    store.publish(first.with_variant(OutputVariant(section, {"count": 1}, ())))
    found = store.get_entry(first.key)
    assert found is not None
    assert found.variant(section) is not None
    assert list(store.keys()) == [first.key]


def test_an_entry_whose_blob_was_never_ingested_is_not_published(store: Store) -> None:
    with pytest.raises(StoreDamagedError):
        store.publish(entry(1, b"never ingested"))
    assert store.get_entry(key(1)) is None


def test_an_entry_that_states_another_size_of_its_blob_is_not_published(store: Store) -> None:
    store.ingest_bytes(b"one")
    made = entry(1, b"one")
    lying = type(made.blobs[0])(made.blobs[0].digest, 4)
    with pytest.raises(StoreDamagedError):
        store.publish(type(made)(**{**made.__dict__, "blobs": (lying,)}))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_an_entry_that_json_cannot_name_is_not_published(store: Store, value: object) -> None:
    made = entry(1)
    with pytest.raises(StoreError):
        store.publish(type(made)(**{**made.__dict__, "fingerprint": {"value": value}}))
    assert store.get_entry(made.key) is None


def test_text_of_undecodable_file_names_survives(store: Store) -> None:
    made = entry(1)
    made = type(made)(**{**made.__dict__, "fingerprint": {"name": "caf\udce9"}})
    store.publish(made)
    assert store.get_entry(made.key) == made


def test_a_dropped_entry_is_gone_and_may_be_dropped_again(store: Store) -> None:
    made = record(store, 1)
    store.drop_entry(made.key)
    store.drop_entry(made.key)
    assert store.get_entry(made.key) is None
    assert list(store.keys()) == []


def test_keys_are_those_of_all_entries(store: Store) -> None:
    numbers = [1, 2, 1 << 250]
    for number in numbers:
        record(store, number)
    assert sorted(store.keys()) == [key(number) for number in numbers]


def test_recent_gives_the_latest_entries_of_one_tool_newest_first(store: Store) -> None:
    for number in range(1, 5):
        record(store, number, tool="sort" if number != 3 else "align")
        time.sleep(0.002)
    assert store.recent("sort", 2) == [key(4), key(2)]
    assert store.recent("align", 9) == [key(3)]
    assert store.recent("index", 9) == []


def test_recent_leaves_out_what_was_dropped(store: Store) -> None:
    record(store, 1)
    record(store, 2)
    store.drop_entry(key(2))
    assert store.recent("sort", 9) == [key(1)]


# blobs


def test_ingest_gives_all_digests_and_leaves_the_file_alone(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    content = os.urandom(3_000_000)
    source.write_bytes(content)
    source.chmod(0o640)
    before = FileIdentity.of(source.stat())
    found = store.ingest_file(source)
    assert found == FileDigest(
        digest(content),
        len(content),
        hashlib.sha1(content, usedforsecurity=False).hexdigest(),
        program=False,
    )
    assert store.read_blob(found.digest) == content
    assert FileIdentity.of(source.stat()) == before


@pytest.mark.parametrize(
    ("content", "program"),
    [
        (b"#!/bin/sh\n", True),
        (b"\x7fELF\x02", True),
        (b"\xcf\xfa\xed\xfe\x07", True),
        (b"", False),
        (b"#", False),
        (b" #!", False),
        (b"PK\x03\x04", False),
    ],
)
def test_a_program_is_known_by_its_first_bytes(
    store: Store, tmp_path: Path, content: bytes, program: bool
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    assert store.ingest_file(source).program is program


def test_a_link_to_a_regular_file_is_ingested_as_the_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"one")
    (tmp_path / "link").symlink_to("source")
    assert store.ingest_file(tmp_path / "link").digest == digest(b"one")


def test_only_regular_files_are_ingested(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing", Path("/dev/null")):
        with pytest.raises(StoreError):
            store.ingest_file(path)


def test_the_same_bytes_are_one_blob(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"one")
    assert store.ingest_bytes(b"one") == store.ingest_file(tmp_path / "source").digest
    assert store.stats().blobs == 1
    assert store.used_bytes() == 3


def test_a_blob_is_sound_only_with_its_size(store: Store) -> None:
    found = store.ingest_bytes(b"one")
    assert store.check_blob(found, 3)
    assert not store.check_blob(found, 4)
    assert store.check_blob(found, 3)


def test_a_blob_that_never_was_is_neither_sound_nor_readable(store: Store, tmp_path: Path) -> None:
    assert not store.check_blob(digest(b"one"), 3)
    with pytest.raises(StoreDamagedError):
        store.read_blob(digest(b"one"))
    with pytest.raises(StoreDamagedError):
        store.materialise(digest(b"one"), tmp_path / "target")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize("hardlink", [False, True])
@pytest.mark.parametrize("executable", [False, True])
def test_materialise_gives_the_bytes_and_the_executable_bit(
    store: Store, tmp_path: Path, executable: bool, hardlink: bool
) -> None:
    content = os.urandom(1_500_000)
    target = tmp_path / "target"
    store.materialise(store.ingest_bytes(content), target, mode=Mode(executable), hardlink=hardlink)
    assert target.read_bytes() == content
    assert bool(target.stat().st_mode & stat.S_IXUSR) is executable
    assert target.is_file()
    assert not target.is_symlink()


def test_what_was_materialised_may_be_edited_without_harm(store: Store, tmp_path: Path) -> None:
    found = store.ingest_bytes(b"one")
    target = tmp_path / "target"
    store.materialise(found, target)
    assert stat.S_IMODE(target.stat().st_mode) & 0o700 == 0o600
    target.write_bytes(b"changed")
    assert store.check_blob(found, 3)
    assert store.read_blob(found) == b"one"


@pytest.mark.parametrize("hardlink", [False, True])
@pytest.mark.parametrize("bits", [0o600, 0o444, 0o500, 0o777, 0o666])
def test_materialise_gives_a_mode_that_no_umask_gave(
    store: Store, tmp_path: Path, bits: int, hardlink: bool
) -> None:
    mode = Mode.of(bits, umask=0o022)
    store.materialise(store.ingest_bytes(b"one"), tmp_path / "f", mode=mode, hardlink=hardlink)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == bits


def test_materialise_honours_the_umask(store: Store, tmp_path: Path) -> None:
    found = store.ingest_bytes(b"one")
    umask = os.umask(0o077)
    try:
        store.materialise(found, tmp_path / "target", mode=Mode(executable=True))
    finally:
        os.umask(umask)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o700


@pytest.mark.parametrize("hardlink", [False, True])
def test_materialise_overwrites_nothing_and_follows_no_link(
    store: Store, tmp_path: Path, hardlink: bool
) -> None:
    found = store.ingest_bytes(b"one")
    (tmp_path / "mine").write_bytes(b"mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("mine", "link", "missing/directory"):
        with pytest.raises(StoreError):
            store.materialise(found, tmp_path / name, hardlink=hardlink)
    assert (tmp_path / "mine").read_bytes() == b"mine"
    assert not (tmp_path / "nowhere").exists()


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=4096), executable=st.booleans(), hardlink=st.booleans())
def test_materialise_after_ingest_is_the_identity(
    store: Store, tmp_path: Path, content: bytes, executable: bool, hardlink: bool
) -> None:
    source = tmp_path / "source"
    target = tmp_path / "target"
    target.unlink(missing_ok=True)
    source.write_bytes(content)
    found = store.ingest_file(source)
    store.materialise(found.digest, target, mode=Mode(executable), hardlink=hardlink)
    assert target.read_bytes() == content


def test_keys_can_be_asked_for_by_how_they_begin(store: Store) -> None:
    for number in (1, 2, 0x1_0001, 0xAB << 248, 0xAC << 248):
        record(store, number, b"one")
    assert set(store.keys("ab0")) == {key(0xAB << 248)}
    assert set(store.keys("a")) == {key(0xAB << 248), key(0xAC << 248)}
    assert set(store.keys("0" * 59)) == {key(1), key(2), key(0x1_0001)}
    assert set(store.keys("0" * 60)) == {key(1), key(2)}
    assert list(store.keys("b")) == []
