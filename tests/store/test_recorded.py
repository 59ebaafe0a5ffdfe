"""What a store knows of the jobs of past runs."""

from __future__ import annotations

import pytest

from cwl_memo.core.run import EXECUTED, JobRecord, RunRecord
from cwl_memo.errors import NotKeptError, StoreDamagedError
from cwl_memo.store.protocol import Store
from cwl_memo.store.recorded import entry_of_job, read_log, read_run_record
from tests.store.example import record

RUN = "2026-11-22-101500-abcdef"


def test_a_run_is_read_as_it_was_recorded(store: Store) -> None:
    job = JobRecord("align", "align.cwl", EXECUTED, "miss", cause="no-entry")
    run = RunRecord(RUN, started="then", ended="later", status="success", jobs=[job])
    store.append_run(RUN, {"line": "run", **run.header()})
    store.append_run(RUN, {"line": "something new"})
    store.append_run(RUN, {"line": "job", **job.to_json()})
    store.append_run(RUN, {"line": "end", "ended": "later", "status": "success"})
    assert read_run_record(store, RUN) == run


def test_an_unknown_run_is_not_kept(store: Store) -> None:
    with pytest.raises(NotKeptError, match="no run"):
        read_run_record(store, RUN)


@pytest.mark.parametrize(
    "line",
    [
        {"line": "job", "name": 1, "tool": "", "result": "", "lookup": ""},
        {"line": "job", "name": "a", "tool": "", "result": "", "lookup": "", "seconds": "long"},
        {"line": "job", "name": "a", "tool": "", "result": "", "lookup": "", "section": None},
        {"line": "job", "name": "a", "tool": "", "result": "", "lookup": "", "differs": 1},
        {"line": "job"},
        {"line": "run", "run": "another"},
    ],
)
def test_a_record_of_another_form_is_damaged(line: dict[str, object], store: Store) -> None:
    store.append_run(RUN, {"line": "run", "run": RUN})
    store.append_run(RUN, line)
    with pytest.raises(StoreDamagedError, match=RUN):
        read_run_record(store, RUN)


def test_the_entry_of_a_job_is_found_by_its_key(store: Store) -> None:
    entry = record(store, 1, b"one")
    job = JobRecord("sort", "sort", EXECUTED, "miss", key=entry.key.hex)
    assert entry_of_job(store, job) == entry
    assert read_log(store, entry, "stdout") is None
