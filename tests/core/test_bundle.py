"""Inventories and records from elsewhere are read as hostile input."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cwl_memo.core.bundle import (
    CarriedEntry,
    Inventory,
    LeftOut,
    check_carried,
    portable_record,
    read_json,
    record_from_json,
)
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import BlobRef, Entry, Origin
from cwl_memo.core.run import EXECUTED, JobRecord, RunRecord
from cwl_memo.errors import FormatError

BLOB = BlobRef(Digest("a" * 64), 5)
OTHER = BlobRef(Digest("b" * 64), 7)
FILE = BlobRef(Digest("c" * 64), 11)


def carried(digit: str, *blobs: BlobRef) -> CarriedEntry:
    return CarriedEntry(ReuseKey(digit * 64), "sort.cwl", "sort", FILE, blobs)


INVENTORY = Inventory(
    run="2026-11-20-101500-a1b2",
    workspaces=True,
    entries=(carried("1", OTHER, BLOB), carried("2", BLOB)),
    left_out=(LeftOut("index", "not recorded (failed)"),),
    record=FILE,
)


def test_an_inventory_is_read_as_it_was_written() -> None:
    assert Inventory.from_json(json.loads(json.dumps(INVENTORY.to_json()))) == INVENTORY


def test_a_blob_stands_before_the_first_entry_that_needs_it() -> None:
    assert [name for name, _, _ in INVENTORY.members()] == [
        f"blobs/{'a' * 64}", f"blobs/{'b' * 64}",
        f"entries/{'1' * 64}.json", f"entries/{'2' * 64}.json", "run.json",
    ]  # fmt: skip
    assert INVENTORY.size == 5 + 7 + 3 * 11
    assert list(INVENTORY.blobs) == [BLOB, OTHER]
    assert INVENTORY.entries[0].size == 5 + 7


def test_an_entry_whose_fingerprint_has_no_digest_is_refused() -> None:
    origin = Origin("run", "sort", "sort.cwl", "2026", 1.0)
    entry = Entry(ReuseKey("1" * 64), {"n": math.nan}, (), 0, None, None, None, (), origin)
    with pytest.raises(FormatError, match="no fingerprint"):
        check_carried(entry, carried("1"))


def put(*path: str | int, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for name in path[:-1]:
            data = data[name]
        data[path[-1]] = value

    return change


INVENTORIES: dict[str, tuple[Callable[[Any], None], str]] = {
    "another program": (put("program", value="tar"), "program: not a bundle"),
    "another format": (put("format", value=2), "format: 2"),
    "no format": (put("format", value=True), "format: missing"),
    "other keys": (put("key_version", value=99), "key_version: 99"),
    "no list": (put("entries", value={}), "entries: missing"),
    "no object": (put("entries", 0, value=7), r"entries\[0\]: not an object"),
    "no key": (put("entries", 0, "key", value="../x"), "not a reuse key"),
    "two of a key": (put("entries", 1, "key", value="1" * 64), r"entries\[1\]\.key: stands twice"),
    "another order": (put("entries", 0, "key", value="3" * 64), "out of order"),
    "no digest": (put("entries", 0, "file", "digest", value="md5:1"), r"\.file\.digest"),
    "no file": (put("entries", 0, "file", value=None), r"entries\[0\]\.file"),
    "a negative size": (put("entries", 0, "blobs", 0, "size", value=-1), "negative"),
    "a boundless size": (put("entries", 0, "blobs", 0, "size", value=10**30), "too large"),
    "two sizes": (put("entries", 1, "blobs", 0, "size", value=6), "two sizes"),
    "no reason": (put("left_out", 0, value={"job": "x"}), r"left_out\[0\]\.why"),
    "no flag": (put("workspaces", value=1), "workspaces: missing"),
    "no record": (put("record", value=[]), "record"),
}


@pytest.mark.parametrize(("change", "message"), INVENTORIES.values(), ids=INVENTORIES)
def test_a_malformed_inventory_is_refused_with_its_place(
    change: Callable[[Any], None], message: str
) -> None:
    data = json.loads(json.dumps(INVENTORY.to_json()))
    change(data)
    with pytest.raises(FormatError, match=message):
        Inventory.from_json(data)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[" * 10**6, b"[NaN]", b"9" * 10**5])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"x\.json: not JSON"):
        read_json(data, "x.json")


RECORD = RunRecord(
    run="2026-11-20-101500-a1b2",
    document="wf.cwl",
    mode="readwrite",
    started="2026-11-20T10:15:00+00:00",
    ended="2026-11-20T10:16:00+00:00",
    status="success",
    runner="cwl-memo",
    jobs=[JobRecord("a", "a.cwl", EXECUTED, "miss", differs=("x", "y"), seconds=2.5, network=True)],
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert record_from_json(json.loads(json.dumps(RECORD.to_json()))) == RECORD


def test_a_portable_record_names_no_place_of_the_machine() -> None:
    here = replace(
        RECORD, document="/home/a/wf.cwl", arguments=("x",), store="/s", imported="2026-11-21"
    )
    assert portable_record(here) == RECORD


def test_what_a_newer_program_adds_to_a_record_is_left_out() -> None:
    data = json.loads(json.dumps(RECORD.to_json()))
    data["more"] = data["jobs"][0]["more"] = {"x": 1}
    del data["jobs"][0]["network"]
    (job,) = RECORD.jobs
    assert record_from_json(data).jobs == [replace(job, network=False)]


JOBS: dict[str, Any] = {
    "name": 1, "tool": None, "key": [], "seconds": "1", "size": True, "differs": ["x", 1],
    "network": "no", "started": {},
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [*JOBS.items(), ("seconds", 1e300), ("size", 10**30)])
def test_a_job_of_the_wrong_types_is_refused(name: str, value: Any) -> None:
    data = json.loads(json.dumps(RECORD.to_json()))
    data["jobs"][0][name] = value
    with pytest.raises(FormatError, match=rf"jobs\[0\]\.{name}"):
        record_from_json(data)
