"""``cwl-memo ls``: the entries of the store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from heapq import nlargest, nsmallest
from typing import Any, Final

from cwl_memo.cli.criteria import entries_of
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import nothing_recorded
from cwl_memo.cli.output import moment, remark, short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.shared_opening import add_shared_argument, catalogue, place
from cwl_memo.cli.state import State
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.entry import Entry
from cwl_memo.core.explain import format_bytes, format_seconds
from cwl_memo.report.table import Column, table
from cwl_memo.store.catalogue import Catalogue

__all__ = ["VERB"]

_ORDERS: Final[dict[str, Callable[[Entry], Any]]] = {
    "when": lambda entry: moment(entry.origin.started),
    "seconds": lambda entry: entry.origin.seconds,
    "size": lambda entry: entry.size,
    "tool": lambda entry: entry.origin.tool,
    "job": lambda entry: entry.origin.job,
    "key": lambda entry: entry.key,
}
_DESCENDING: Final = ("when", "seconds", "size")

_SHORT: Final = (
    Column("KEY"),
    Column("TOOL", least=12),
    Column("JOB", least=8, spare=True),
    Column("WHEN"),
    Column("TOOK", right=True),
    Column("SIZE", right=True),
    Column("STATE"),
    Column("RUN", spare=True),
)
_LONG: Final = (*_SHORT, Column("EXIT", right=True), Column("HOST"))


@dataclass(frozen=True)
class _Row:
    entry: Entry
    state: State

    def to_json(self) -> JSON:
        origin = self.entry.origin
        return {
            "key": self.entry.key.hex,
            "tool": origin.tool,
            "job": origin.job,
            "run": origin.run,
            "started": origin.started,
            "seconds": origin.seconds,
            "size": self.entry.size,
            "exit_code": self.entry.exit_code,
            "host": origin.host,
            **self.state.to_json(),
        }

    def cells(self, *, long: bool) -> list[str]:
        origin = self.entry.origin
        cells = [
            self.entry.key.hex[: None if long else SHORT_KEY],
            origin.tool,
            origin.job,
            origin.started if long else short_time(origin.started),
            format_seconds(origin.seconds),
            format_bytes(self.entry.size),
            self.state.short,
            origin.run,
        ]
        return [*cells, str(self.entry.exit_code), origin.host] if long else cells


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--tool", metavar="GLOB", help="only entries of tools with such a label")
    parser.add_argument("--pinned", action="store_true", help="only entries that are pinned")
    parser.add_argument(
        "--sort",
        choices=tuple(_ORDERS),
        default="when",
        help="newest, longest or largest first, or by name (default: when)",
    )
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("--limit", metavar="N", type=int, help="at most N entries")
    parser.add_argument("--long", action="store_true", help="whole keys and more columns")
    add_shared_argument(parser)


def _run(arguments: Namespace) -> int:
    with catalogue(arguments, readonly=True) as store:
        if store is None and not arguments.json:
            remark(nothing_recorded(arguments))
            return ExitCode.OK.status
        rows = [] if store is None else _rows(store, arguments)
    if arguments.json:
        entries = [row.to_json() for row in rows]
        write_json({"store": place(arguments), "entries": entries})
        return ExitCode.OK.status
    columns = _LONG if arguments.long else _SHORT
    width = None if arguments.long else terminal_width()
    write_lines(table(columns, [row.cells(long=arguments.long) for row in rows], width))
    return ExitCode.OK.status


def _rows(store: Catalogue, arguments: Namespace) -> list[_Row]:
    # By key first: entries that are equal otherwise stand in one order every time.
    pins = store.pins()
    keys = sorted(pins if arguments.pinned else store.keys())
    entries = entries_of(store, keys)
    if arguments.tool is not None:
        entries = (entry for entry in entries if fnmatchcase(entry.origin.tool, arguments.tool))
    ordered = _sorted(entries, arguments.sort, arguments.limit, reverse=arguments.reverse)
    return [_Row(e, State.of(store, e, pins.get(e.key))) for e in ordered]


def _sorted(
    entries: Iterable[Entry], order: str, limit: int | None, *, reverse: bool
) -> list[Entry]:
    descending = (order in _DESCENDING) is not reverse
    if limit is None:
        return sorted(entries, key=_ORDERS[order], reverse=descending)
    # As sorted does, with no more than the limit in memory.
    first = nlargest if descending else nsmallest
    return first(max(limit, 0), entries, key=_ORDERS[order])


VERB: Final = Verb(
    name="ls",
    summary="list the entries of the store",
    description="List what is recorded: one line an entry, the newest first. An evicted entry "
    "lost its files to a limit of the store and can no longer be reused, a trimmed one lost its "
    "workspace alone; one that was invalidated is not reused.",
    examples=(
        ("cwl-memo ls --tool 'align*' --limit 10", "the ten newest entries of align.cwl"),
        ("cwl-memo ls --sort size", "what takes the most room"),
        ("cwl-memo ls --shared s3://lab/memo", "the entries of a shared store"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
