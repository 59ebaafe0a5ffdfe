"""The benchmark of a store of many entries measures what it says, on few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks import store_entries
from cwl_memo.store.local import open_store

_SCRIPT = Path(store_entries.__file__)


def test_a_store_made_in_bulk_is_as_one_that_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", os.fsync)
    store_entries.fill(tmp_path / "published", 300)
    store_entries.fill_in_bulk(tmp_path / "bulk", 300)
    with (
        closing(open_store(tmp_path / "published")) as published,
        closing(open_store(tmp_path / "bulk")) as bulk,
    ):
        assert bulk.stats() == published.stats()
        assert bulk.stats().entries == bulk.stats().blobs == 300
        assert set(bulk.keys()) == set(published.keys())
        for key in bulk.keys():  # noqa: SIM118  (no mapping)
            made = bulk.get_entry(key)
            assert made == published.get_entry(key)
            assert made is not None
            for blob in made.blobs:
                assert bulk._index.blob_identity(blob.digest) is not None
                assert bulk.check_blob(blob.digest, blob.size)


def test_every_step_is_done_and_the_store_is_removed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(_SCRIPT), "--entries", "60", "--sample", "10", "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(_SCRIPT.parents[1])},
        stdout=subprocess.PIPE,
        check=True,
    )
    results = {result["step"]: result for result in json.loads(done.stdout)["results"]}
    assert list(results) == ["fill", *store_entries.STEPS]
    counts = {step: result["count"] for step, result in results.items()}
    assert counts["look-up"] == counts["look-up, miss"] == counts["publish"] == 10
    assert counts["keys"] == counts["stats"] == counts["stats, first"] == 70
    # Three in a hundred.
    assert counts["gc --dry-run"] == counts["gc"] == 3
    assert list(tmp_path.iterdir()) == []
