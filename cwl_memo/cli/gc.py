"""``cwl-memo gc``: makes the store smaller."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import effective, existing_store, nothing_recorded, store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes
from cwl_memo.core.setting import SETTINGS
from cwl_memo.core.settings import DEFAULT_MAX_SIZE, parse_size
from cwl_memo.errors import UsageError
from cwl_memo.report.table import printable
from cwl_memo.store.protocol import Eviction

__all__ = ["VERB"]

_VARIABLE: Final = SETTINGS["max_size"].variable


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        help="what the store may take, such as 500MB, 20GB or 0 "
        f"(default: ${_VARIABLE}, else what the settings files say, else "
        f"{format_bytes(DEFAULT_MAX_SIZE)})",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")


def _max_size(arguments: Namespace) -> int:
    if arguments.max_size is None:
        return int(effective("max_size").value)
    try:
        return parse_size(arguments.max_size)
    except UsageError as error:
        raise UsageError(f"--max-size: {error}") from None


def _run(arguments: Namespace) -> int:
    max_size = _max_size(arguments)
    with existing_store(arguments) as store:
        evictions: list[Eviction] = []
        if store is not None:
            with shown_progress("evicting") as progress:
                evictions = store.gc(max_size, dry_run=arguments.dry_run, progress=progress)
    freed = sum(eviction.freed for eviction in evictions)
    if arguments.json:
        evicted = [{"key": e.key.hex, "tool": e.tool, "freed": e.freed} for e in evictions]
        write_json(
            {
                "store": str(store_path(arguments)),
                "max_size": max_size,
                "dry_run": arguments.dry_run,
                "evicted": evicted,
                "freed": freed,
            }
        )
    elif store is None:
        remark(nothing_recorded(arguments))
    else:
        write_lines(_text(evictions, freed, dry_run=arguments.dry_run))
    return ExitCode.OK.status


def _text(evictions: list[Eviction], freed: int, *, dry_run: bool) -> list[str]:
    lines = [
        printable(f"{e.key.hex[:SHORT_KEY]}  {format_bytes(e.freed):>9}  {e.tool}")
        for e in evictions
    ]
    noun = "entry" if len(evictions) == 1 else "entries"
    verb = "would be evicted" if dry_run else "evicted"
    return [*lines, f"{len(evictions)} {noun} {verb}, {format_bytes(freed)} freed"]


VERB: Final = Verb(
    name="gc",
    summary="evict the least recently used entries until the store is small enough",
    description="Evict entries, the least recently used first, until the store takes at most "
    "SIZE. An entry that a live run uses stays. Files that belong to no entry go as well. What "
    "an entry was stays known, so that later runs can still explain why they missed.",
    examples=(
        ("cwl-memo gc --max-size 5GB --dry-run", "what would go"),
        ("cwl-memo gc --max-size 5GB", "let it go"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
