"""Notes as files, whatever stands in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.note import Note
from cwl_memo.errors import InvalidatedError, StoreError, StoreReadOnlyError
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.manifest_file import used_entry
from tests.store.example import key, record


def _file(root: Path, kind: str = "tombstones") -> Path:
    return root / kind / "00" / f"{key(1).hex}.json"


@pytest.mark.parametrize("damage", [b"", b"\xff", b"[1]", b"{" * 10_000, b'{"reason": 7}'])
def test_a_tombstone_that_cannot_be_read_is_one_all_the_same(
    local: LocalStore, root: Path, damage: bytes
) -> None:
    made = record(local, 1, b"one")
    local.invalidate([made.key], "wrong")
    _file(root).chmod(0o600)
    _file(root).write_bytes(damage)
    tombstone = local.tombstone(made.key)
    assert tombstone is not None
    assert made.is_dead(tombstone)
    # And the key can be recorded again.
    local.publish(replace(made, after=(tombstone.id,)))


def test_what_cannot_be_read_at_all_is_no_permission(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    _file(root).parent.mkdir(parents=True)
    _file(root).mkdir()
    with pytest.raises(StoreError):
        local.tombstone(made.key)
    with pytest.raises(StoreError):
        local.publish(made)
    with pytest.raises(StoreError):
        local.invalidate([made.key], "wrong")
    assert used_entry(local._layout, made.key) is None
    assert list((root / "tmp").iterdir()) == []


def test_no_two_tombstones_are_the_same(local: LocalStore) -> None:
    local.invalidate([key(1)], "wrong")
    first = local.tombstone(key(1))
    local.invalidate([key(1)], "wrong")
    second = local.tombstone(key(1))
    assert first is not None
    assert second is not None
    assert first.id != second.id


def test_a_note_is_one_line_that_does_nothing_to_a_terminal() -> None:
    note = Note.from_json({"reason": "\x1b[2Jwrong\nreference " + "x" * 2000, "when": 7})
    assert note.reason.startswith("[2Jwrong reference xx")
    assert len(note.reason) < 1001
    assert (note.when, note.who) == ("", "")


def test_files_of_other_names_are_no_notes(local: LocalStore, root: Path) -> None:
    local.pin(key(1))
    directory = _file(root, "pins").parent
    for name in ("00.txt", "00.json", f"{'1' * 64}.json"):
        (directory / name).write_text("{}")
    assert list(local.pins()) == [key(1)]


def test_a_pin_that_goes_while_it_is_read_is_none(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.pin(key(1))
    monkeypatch.setattr(local._pins, "read", lambda _: None)
    assert local.pins() == {}


def test_who_may_not_write_takes_nothing_back(local: LocalStore, root: Path) -> None:
    local.invalidate([key(2)], "wrong")
    reader = open_store(root, readonly=True)
    with pytest.raises(StoreReadOnlyError):
        reader.invalidate([key(1)], "wrong")
    with pytest.raises(StoreReadOnlyError):
        reader.pin(key(1))
    with pytest.raises(StoreReadOnlyError):
        reader.unpin(key(1))
    assert reader.tombstone(key(2)) == local.tombstone(key(2))
    reader.close()


def test_a_replay_uses_no_entry_that_was_invalidated(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    before = used_entry(local._layout, made.key)
    assert before is not None
    local.invalidate([made.key], "wrong")
    assert used_entry(local._layout, made.key) is None
    tombstone = local.tombstone(made.key)
    assert tombstone is not None
    local.publish(replace(made, after=(tombstone.id,)))
    after = used_entry(local._layout, made.key)
    assert after is not None
    assert after != before
    (root / "entries" / "00" / f"{key(1).hex}.json").unlink()
    assert used_entry(local._layout, made.key) is None
    with pytest.raises(InvalidatedError):
        local.publish(made)


def test_where_tombstones_cannot_be_looked_for_nothing_is_known_to_live(
    local: LocalStore, root: Path
) -> None:
    made = record(local, 1, b"one")
    (root / "tombstones").write_text("no directory")
    with pytest.raises(StoreError):
        local.tombstone(made.key)
    assert used_entry(local._layout, made.key) is None


def test_a_tombstone_that_goes_while_a_replay_looks_is_none(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = record(local, 1, b"one")
    local.invalidate([made.key], "wrong")
    monkeypatch.setattr("cwl_memo.store.note_file.read_tombstone", lambda *_: None)
    assert used_entry(local._layout, made.key) is not None
