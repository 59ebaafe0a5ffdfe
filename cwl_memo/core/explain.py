"""Sentences for people: what became of a job, and which field made the difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.outcome import MissCause, Reason
from cwl_memo.core.printable import printable
from cwl_memo.core.run import (
    DIFFERS,
    EXECUTED,
    FAILED,
    FAILED_AGAIN,
    NOT_COMPARED,
    REFUSED,
    REUSED,
    SAME,
    SHARED,
    JobRecord,
    RunRecord,
    SharedUse,
    Upstream,
)

__all__ = [
    "differing_fields",
    "format_bytes",
    "format_seconds",
    "sentence",
    "shared_line",
    "summary_line",
    "value_at",
    "why_executed",
]

_SHOWN: Final = 3
_WITH_DETAIL: Final = (MissCause.INVALIDATED.code, MissCause.EVICTED.code)
"""Causes of which the detail of a job is told, if there is one."""
_ABSENT: Final = object()


def differing_fields(old: JSON, new: JSON, limit: int = 10) -> tuple[str, ...]:
    """Return the paths of the fields in which two fingerprints differ, in their order.

    A path names the innermost field that differs, as in ``inputs.reads.digest``; where
    whole values came, went or changed their kind, it names these.

    :param limit: the most paths to return.
    """
    paths: list[str] = []
    for path in _differences(old, new, ""):
        if len(paths) == limit:
            break
        paths.append(path)
    return tuple(paths)


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *(name for name in old if name not in new)]:
            below = f"{path}.{name}" if path else str(name)
            yield from _differences(old.get(name, _ABSENT), new.get(name, _ABSENT), below)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _differences(was, now, f"{path}[{i}]")
    elif type(old) is not type(new) or old != new:
        yield path


def value_at(fingerprint: JSON, path: str) -> JSON:
    """Return the value at a path that :func:`differing_fields` gave, or None."""
    value: Any = fingerprint
    while path:
        if isinstance(value, dict):
            # A name may itself hold a dot: the longest name that fits is meant.
            names = [n for n in value if path == n or path.startswith((f"{n}.", f"{n}["))]
            if not names:
                return None
            name = max(names, key=len)
            value, path = value[name], path[len(name) :].removeprefix(".")
        elif isinstance(value, list) and path.startswith("["):
            index, _, path = path[1:].partition("]")
            if not index.isdigit() or int(index) >= len(value):
                return None
            value, path = value[int(index)], path.removeprefix(".")
        else:
            return None
    return value


def format_seconds(seconds: float) -> str:
    """Return a duration as people say it: ``0.4 s``, ``12 min 3 s``, ``2 h 5 min``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minute} min"
    if minutes:
        return f"{minutes} min {second} s"
    return f"{second} s"


def format_bytes(size: int) -> str:
    """Return a size as people say it, in decimal units: ``512 bytes``, ``1.2 GB``."""
    if size < 1000:
        return f"{size} bytes"
    value = float(size)
    units = iter(("kB", "MB", "GB", "TB"))
    unit = ""
    while value >= 999.95 and (larger := next(units, "")):
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def sentence(job: JobRecord) -> str:
    """Return what became of a job, as it stands in the log after the job's name."""
    # Others may have written the entry, and with it names of runs, fields and outputs.
    return printable(_became(job))


def _became(job: JobRecord) -> str:
    if job.recheck:
        return _rechecked(job)
    if job.result == REUSED:
        where = ", shared" if job.source == SHARED else ""
        return f"reused from run {job.origin_run}{where} (saved {format_seconds(job.seconds)})"
    head = "failed" if job.result == FAILED else "executed"
    if job.lookup == "refusal":
        head += f": reuse refused: {job.cause}" + (f" ({job.detail})" if job.detail else "")
    elif job.cause == MissCause.CHANGED.code and job.differs:
        head += f": {_changed(job.differs)}"
        if job.upstream is not None:
            # The singular of a list would be wrong, the plural of one field odd.
            head += f", from job {job.upstream.job} (executed: {why_executed(job.upstream)})"
    elif job.cause:
        head += f": {MissCause.of(job.cause).sentence}"
        if job.cause in _WITH_DETAIL and job.detail:
            head += f" ({job.detail})"
    if job.not_recorded and job.not_recorded != Reason.FAILED.code:
        head += f"; not recorded: {job.not_recorded}"
        is_told = job.lookup == "refusal" or job.cause in _WITH_DETAIL
        head += f" ({job.detail})" if job.detail and not is_told else ""
    return head


def _rechecked(job: JobRecord) -> str:
    if job.recheck == DIFFERS:
        outputs = ", ".join(dict.fromkeys(d.output for d in job.differences))
        return f"executed again: other outputs than in run {job.origin_run}: {outputs}"
    came = {
        SAME: "executed again: the same outputs",
        FAILED_AGAIN: f"failed when executed again: {job.detail}",
    }.get(job.recheck, f"executed again, and not compared: {job.detail}")
    return f"reused from run {job.origin_run} ({came})"


def _changed(differs: tuple[str, ...]) -> str:
    more = len(differs) - _SHOWN
    return f"changed: {', '.join(differs[:_SHOWN])}" + (f" and {more} more" if more > 0 else "")


def why_executed(upstream: Upstream) -> str:
    """Return why the first of several jobs was executed, in a few words."""
    if upstream.cause == MissCause.CHANGED.code and upstream.differs:
        return _changed(upstream.differs)
    found = (cause.sentence for cause in MissCause if cause.code == upstream.cause)
    # Of a Reason, or a cause that a newer program knows, the code says most.
    return next(found, upstream.cause)


def shared_line(used: SharedUse) -> str:
    """Return the line that tells what a run took from a shared store and brought there."""
    down = f"{_count(used.fetched, 'file')} ({format_bytes(used.fetched_bytes)}) fetched"
    up = f"{_count(used.uploaded, 'result')} ({format_bytes(used.uploaded_bytes)}) uploaded"
    left = f", {used.not_uploaded} not" if used.not_uploaded else ""
    return f"shared store {used.location}: {down}, {up}{left}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def summary_line(record: RunRecord) -> str:
    """Return the one line that closes a run."""
    total = len(record.jobs)
    line = (
        f"{total} job{'' if total == 1 else 's'}: {record.count(REUSED)} reused, "
        f"{record.count(EXECUTED)} executed, {record.count(REFUSED)} refused, "
        f"{record.count(FAILED)} failed"
    )
    if record.count(REUSED):
        saved = format_seconds(record.seconds_saved)
        line += f"; saved {saved} and {format_bytes(record.bytes_reused)} of results"
    again = [job.recheck for job in record.jobs if job.recheck]
    if again:
        came = [(DIFFERS, "with other outputs"), (FAILED_AGAIN, "failed")]
        came += [(NOT_COMPARED, "not compared")]
        told = [f"{again.count(kind)} {words}" for kind, words in came if kind in again]
        line += f"; {len(again)} executed again: {', '.join(told) or 'the same outputs'}"
    return line
