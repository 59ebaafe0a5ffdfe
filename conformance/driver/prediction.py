"""Holds a runner to what it said, before a run, that the run would do.

The prediction is a report with ``predicted`` in each job: ``reused``, ``executed``,
``refused`` or ``unknown``, which the run may answer in any way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

__all__ = ["differences_of", "footprint", "unforeseen"]

JSON = Any

_USAGE: Final = 2


def unforeseen(answer: str, status: int | None, report: JSON, code: int | None) -> Iterator[str]:
    """Yield in what a run went otherwise than was predicted, one sentence each.

    :param answer: what the runner printed when it was asked.
    :param status: how it ended then.
    :param report: of the run; None where it wrote none.
    :param code: how the run ended.
    """
    done = (report or {}).get("jobs", [])
    try:
        planned = json.loads(answer)["jobs"]
    except (ValueError, KeyError, TypeError):
        if done or (code == 0 and status != _USAGE):
            yield f"nothing was predicted (status {status}) of a run of {len(done)} jobs"
        return
    if report is None:
        return
    is_open = any(job["predicted"] == "unknown" for job in planned)
    is_whole = code == 0
    if status == 0 and any(job["result"] != "reused" for job in done):
        yield "it was predicted that nothing is executed"
    if not is_open and (len(done) > len(planned) or (is_whole and len(done) != len(planned))):
        yield f"{len(planned)} jobs were predicted, there were {len(done)}"
    foreseen = Counter(_foreseen(job) for job in planned if job["predicted"] != "unknown")
    seen = Counter(_seen(job) for job in done)
    for (tool, key, what), times in foreseen.items():
        if is_whole and seen[tool, key, what] < times:
            others = sorted({w for t, k, w in seen if (t, k) == (tool, key)})
            yield f"{tool} {key[:8]}: {what} was predicted; it was {', '.join(others) or 'absent'}"
    if not is_whole and not is_open:
        # Some may not have had their turn; what became of the others was predicted.
        for tool, key, what in seen - foreseen:
            yield f"{tool} {key[:8]}: {what} was not predicted"


def _foreseen(job: Mapping[str, JSON]) -> tuple[str, str, str]:
    what = job["predicted"] if job["predicted"] == "reused" else f"{job['lookup']} {job['cause']}"
    return job["tool"], job["key"] if job["lookup"] != "refusal" else "", what


def _seen(job: Mapping[str, JSON]) -> tuple[str, str, str]:
    # By its look-up: a job that was to be executed may have failed then.
    what = "reused" if job["result"] == "reused" else f"{job['lookup']} {job['cause']}"
    return job["tool"], job["key"] if job["lookup"] != "refusal" else "", what


def footprint(folder: Path) -> dict[str, tuple[int, ...]]:
    """Return by what everything below a folder is known to be as it was."""
    found: dict[str, tuple[int, ...]] = {}
    for path in folder.rglob("*"):
        if path.name.endswith("-shm"):
            continue  # the locks of SQLite's readers, beside a table that a killed runner left
        try:
            status = path.lstat()
        except OSError:
            continue  # of a runner that is still ending
        if path.is_dir() and not path.is_symlink():
            found[str(path)] = (status.st_ino, status.st_mode)
        else:
            found[str(path)] = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_mode)
    return found


def differences_of(
    before: Mapping[str, tuple[int, ...]], after: Mapping[str, tuple[int, ...]]
) -> Iterator[str]:
    """Yield what a runner changed when it was only asked, one sentence each."""
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            how = "left" if path not in before else "removed" if path not in after else "changed"
            yield f"to predict, it {how} {path}"
