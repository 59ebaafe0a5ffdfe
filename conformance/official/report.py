"""Shows comparisons: a table and the differences for people, JUnit XML for machines."""

from __future__ import annotations

import json
import textwrap
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from conformance.official.comparison import Comparison
from conformance.official.passes import PassResult
from conformance.official.verdict import Difference, Status, Verdict

__all__ = ["describe_differences", "table", "write_junit"]

_HEAD = (
    "suite", "mode", "pass", "passed", "failed", "unsupported",
    "reused", "executed", "refused", "job failed", "CPU s", "wall s", "differ",
)  # fmt: skip


def table(comparisons: Iterable[Comparison]) -> str:
    """Return one line a pass: verdicts, jobs, seconds, differences."""
    rows: list[Sequence[str]] = [_HEAD]
    for found in comparisons:
        rows.append(_row(found, "plain", found.plain, None, ""))
        for name, memo in found.memo.items():
            differ = str(len(memo.differences))
            if memo.unstable:
                differ += f" (+{len(memo.unstable)} unstable)"
            rows.append(_row(found, name, memo.result, memo.jobs, differ))
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column < 3 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _row(
    found: Comparison, name: str, result: PassResult, jobs: Counter[str] | None, differ: str
) -> Sequence[str]:
    statuses = Counter(verdict.status for verdict in result.verdicts.values())
    kinds = ("reused", "executed", "refused", "failed")
    return (
        found.suite.path.stem,
        found.mode,
        name,
        *(str(statuses[status]) for status in Status),
        *("-" if jobs is None else str(jobs[kind]) for kind in kinds),
        f"{result.cpu:.0f}",
        f"{result.wall:.0f}",
        differ,
    )


def describe_differences(found: Comparison) -> Iterator[str]:
    """Yield, for each test that differs, what each runner said."""
    tests = {test.number: test for test in found.suite.tests}
    for name, memo in found.memo.items():
        for kind, differences in (("differs", memo.differences), ("unstable", memo.unstable)):
            for difference in differences:
                test = tests[difference.number]
                yield (
                    f"{found.suite.path.stem}, {found.mode}, {name}: test {test.number} "
                    f"{test.name} {kind} in its {difference.aspect} ({test.doc})\n"
                    + _both(difference)
                )


def _both(difference: Difference) -> str:
    return (
        f"  plain: {_said(difference.plain, difference.aspect)}\n"
        f"  memo:  {_said(difference.memo, difference.aspect)}"
    )


def _said(verdict: Verdict, aspect: str) -> str:
    if aspect == "output object":
        return _shortened(json.dumps(verdict.output, sort_keys=True, ensure_ascii=False))
    said = verdict.status.value
    if verdict.detail:
        said += "\n" + textwrap.indent(_shortened(verdict.detail), "    ")
    return said


def _shortened(text: str, limit: int = 1500) -> str:
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def write_junit(comparisons: Iterable[Comparison], path: Path) -> None:
    """Write one test case for each test of each memoizing pass; a difference is a failure."""
    root = ET.Element("testsuites")
    for found in comparisons:
        for name, memo in found.memo.items():
            title = f"{found.suite.path.stem} {found.mode} {name}"
            different = {difference.number: difference for difference in memo.differences}
            unstable = {difference.number for difference in memo.unstable}
            counts: dict[str, Any] = {
                "tests": len(found.suite.tests),
                "failures": len(different),
                "skipped": len(unstable),
                "errors": 0,
            }
            shown = {key: str(value) for key, value in counts.items()}
            suite = ET.SubElement(root, "testsuite", {"name": title, **shown})
            for test in found.suite.tests:
                case = ET.SubElement(suite, "testcase", {"classname": title, "name": test.name})
                if difference := different.get(test.number):
                    message = f"{difference.aspect} is not plain cwltool's"
                    ET.SubElement(case, "failure", {"message": message}).text = _both(difference)
                elif test.number in unstable:
                    ET.SubElement(case, "skipped", {"message": "plain cwltool is unstable here"})
    ET.ElementTree(root).write(path, encoding="unicode", xml_declaration=True)
