"""Counts what became of the jobs that a store has records of."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

from cwl_memo.core.run import RunRecord
from cwl_memo.store.local import open_store

__all__ = ["count_jobs"]


def count_jobs(location: Path) -> Counter[str] | None:
    """Return how many jobs of all runs were reused, executed, refused, failed.

    None where there is no store: the runner did not make one.
    """
    if not location.is_dir():
        return None
    counts: Counter[str] = Counter()
    with closing(open_store(location)) as store:
        for run in store.runs():
            record = RunRecord.from_lines(store.read_run(run))
            counts.update(job.result for job in record.jobs)
    return counts
