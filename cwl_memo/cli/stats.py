"""``cwl-memo stats``: what the store holds, and what it has saved."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections import Counter
from dataclasses import asdict
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import existing_store, nothing_recorded, store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.selection import read_run_records
from cwl_memo.cli.shared_opening import add_shared_argument, named_shared, shared_upkeep
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes, format_seconds
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED
from cwl_memo.report.table import printable
from cwl_memo.store.protocol import Store, StoreStats

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    add_shared_argument(parser)


def _run(arguments: Namespace) -> int:
    url = named_shared(arguments)
    if url is not None:
        return _run_shared(url, as_json=arguments.json)
    with existing_store(arguments, readonly=True) as store:
        if store is None and not arguments.json:
            remark(nothing_recorded(arguments))
            return ExitCode.OK.status
        document = {"store": str(store_path(arguments)), **_count(store)}
    if arguments.json:
        write_json(document)
    else:
        write_lines(_text(document))
    return ExitCode.OK.status


def _run_shared(url: str, *, as_json: bool) -> int:
    with shared_upkeep(url, writable=False) as shared:
        stats = shared.stats()
    if as_json:
        write_json({"store": url, **asdict(stats)})
        return ExitCode.OK.status
    facts = {
        "store": url,
        "entries": f"{stats.entries}, {format_bytes(stats.entry_bytes)} with their small blobs",
        "blobs": f"{stats.blobs} objects, {format_bytes(stats.blob_bytes)}",
        "tombstones": str(stats.tombstones),
        "leases": str(stats.leases),
        "quarantined": str(stats.quarantined),
        "others": f"{stats.others} objects that are none of the store" if stats.others else "",
    }
    write_lines(f"{name:<12} {printable(value)}" for name, value in facts.items() if value)
    return ExitCode.OK.status


def _count(store: Store | None) -> dict[str, Any]:
    """Return the counts of the store, and of all jobs of all its runs."""
    nothing = StoreStats(0, 0, 0, 0, 0, 0, 0.0)
    records = [] if store is None else read_run_records(store, store.runs())
    # What a run has saved on another machine was not saved here.
    jobs = [job for record in records if not record.imported for job in record.jobs]
    results = Counter(job.result for job in jobs)
    reused = [job for job in jobs if job.result == REUSED]
    # A refused job is not recorded for the very reason for which it was not looked up.
    causes = Counter(code for job in jobs for code in {job.cause, job.not_recorded} - {""})
    return {
        **asdict(nothing if store is None else store.stats()),
        "jobs": {result: results[result] for result in (REUSED, EXECUTED, REFUSED, FAILED)},
        "causes": dict(sorted(causes.items())),
        "seconds_saved": round(sum(job.seconds for job in reused if job.saved), 3),
        "bytes_reused": sum(job.size for job in reused),
    }


def _entries(document: dict[str, Any]) -> str:
    told = [f"{document['evicted']} evicted"]
    for name, words in (
        ("trimmed", "without workspace"),
        ("invalidated", "invalidated"),
        ("pinned", "pinned"),
    ):
        told += [f"{document[name]} {words}"] if document[name] else []
    return f"{document['entries']}, of these {', '.join(told)}"


def _text(document: dict[str, Any]) -> list[str]:
    jobs = ", ".join(f"{count} {result}" for result, count in document["jobs"].items())
    facts = {
        "store": document["store"],
        "entries": _entries(document),
        "executions": f"{format_seconds(document['seconds'])} are recorded in them",
        "blobs": f"{document['blobs']}, {format_bytes(document['blob_bytes'])}",
        "quarantined": str(document["quarantined"]),
        "runs": str(document["runs"]),
        "jobs": jobs,
        "saved": f"{format_seconds(document['seconds_saved'])} by reuse",
    }
    lines = [f"{name:<12} {printable(value)}" for name, value in facts.items()]
    causes = document["causes"]
    return lines + [f"  {count:>8}  {printable(code)}" for code, count in causes.items()]


VERB: Final = Verb(
    name="stats",
    summary="count what the store holds and what it has saved",
    description="Count entries, blobs, runs and their jobs, and add up the time that reuse has "
    "saved. The codes at the end say why jobs were not reused, or not recorded.",
    examples=(
        ("cwl-memo stats --json", "the same for a program"),
        ("cwl-memo stats --shared s3://lab/memo", "what a shared store holds, by a listing"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
