"""Shows what the passes came to: a table, the exceptions, the differences."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from conformance.cwltool_tests.outcome import (
    Difference,
    ExceptionToRule,
    Judgement,
    Outcome,
    TestResult,
)
from conformance.cwltool_tests.passes import PassResult

__all__ = ["describe_choice", "describe_judgement", "table"]

_HEAD = (
    "pass", "tests", *(outcome.value for outcome in Outcome), "same", "differ",
    "reused", "executed", "refused", "job failed", "seconds",
)  # fmt: skip

_ENGINE = "executable on the system path"
"""What cwltool's tests say that are skipped for want of a container engine."""


def table(
    passes: Mapping[str, PassResult],
    jobs: Mapping[str, Counter[str]],
    differences: Iterable[Difference],
) -> str:
    """Return one line a pass: outcomes, how many are plain cwltool's, jobs, seconds."""
    differ = Counter(found.name for found in differences)
    rows: list[Sequence[str]] = [_HEAD]
    for name, result in passes.items():
        outcomes = Counter(test.outcome for test in result.tests.values())
        same = (str(len(result.tests) - differ[name]), str(differ[name]))
        kinds = ("reused", "executed", "refused", "failed")
        counted = [str(jobs[name][kind]) for kind in kinds] if name in jobs else ["-"] * 4
        rows.append(
            (
                name,
                str(len(result.tests)),
                *(str(outcomes[outcome]) for outcome in Outcome),
                *(same if name in jobs else ("-", "-")),
                *counted,
                f"{result.seconds:.0f}",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def describe_choice(everything: PassResult, chosen: Mapping[str, TestResult]) -> Iterator[str]:
    """Say which of cwltool's tests are compared, by which rule, and why plain ones fail."""
    rest = [test for name, test in everything.tests.items() if name not in chosen]
    kinds = Counter(map(_kind, rest))
    hosted = sum(test.hosted for test in chosen.values())
    yield (
        f"{len(everything.tests)} tests of cwltool's; {len(chosen)} are compared, which call "
        "cwltool.main, cwltool.factory or python -m cwltool"
    )
    yield f"run with --no-container: {hosted} of these, which are meant for Docker"
    yield "left out: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    for name, test in chosen.items():
        if test.outcome in {Outcome.FAILED, Outcome.ERROR}:
            why = "asks for the network, which is refused" if test.offline else _last(test.detail)
            yield f"plain cwltool fails {name}: {why}"


def _kind(test: TestResult) -> str:
    """Return why a test is not compared."""
    if test.hosted and test.calls:
        return "need Docker in earnest"
    if test.outcome is Outcome.SKIPPED:
        engine = _ENGINE in test.detail
        return "need another container engine" if engine else "skip themselves for other reasons"
    return "call no entry"


def describe_judgement(judgement: Judgement) -> Iterator[str]:
    """Name each difference, with its reason if there is one, and what each runner said."""
    yield from _describe_listed(judgement)
    for found in judgement.unstable:
        yield f"{found.name}: {found.test} {_change(found)}; plain cwltool is not sure either"
    for excuse in judgement.stale:
        where = " and ".join(excuse.passes)
        yield f"stale exception: {excuse.test} no longer differs in each of: {where}"
    for found in judgement.unlisted:
        said = textwrap.indent(found.memo.detail or found.plain.detail, "    ")
        yield f"{found.name}: {found.test} DIFFERS: {_change(found)}\n{said}"


def _describe_listed(judgement: Judgement) -> Iterator[str]:
    """Yield a line for each exception: a test may have many parameters."""
    counts: dict[ExceptionToRule, Counter[str]] = {}
    for found, excuse in judgement.listed:
        counts.setdefault(excuse, Counter())[found.name] += 1
    for excuse, passes in counts.items():
        where = ", ".join(f"{count} {name}" for name, count in passes.items())
        yield f"listed: {excuse.test} ({where}): {excuse.reason}"


def _change(found: Difference) -> str:
    return f"{found.plain.outcome.value} by cwltool, {found.memo.outcome.value} by cwl-memo"


def _last(text: str) -> str:
    return text.strip().rpartition("\n")[2][:200]
