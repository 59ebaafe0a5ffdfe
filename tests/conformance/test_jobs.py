"""How jobs are counted from a store's records."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from conformance.official.jobs import count_jobs
from cwl_memo.core.run import EXECUTED, REUSED, JobRecord
from cwl_memo.store.local import open_store


def job(result: str) -> dict[str, object]:
    record = JobRecord(name="j", tool="t.cwl", result=result, lookup="")
    return {"line": "job", **record.__dict__, "differs": []}


def test_jobs_of_all_runs_are_counted_by_their_results(tmp_path: Path) -> None:
    with closing(open_store(tmp_path / "store")) as store:
        store.append_run("2026-01-01-000000-0001", job(EXECUTED))
        store.append_run("2026-01-01-000000-0001", job(REUSED))
        store.append_run("2026-01-01-000001-0002", job(REUSED))
    assert count_jobs(tmp_path / "store") == {EXECUTED: 1, REUSED: 2}


def test_a_store_without_runs_has_no_jobs(tmp_path: Path) -> None:
    open_store(tmp_path / "store").close()
    assert count_jobs(tmp_path / "store") == {}


def test_where_no_store_was_made_there_is_nothing_to_count(tmp_path: Path) -> None:
    assert count_jobs(tmp_path / "store") is None
    assert not (tmp_path / "store").exists()
