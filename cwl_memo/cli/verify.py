"""``cwl-memo verify``: reads the whole store again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import existing_store, nothing_recorded, store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes
from cwl_memo.report.table import printable
from cwl_memo.store.protocol import VerifyReport

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    """Nothing but what every verb has."""


def _run(arguments: Namespace) -> int:
    with existing_store(arguments) as store:
        if store is None:
            report = VerifyReport(0, 0, 0, (), (), (), 0)
        else:
            with shown_progress("verifying") as progress:
                report = store.verify(progress)
    sound = not (report.bad_entries or report.bad_blobs or report.missing_blobs)
    if arguments.json:
        write_json({"store": str(store_path(arguments)), "sound": sound, **asdict(report)})
    elif store is None:
        remark(nothing_recorded(arguments))
    else:
        write_lines(_text(report, sound=sound))
    return (ExitCode.OK if sound else ExitCode.NOT_SO).status


def _text(report: VerifyReport, *, sound: bool) -> list[str]:
    lines = [f"damaged entry  {name}" for name in report.bad_entries]
    lines += [f"damaged blob   {name}" for name in report.bad_blobs]
    lines += [f"missing blob   {name}" for name in report.missing_blobs]
    lines.append(
        f"{report.entries} entries and {report.blobs} blobs "
        f"({format_bytes(report.blob_bytes)}) read: {'all sound' if sound else 'damage found'}"
    )
    if not sound:
        lines.append("What is damaged was set aside; the jobs that need it execute again.")
    if report.invalidated:
        lines.append(f"{report.invalidated} entries are invalidated: nobody reuses them.")
    if report.orphan_blobs:
        lines.append(f"{report.orphan_blobs} blobs belong to no entry; 'cwl-memo gc' removes them.")
    return [printable(line) for line in lines]


VERB: Final = Verb(
    name="verify",
    summary="read the whole store again and look for damage",
    description="Read every entry and every blob again and hold it against its digest. What is "
    "damaged is set aside, and the jobs that need it execute again. The exit code is 1 where "
    "damage was found.",
    examples=(("cwl-memo verify --store /data/memo", "after a disk failure, for instance"),),
    add_arguments=_add_arguments,
    run=_run,
)
