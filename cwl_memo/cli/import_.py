"""``cwl-memo import``: takes a bundle into the store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import closing
from typing import TYPE_CHECKING, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.export import inventory_document
from cwl_memo.cli.opening import store_path
from cwl_memo.cli.output import terminal_width, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.selection import SHORT_KEY
from cwl_memo.cli.verb import Verb
from cwl_memo.core.bundle import Inventory
from cwl_memo.core.explain import format_bytes
from cwl_memo.core.settings import DEFAULT_MAX_SIZE, parse_size
from cwl_memo.report.table import Column, printable, table

if TYPE_CHECKING:
    from cwl_memo.store.bundle_read import Imported

__all__ = ["VERB"]

_COLUMNS: Final = (
    Column("KEY"),
    Column("TOOL", least=8),
    Column("JOB", least=8),
    Column("FILES", right=True),
    Column("SIZE", right=True),
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a file that 'cwl-memo export' wrote")
    parser.add_argument(
        "--list",
        action="store_true",
        help="say what the bundle claims to hold, and import nothing",
    )
    parser.add_argument(
        "--max-size",
        metavar="SIZE",
        default=f"{DEFAULT_MAX_SIZE // 10**9}GB",
        help="refuse a bundle of more than SIZE when decompressed (default: %(default)s)",
    )


def _run(arguments: Namespace) -> int:
    from cwl_memo.store.bundle_read import import_bundle, read_inventory

    max_size = parse_size(arguments.max_size)
    if arguments.list:
        inventory = read_inventory(arguments.bundle)
        if arguments.json:
            write_json({"bundle": arguments.bundle, **inventory_document(inventory)})
        else:
            write_lines(_listing(inventory))
        return ExitCode.OK.status
    # Before a store is made for it.
    read_inventory(arguments.bundle)
    from cwl_memo.store.local import open_store

    path = store_path(arguments)
    with closing(open_store(path)) as store, shown_progress("importing") as progress:
        imported = import_bundle(store, arguments.bundle, max_size=max_size, progress=progress)
    if arguments.json:
        write_json(
            {
                "bundle": arguments.bundle,
                "store": str(path),
                "published": [key.hex for key in imported.published],
                "kept": [key.hex for key in imported.kept],
                "taken_back": [key.hex for key in imported.taken_back],
                "run_is_new": imported.run_is_new,
                **inventory_document(imported.inventory),
            }
        )
    else:
        write_lines([printable(line) for line in _text(imported)])
    return ExitCode.OK.status


def _listing(inventory: Inventory) -> list[str]:
    rows = [
        (e.key.hex[:SHORT_KEY], e.tool, e.job, str(len(e.blobs)), format_bytes(e.size))
        for e in inventory.entries
    ]
    kind = "with" if inventory.workspaces else "without"
    lines = table(_COLUMNS, rows, terminal_width())
    lines += [printable(f"not in it: job {job.job}: {job.why}") for job in inventory.left_out]
    return [
        *lines,
        printable(
            f"run {inventory.run}: {len(rows)} entries {kind} workspaces, "
            f"{format_bytes(inventory.size)}"
        ),
    ]


def _text(imported: Imported) -> list[str]:
    run = imported.inventory.run
    counts = f"{len(imported.published)} entries imported, {len(imported.kept)} were there already"
    lines = [f"run {run}: {counts}"]
    if imported.taken_back:
        count = len(imported.taken_back)
        lines.append(f"{count} left out: invalidated in this store, see 'cwl-memo ls'")
    if not imported.run_is_new:
        lines.append("The run's record was there already and stays as it was.")
    return lines


VERB: Final = Verb(
    name="import",
    summary="take the entries of a bundle into the store",
    description="Take the entries of a bundle into the store. The bundle is checked as hostile "
    "input: every file has the digest of its name, every entry the key of its fingerprint, and "
    "nothing is written outside the store. None of this shows that a job ever gave what an entry "
    "says: whoever made the bundle decides what your runs return for the jobs in it. Import only "
    "from those whom you would trust with your results. An entry that is there already stays.",
    examples=(
        ("cwl-memo import paper.tar.zst --list", "what is in it, as it says itself"),
        ("cwl-memo import paper.tar.zst --store paper", "into a store of its own"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
