"""``cwl-memo invalidate``: takes back what was recorded."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.criteria import add_criteria, count, matching, who
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.shared_opening import add_shared_argument, catalogue_to_search, place
from cwl_memo.cli.verb import Verb
from cwl_memo.core.entry import Entry
from cwl_memo.errors import UsageError
from cwl_memo.report.table import Column, table
from cwl_memo.store.catalogue import Catalogue

__all__ = ["VERB"]

_COLUMNS: Final = (
    Column("KEY"),
    Column("TOOL", least=12),
    Column("JOB", least=8),
    Column("WHEN"),
    Column("RUN", spare=True),
)


def _add_arguments(parser: ArgumentParser) -> None:
    add_criteria(parser)
    parser.add_argument(
        "--reason",
        metavar="TEXT",
        required=True,
        help="why; told to everybody whose job is executed again for it",
    )
    parser.add_argument("--force", action="store_true", help="pinned entries, too")
    parser.add_argument("--dry-run", action="store_true", help="say which; take nothing back")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--signed-by", metavar="KEY", help="only entries of a shared store that this key signed"
    )
    add_shared_argument(parser)


def _run(arguments: Namespace) -> int:
    if not arguments.reason.strip():
        raise UsageError("--reason: say why; those whose jobs are executed again will ask")
    with catalogue_to_search(arguments, readonly=arguments.dry_run) as store:
        entries = matching(store, arguments)
        _refuse_pinned(store, entries, force=arguments.force)
        # What is dead already keeps the reason that it died for.
        alive = [entry for entry in entries if not entry.is_dead(store.tombstone(entry.key))]
        if not arguments.dry_run and alive:
            what = f"{count(len(alive))} of {place(arguments)}"
            question = f"Invalidate {what}? Their jobs will execute again."
            if not is_confirmed("invalidate", f"{what} would go", question, yes=arguments.yes):
                return ExitCode.NOT_SO.status
            keys = [entry.key for entry in alive]
            store.invalidate(keys, arguments.reason, who=who(), force=arguments.force)
    if arguments.json:
        write_json(
            {
                "store": place(arguments),
                "reason": arguments.reason,
                "dry_run": arguments.dry_run,
                "invalidated": [
                    {"key": e.key.hex, "tool": e.origin.tool, "job": e.origin.job} for e in alive
                ],
                "before": len(entries) - len(alive),
            }
        )
    else:
        write_lines(_text(alive, len(entries) - len(alive), dry_run=arguments.dry_run))
    return ExitCode.OK.status


def _refuse_pinned(store: Catalogue, entries: list[Entry], *, force: bool) -> None:
    pinned = store.pins().keys() & {entry.key for entry in entries}
    if pinned and not force:
        some = ", ".join(key.hex[:SHORT_KEY] for key in sorted(pinned)[:5])
        raise UsageError(
            f"pinned: {some}. Let them go first ('cwl-memo unpin'), or give --force to unpin "
            "and invalidate them"
        )


def _text(entries: list[Entry], before: int, *, dry_run: bool) -> list[str]:
    rows = [
        [
            entry.key.hex[:SHORT_KEY],
            entry.origin.tool,
            entry.origin.job,
            short_time(entry.origin.started),
            entry.origin.run,
        ]
        for entry in entries
    ]
    lines = table(_COLUMNS, rows, terminal_width()) if rows else []
    verb = "would be invalidated" if dry_run else "invalidated"
    lines.append(f"{count(len(entries))} {verb}")
    if before:
        lines.append(f"{count(before)} had been invalidated before")
    return lines


VERB: Final = Verb(
    name="invalidate",
    summary="take entries back, so that nobody reuses them",
    description="Take back the entries that all criteria fit: their jobs are executed again, "
    "and the log says the reason. An entry whose execution began before does not come back, "
    "from wherever and whatever clocks say; what is recorded after is reused. Asks on a "
    "terminal; elsewhere it needs --yes.",
    examples=(
        ("cwl-memo invalidate --tool 'align*' --reason 'wrong reference' --dry-run", "which"),
        ("cwl-memo invalidate --tag project=wheat --reason 'bad reads'", "all of tagged runs"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
