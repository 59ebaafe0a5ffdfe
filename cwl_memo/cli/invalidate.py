"""``cwl-memo invalidate``: takes back what was recorded."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.criteria import add_criteria, count, matching, who
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import effective
from cwl_memo.cli.output import short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.shared_opening import add_shared_argument, catalogue_to_search, place
from cwl_memo.cli.verb import Verb
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.settings import SharedChoice, SharedMode
from cwl_memo.errors import CwlMemoError, StoreError, UsageError
from cwl_memo.report.table import Column, table
from cwl_memo.store.catalogue import Catalogue

if TYPE_CHECKING:
    from cwl_memo.store.protocol import Store
    from cwl_memo.store.tiered import TieredStore

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
    shared: _Shared | None = None
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
            shared = _invalidate(arguments, store, keys)
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
                "shared": None if shared is None else {"store": shared.url, "told": shared.told},
            }
        )
    else:
        lines = _text(alive, len(entries) - len(alive), dry_run=arguments.dry_run)
        write_lines([*lines, *(() if shared is None else (shared.line,))])
    if shared is not None and shared.error is not None:
        raise shared.error
    return ExitCode.OK.status


@dataclass(frozen=True)
class _Shared:
    """What became of an invalidation in the shared store that the settings name."""

    url: str
    told: bool
    error: CwlMemoError | None = None

    @property
    def line(self) -> str:
        if self.told:
            return f"and in {self.url}"
        why = "could not be told" if self.error else "is only read, as the settings say"
        return f"not in {self.url}, which {why}: others may still reuse them"


def _invalidate(arguments: Namespace, store: Catalogue, keys: list[ReuseKey]) -> _Shared | None:
    """Take entries back, in the shared store of the settings, too; None where there is none."""
    choice = None if arguments.shared else _choice()
    mode = None if choice is None else choice.mode
    taking: Catalogue = store
    shared = None if choice is None else _Shared(choice.url, told=mode is not SharedMode.READONLY)
    if choice is not None and mode is not SharedMode.READONLY:
        # Only where there is one: it takes longer to import than most verbs to answer.
        from cwl_memo.store.sharing import put_behind

        try:
            taking = put_behind(cast("Store", store), choice, os.environ)
        except CwlMemoError as error:
            shared = _Shared(choice.url, told=False, error=error)
    try:
        taking.invalidate(keys, arguments.reason, who=who(), force=arguments.force)
    except StoreError as error:
        # This store is told first.
        if choice is None or any(store.tombstone(key) is None for key in keys):
            raise
        return _Shared(choice.url, told=False, error=error)
    finally:
        if taking is not store:
            cast("TieredStore", taking).close()
    return shared


def _choice() -> SharedChoice | None:
    """Return the shared store that the settings name."""
    url = effective("shared").value
    if not url:
        return None
    mode, timeout = effective("shared_mode").value, effective("shared_timeout").value
    # Who takes back signs nothing.
    return SharedChoice(url, mode, timeout, leases=False)


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
    "from wherever and whatever clocks say; what is recorded after is reused. It holds in the "
    "shared store that the settings name, too, unless that may only be read; where that cannot "
    "be told now, it ends with 3, and a later run tells it. Asks on a terminal; elsewhere it "
    "needs --yes.",
    examples=(
        ("cwl-memo invalidate --tool 'align*' --reason 'wrong reference' --dry-run", "which"),
        ("cwl-memo invalidate --tag project=wheat --reason 'bad reads'", "all of tagged runs"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
