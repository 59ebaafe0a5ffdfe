"""The store of many entries, in small."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.entries import fill, measure_store
from benchmarks.errors import BenchmarkError
from cwl_memo.store.local import open_store


def test_a_filled_store_is_sound(tmp_path: Path) -> None:
    fill(tmp_path / "store", 30)
    store = open_store(tmp_path / "store")
    report = store.verify()
    store.close()
    assert (report.entries, report.blobs, report.orphan_blobs) == (30, 30, 0)
    assert not report.bad_entries
    assert not report.missing_blobs


def test_a_store_is_measured_by_look_ups_and_verbs(tmp_path: Path) -> None:
    fill(tmp_path / "store", 30)
    found = measure_store(tmp_path / "store", 30, tmp_path)
    assert found["entries"] == 30
    assert {len(row) for row in found["table"][1:]} == {4}


def test_a_store_that_lacks_entries_is_not_measured(tmp_path: Path) -> None:
    fill(tmp_path / "store", 30)
    with pytest.raises(BenchmarkError, match="not as it was published"):
        measure_store(tmp_path / "store", 300, tmp_path)
