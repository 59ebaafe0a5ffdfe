"""``cwl-memo export``: what one run used, as a bundle for another store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.selection import find_run, read_run_record
from cwl_memo.cli.verb import Verb
from cwl_memo.core.bundle import Inventory
from cwl_memo.core.explain import format_bytes
from cwl_memo.report.table import printable

__all__ = ["VERB", "inventory_document"]


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "run", metavar="RUN", help="a run's id or the beginning of it, latest, or -1, -2, …"
    )
    parser.add_argument(
        "bundle", metavar="BUNDLE", help="the file to write: *.tar.zst, *.tar.gz or *.tar"
    )
    parser.add_argument(
        "--no-workspaces",
        action="store_true",
        help="only the files that are outputs of jobs; no other files of working directories, "
        "and no logs",
    )
    parser.add_argument("--force", action="store_true", help="replace BUNDLE if it exists")
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing; say what would be written"
    )


def _run(arguments: Namespace) -> int:
    from cwl_memo.store.bundle_write import choose_contents, write_bundle
    from cwl_memo.store.compressed import suffix_of

    path = Path(arguments.bundle)
    suffix_of(path.name)
    with store_to_search(arguments, readonly=True) as store:
        record = read_run_record(store, find_run(store, arguments.run))
        contents = choose_contents(store, record, workspaces=not arguments.no_workspaces)
        if not arguments.dry_run:
            with shown_progress("exporting") as progress:
                write_bundle(store, contents, path, force=arguments.force, progress=progress)
    inventory = contents.inventory
    size = None if arguments.dry_run else path.stat().st_size
    for job in inventory.left_out:
        remark(f"left out: job {job.job}: {job.why}")
    if arguments.json:
        write_json({"bundle": str(path), "size": size, **inventory_document(inventory)})
    else:
        write_lines([printable(_text(inventory, path, size))])
    return ExitCode.OK.status


def inventory_document(inventory: Inventory) -> dict[str, Any]:
    """Return what is in a bundle as JSON for a program."""
    entries = [
        {"key": e.key.hex, "tool": e.tool, "job": e.job, "blobs": len(e.blobs), "size": e.size}
        for e in inventory.entries
    ]
    return {
        "run": inventory.run,
        "workspaces": inventory.workspaces,
        "entries": entries,
        "blobs": len(inventory.blobs),
        "bytes": inventory.size,
        "left_out": [job.to_json() for job in inventory.left_out],
    }


def _text(inventory: Inventory, path: Path, size: int | None) -> str:
    what = (
        f"run {inventory.run}: {len(inventory.entries)} entries and {len(inventory.blobs)} blobs, "
        f"{format_bytes(inventory.size)}"
    )
    if size is None:
        return f"{what} before compression, would be written to {path}"
    return f"{what}, written to {path} ({format_bytes(size)})"


VERB: Final = Verb(
    name="export",
    summary="write what a run used to a bundle, for another store",
    description="Write the entries and files that a run reused or recorded to one file, with the "
    "run's record. 'cwl-memo import' takes them into another store, where the same workflow on "
    "the same inputs is then answered from them. Inputs and documents are not in it. Entries "
    "with secrets are left out: their keys hold only in this store. What else could not be "
    "taken along, as what has been evicted, is named.",
    examples=(
        ("cwl-memo export latest paper.tar.zst", "all that the latest run used"),
        ("cwl-memo export latest small.tar.gz --no-workspaces --dry-run", "how large it would be"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
