"""``cwl-memo verify``: reads the whole store again."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import existing_store, nothing_recorded
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.shared_opening import add_shared_argument, named_shared, place, shared_upkeep
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes
from cwl_memo.report.table import printable
from cwl_memo.store.protocol import VerifyReport

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    add_shared_argument(parser)


def _run(arguments: Namespace) -> int:
    report = _verify(arguments)
    if report is None and not arguments.json:
        remark(nothing_recorded(arguments))
        return ExitCode.OK.status
    report = report or VerifyReport(0, 0, 0, (), (), (), 0)
    sound = not (report.bad_entries or report.bad_blobs or report.missing_blobs)
    if arguments.json:
        write_json({"store": place(arguments), "sound": sound, **asdict(report)})
    else:
        write_lines(_text(report, sound=sound))
    return (ExitCode.OK if sound else ExitCode.NOT_SO).status


def _verify(arguments: Namespace) -> VerifyReport | None:
    """Return what is found; None where no run has made a store yet."""
    url = named_shared(arguments)
    if url is not None:
        with shared_upkeep(url) as shared, shown_progress("verifying") as progress:
            return shared.verify(progress)
    with existing_store(arguments) as store:
        if store is None:
            return None
        with shown_progress("verifying") as progress:
            return store.verify(progress)


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
    if report.untrusted:
        lines.append(f"{report.untrusted} entries are signed by no trusted key: you reuse none.")
    if report.orphan_blobs:
        lines.append(f"{report.orphan_blobs} blobs belong to no entry; 'cwl-memo gc' removes them.")
    return [printable(line) for line in lines]


VERB: Final = Verb(
    name="verify",
    summary="read the whole store again and look for damage",
    description="Read every entry and every blob again and hold it against its digest. What is "
    "damaged is set aside, and the jobs that need it execute again. The exit code is 1 where "
    "damage was found.",
    examples=(
        ("cwl-memo verify --store /data/memo", "after a disk failure, for instance"),
        ("cwl-memo verify --shared s3://lab/memo", "signatures, too; reads every byte there"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
