"""Shows results: a table and the flaws for people, JSON and JUnit XML for machines."""

from __future__ import annotations

import json
import textwrap
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from .case import CaseClass
from .template import Template
from .verdict import CaseResult, RunResult, Verdict

__all__ = ["as_json", "describe", "table", "write_json", "write_junit"]

JSON = Any

_COLUMNS: Final = (
    Verdict.PASS, Verdict.FALSE_HIT, Verdict.WRONG_OUTPUT, Verdict.CRASH, Verdict.FALSE_MISS,
    Verdict.POLICY, Verdict.SKIP,
)  # fmt: skip


def table(results: Sequence[CaseResult]) -> str:
    """Return the number of cases by class and verdict."""
    head = ("class", "cases", *(verdict.value for verdict in _COLUMNS))
    rows: list[Sequence[str]] = [head]
    for kind in CaseClass:
        of_kind = [result for result in results if result.case.kind is kind]
        if of_kind:
            rows.append(_row(kind.value, of_kind))
    rows.append(_row("all", results))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(name: str, results: Sequence[CaseResult]) -> Sequence[str]:
    verdicts = Counter(result.verdict for result in results)
    counts = (str(verdicts[verdict]) if verdicts[verdict] else "." for verdict in _COLUMNS)
    return (name, str(len(results)), *counts)


def describe(result: CaseResult) -> Iterator[str]:
    """Yield lines that say what was wrong in a case."""
    case = result.case
    verdict = result.verdict.value + (", reason" if result.is_unexplained else "")
    yield f"{verdict}  {case.id}: {case.title}"
    for run in result.runs:
        if not run.details:
            continue
        label = f" ({run.label})" if run.label else ""
        yield f"  run {run.number}{label}: {run.verdict.value}"
        yield from (f"    {detail}" for detail in run.details)
        if run.observation and run.verdict is Verdict.CRASH:
            for log in run.observation.logs:
                yield textwrap.indent("\n".join(log.splitlines()[-8:]), "    | ")


def as_json(results: Sequence[CaseResult], template: Template) -> JSON:
    """Return all that was seen; its form is described in the README."""
    counts = Counter(result.verdict.value for result in results)
    return {
        "runner": {"name": template.name, "command": template.command, "reuses": template.reuses},
        "summary": {
            "cases": len(results),
            **{verdict.value: counts[verdict.value] for verdict in _COLUMNS},
            "unexplained": sum(result.is_unexplained for result in results),
        },
        "cases": [_case(result) for result in results],
    }


def _case(result: CaseResult) -> JSON:
    case = result.case
    return {
        "id": case.id,
        "title": case.title,
        "class": case.kind.value,
        "tags": list(case.tags),
        "verdict": result.verdict.value,
        "seconds": round(result.seconds, 2),
        **({"skipped": result.why_skipped} if result.why_skipped else {}),
        "runs": [_run(run) for run in result.runs],
    }


def _run(run: RunResult) -> JSON:
    shown: dict[str, JSON] = {"run": run.number, "verdict": run.verdict.value}
    if run.label:
        shown["label"] = run.label
    if run.details:
        shown["details"] = list(run.details)
    if seen := run.observation:
        shown["statuses"] = list(seen.statuses)
        shown["marks"] = dict(seen.marks)
        shown["commands"] = list(seen.commands)
        shown["seconds"] = round(seen.seconds, 2)
        if seen.reasons is not None:
            shown["reasons"] = list(seen.reasons)
        if run.verdict.is_flaw:
            shown["outputs"] = [
                str(output) if isinstance(output, ValueError) else output for output in seen.outputs
            ]
            shown["logs"] = list(seen.logs)
    return shown


def write_json(results: Sequence[CaseResult], template: Template, path: Path) -> None:
    """Write all that was seen as JSON."""
    text = json.dumps(as_json(results, template), indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_junit(results: Sequence[CaseResult], template: Template, path: Path) -> None:
    """Write a test case for each case, by class; a flaw is a failure."""
    root = ET.Element("testsuites")
    for kind in CaseClass:
        of_kind = [result for result in results if result.case.kind is kind]
        failures = sum(result.verdict.is_flaw or result.is_unexplained for result in of_kind)
        suite = ET.SubElement(
            root,
            "testsuite",
            {
                "name": f"{template.name} {kind.value}",
                "tests": str(len(of_kind)),
                "failures": str(failures),
                "errors": "0",
                "skipped": str(sum(result.verdict is Verdict.SKIP for result in of_kind)),
            },
        )
        for result in of_kind:
            case = ET.SubElement(
                suite,
                "testcase",
                {
                    "classname": kind.value,
                    "name": result.case.id,
                    "time": f"{result.seconds:.2f}",
                },
            )
            said = _printable("\n".join(describe(result)))
            if result.verdict is Verdict.SKIP:
                ET.SubElement(case, "skipped", {"message": result.why_skipped})
            elif result.verdict.is_flaw or result.is_unexplained:
                ET.SubElement(case, "failure", {"message": result.verdict.value}).text = said
    ET.ElementTree(root).write(path, encoding="unicode", xml_declaration=True)


def _printable(text: str) -> str:
    # XML has no place for control characters, however they are written.
    return "".join(char if char.isprintable() or char in "\n\t" else "�" for char in text)
