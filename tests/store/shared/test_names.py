"""Names of objects, and what says of which parts a blob is made."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.shared import layout
from cwl_memo.store.shared.parts import Part, Parts, split
from tests.store.example import digest, key

KEY = key(5)
DIGEST = digest(b"x")


def test_a_name_says_what_an_object_is() -> None:
    assert layout.key_of_name(layout.entry_name(KEY)) == KEY
    assert layout.key_of_name(layout.lease_name(KEY)) == KEY
    name = layout.blob_name(DIGEST)
    for blob in (name, name + ".zst", layout.part_name(DIGEST, 3), layout.whole_name(DIGEST)):
        assert layout.digest_of_name(blob) == DIGEST
    tombstone = layout.tombstone_name(KEY, DIGEST)
    assert layout.tombstone_of_name(tombstone) == (KEY, DIGEST)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "entries",
        "entries/",
        "entries/ab",
        f"entries/ab/{KEY.hex}",
        f"entries/{KEY.hex}",
        f"entries/{KEY.hex[:2]}/{KEY.hex}.tmp",
        f"entries/{KEY.hex[:3]}/{KEY.hex}",
        f"others/{KEY.hex[:2]}/{KEY.hex}",
        f"blobs/ab/{DIGEST.hex}",
        f"blobs/{DIGEST.hex[:2]}/{DIGEST.hex}.other",
        f"blobs/{DIGEST.hex[:2]}/{DIGEST.hex[:-1]}",
        f"tombstones/{KEY.hex}",
        f"tombstones/{KEY.hex}.{DIGEST.hex}.x",
        f"tombstones/x.{DIGEST.hex}",
        f"{KEY.hex}.{DIGEST.hex}",
        "settings.json",
    ],
)
def test_any_other_name_is_nobodys(name: str) -> None:
    assert layout.key_of_name(name) is None
    assert layout.digest_of_name(name) is None
    assert layout.tombstone_of_name(name) is None


def test_a_list_of_parts_is_read_as_it_was_written() -> None:
    parts = Parts((Part(DIGEST, 10, 5), Part(DIGEST, 3, 3)), is_compressed=True)
    assert Parts.read(parts.to_bytes(), 13) == parts
    assert parts.name(DIGEST, 1) == layout.part_name(DIGEST, 1) + ".zst"
    assert list(split(25, 10)) == [10, 10, 5]
    assert list(split(20, 10)) == [10, 10]


GOOD = {
    "format": 1,
    "at": "raw",
    "parts": [{"digest": str(DIGEST), "size": 13, "stored": 13}],
}


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"at": "elsewhere"},
        {"parts": []},
        {"parts": {}},
        {"parts": [{}]},
        {"parts": [{"digest": "x", "size": 13, "stored": 13}]},
        {"parts": [{"digest": str(DIGEST), "size": 0, "stored": 13}]},
        {"parts": [{"digest": str(DIGEST), "size": 12, "stored": 13}]},
        {"parts": [{"digest": str(DIGEST), "size": 13, "stored": -1}]},
    ],
    ids=range(9),
)
def test_a_list_of_parts_that_does_not_fit_is_damage(change: dict[str, Any]) -> None:
    assert Parts.read(json.dumps(GOOD).encode(), 13).parts
    with pytest.raises(StoreDamagedError):
        Parts.read(json.dumps({**GOOD, **change}).encode(), 13)


@pytest.mark.parametrize("data", [b"", b"[" * 100_000, b"\xff", b"[]"], ids=range(4))
def test_what_is_no_list_of_parts_is_damage(data: bytes) -> None:
    with pytest.raises(StoreDamagedError):
        Parts.read(data, 13)
