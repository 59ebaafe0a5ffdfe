"""``cwl-memo gc``: makes the store smaller."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import effective, existing_store, nothing_recorded, store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.shared_opening import add_shared_argument, named_shared, shared_upkeep
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.explain import format_bytes
from cwl_memo.core.setting import SETTINGS
from cwl_memo.core.settings import DEFAULT_MAX_SIZE, parse_age, parse_size
from cwl_memo.errors import UsageError
from cwl_memo.report.table import printable
from cwl_memo.store.protocol import Eviction

__all__ = ["VERB"]

_VARIABLE: Final = SETTINGS["max_size"].variable
_AGE_VARIABLE: Final = SETTINGS["max_age"].variable


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        help="what the store may take, such as 500MB, 20GB or 0 "
        f"(default: ${_VARIABLE}, else what the settings files say, else "
        f"{format_bytes(DEFAULT_MAX_SIZE)})",
    )
    parser.add_argument(
        "--max-age",
        metavar="AGE",
        help="for how long an entry stays that nobody uses, such as 90d or 12h "
        f"(default: ${_AGE_VARIABLE}, else what the settings files say, else for ever)",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")
    add_shared_argument(parser)


def _max_size(arguments: Namespace) -> int:
    if arguments.max_size is None:
        return int(effective("max_size").value)
    try:
        return parse_size(arguments.max_size)
    except UsageError as error:
        raise UsageError(f"--max-size: {error}") from None


def _max_age(arguments: Namespace) -> float | None:
    if arguments.max_age is None:
        age: float | None = effective("max_age").value
        return age
    try:
        return parse_age(arguments.max_age)
    except UsageError as error:
        raise UsageError(f"--max-age: {error}") from None


def _run(arguments: Namespace) -> int:
    url = named_shared(arguments)
    if url is not None:
        return _run_shared(url, arguments)
    max_size, max_age = _max_size(arguments), _max_age(arguments)
    with existing_store(arguments) as store:
        evictions: list[Eviction] = []
        left = 0
        if store is not None:
            dry_run = arguments.dry_run
            with shown_progress("evicting") as progress:
                evictions = store.gc(max_size, max_age=max_age, dry_run=dry_run, progress=progress)
            left = store.used_bytes()
    freed = sum(eviction.freed for eviction in evictions)
    left -= freed if arguments.dry_run else 0
    if arguments.json:
        write_json(
            {
                "store": str(store_path(arguments)),
                "max_size": max_size,
                "max_age": max_age,
                "dry_run": arguments.dry_run,
                "evicted": [_document(eviction) for eviction in evictions],
                "freed": freed,
                "left": left,
            }
        )
    elif store is None:
        remark(nothing_recorded(arguments))
    else:
        write_lines(_text(evictions, freed, dry_run=arguments.dry_run))
    if left > max_size:
        remark(
            f"{format_bytes(left)} stay: more than {format_bytes(max_size)}, and pinned, held by "
            "a run, or not an hour old. 'cwl-memo ls --pinned' lists what is pinned"
        )
    return ExitCode.OK.status


def _run_shared(url: str, arguments: Namespace) -> int:
    """Remove from a shared store; limits of this machine's own store mean nothing there."""
    from cwl_memo.store.shared.store_settings import read_settings

    with shared_upkeep(url) as shared:
        settings = read_settings(shared.bucket)
        max_size, max_age = settings.max_size, settings.max_age
        max_size = max_size if arguments.max_size is None else _max_size(arguments)
        max_age = max_age if arguments.max_age is None else _max_age(arguments)
        with shown_progress("looking") as progress:
            done = shared.gc(
                max_size=max_size, max_age=max_age, dry_run=arguments.dry_run, progress=progress
            )
    freed = sum(eviction.freed for eviction in done.evictions)
    if arguments.json:
        write_json(
            {
                "store": url,
                "max_size": max_size,
                "max_age": max_age,
                "dry_run": arguments.dry_run,
                "evicted": [_document(eviction) for eviction in done.evictions],
                "freed": freed,
                "blobs_removed": done.blobs,
                "blob_bytes_removed": done.blob_bytes,
                "leftovers_removed": done.leftovers,
                "left": done.left,
                "newer": done.newer,
                "unread": done.unread,
            }
        )
    else:
        would = "would be " if arguments.dry_run else ""
        write_lines(_text(list(done.evictions), freed, dry_run=arguments.dry_run))
        write_lines(
            (
                f"{done.blobs} objects of blobs {would}removed, {format_bytes(done.blob_bytes)}",
                f"{format_bytes(done.left)} stay",
            )
        )
    if done.newer:
        remark(
            f"{done.newer} entries are of a newer cwl-memo; no blob was removed, since only that "
            "one knows which they need"
        )
    if done.unread:
        remark(
            f"{done.unread} entries are damaged or cannot be read; no blob was removed, since "
            "they may need it; 'cwl-memo verify' sets damaged ones aside"
        )
    if max_size is not None and done.left > max_size:
        remark(f"more than {format_bytes(max_size)} stay: what is not an hour old is not taken")
    return ExitCode.OK.status


def _document(eviction: Eviction) -> JSON:
    return {
        "key": eviction.key.hex,
        "tool": eviction.tool,
        "freed": eviction.freed,
        "why": eviction.clock.value,
        "lost": "workspace" if eviction.workspace_only else "all",
    }


def _text(evictions: list[Eviction], freed: int, *, dry_run: bool) -> list[str]:
    lines = [
        printable(f"{e.key.hex[:SHORT_KEY]}  {format_bytes(e.freed):>9}  {_why(e)}  {e.tool}")
        for e in evictions
    ]
    noun = "entry" if len(evictions) == 1 else "entries"
    verb = "would be evicted" if dry_run else "evicted"
    return [*lines, f"{len(evictions)} {noun} {verb}, {format_bytes(freed)} freed"]


def _why(eviction: Eviction) -> str:
    part = ", workspace only" if eviction.workspace_only else ""
    return f"{eviction.clock.value}{part}"


VERB: Final = Verb(
    name="gc",
    summary="free space: evict what is past its time, and what is worth least",
    description="Evict entries that were invalidated, that nobody used for AGE, and what is "
    "intermediate past the hours of its project. Then those that save the least time for their "
    "bytes and were not used for long, until the store takes at most SIZE. What a live run uses "
    "stays, and what is pinned. Files that belong to no entry go as well. What an entry was "
    "stays known, so that later runs can explain why they missed.",
    examples=(
        ("cwl-memo gc --max-size 5GB --dry-run", "what would go"),
        ("cwl-memo gc --max-size 5GB", "let it go"),
        ("cwl-memo gc --max-age 90d", "and what nobody used for three months"),
        ("cwl-memo gc --shared s3://lab/memo", "by the limits that the shared store keeps"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
