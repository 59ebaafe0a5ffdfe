"""What became of a test in a pass, and where two passes differ. Pure: no files, no programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from conformance.errors import ConformanceError

__all__ = [
    "PASSES",
    "Difference",
    "ExceptionToRule",
    "Judgement",
    "Outcome",
    "TestResult",
    "choose",
    "compare",
    "judge",
    "read_exceptions",
    "read_results",
]

PASSES: Final = ("cold", "warm")
"""The passes through cwl-memo's entry, in the order in which they use one store."""


class Outcome(str, Enum):
    """What pytest says of a test, all its phases taken together."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class TestResult:
    """What became of a test in one pass.

    :param test: pytest's name of it.
    :param detail: why it failed or was skipped.
    :param calls: how often it called an entry of cwltool's.
    :param offline: whether it was refused the network.
    :param hosted: whether it is meant for Docker, and was run without a container.
    """

    __test__ = False  # for pytest: not a class of tests

    test: str
    outcome: Outcome
    detail: str = ""
    calls: int = 0
    offline: bool = False
    hosted: bool = False


@dataclass(frozen=True)
class Difference:
    """A test that has another outcome in a pass than with plain cwltool."""

    name: str
    plain: TestResult
    memo: TestResult

    @property
    def test(self) -> str:
        """Pytest's name of the test."""
        return self.plain.test


@dataclass(frozen=True)
class ExceptionToRule:
    """A test that rightly has another outcome through cwl-memo.

    :param test: pytest's name of it; without brackets, of the test with all parameters.
    :param passes: in which it may differ.
    :param shows: a text in what the test then says. Where it says something else, it has
        failed for another reason than the one that is listed.
    :param reason: why, in one sentence.
    """

    test: str
    passes: tuple[str, ...]
    shows: str
    reason: str

    def covers(self, found: Difference) -> bool:
        """Tell whether a difference is the one that is meant."""
        meant = found.name in self.passes and self.is_about(found.test)
        return meant and self.shows in found.memo.detail

    def is_about(self, test: str) -> bool:
        """Tell whether a test is the one meant, or one of its parameters."""
        return test == self.test or test.startswith(f"{self.test}[")


@dataclass(frozen=True)
class Judgement:
    """What is to be thought of the differences of all passes.

    :param unlisted: what nobody has given a reason for.
    :param listed: each with its exception.
    :param unstable: those where plain cwltool, asked again, differed from itself too.
    :param stale: exceptions for tests that were run and no longer differ.
    """

    unlisted: tuple[Difference, ...]
    listed: tuple[tuple[Difference, ExceptionToRule], ...]
    unstable: tuple[Difference, ...]
    stale: tuple[ExceptionToRule, ...]


def choose(results: Mapping[str, TestResult]) -> dict[str, TestResult]:
    """Return the tests that are to be compared, by what plain cwltool made of them.

    Those that call an entry; but of those meant for Docker only the ones that cwltool passes
    without a container, since the others say nothing but that there is none.
    """
    return {
        name: result
        for name, result in results.items()
        if result.calls and (not result.hosted or result.outcome is Outcome.PASSED)
    }


def compare(
    name: str, plain: Mapping[str, TestResult], memo: Mapping[str, TestResult]
) -> list[Difference]:
    """Return the tests that have another outcome in a pass, in plain cwltool's order.

    :raises ConformanceError: if the two are not of the same tests.
    """
    if strangers := sorted(plain.keys() ^ memo.keys()):
        raise ConformanceError(f"the {name} pass is not of the same tests: {strangers[0]}")
    return [
        Difference(name, result, memo[test])
        for test, result in plain.items()
        if memo[test].outcome is not result.outcome
    ]


def judge(
    differences: Sequence[Difference],
    exceptions: Sequence[ExceptionToRule],
    ran: Iterable[str],
    again: Mapping[str, TestResult],
) -> Judgement:
    """Part the differences by whether there is a reason for them.

    :param ran: the tests that were compared.
    :param again: what plain cwltool said when it was asked a second time.
    """
    unlisted, listed, unstable = [], [], []
    for found in differences:
        excuse = next((each for each in exceptions if each.covers(found)), None)
        second = again.get(found.test, found.plain)
        if excuse is not None:
            listed.append((found, excuse))
        elif second.outcome is found.memo.outcome:
            unstable.append(found)
        else:
            unlisted.append(found)
    used = {(excuse.test, found.name) for found, excuse in listed}
    tests = list(ran)
    stale = [
        excuse
        for excuse in exceptions
        if any(excuse.is_about(test) for test in tests)
        and any((excuse.test, name) not in used for name in excuse.passes)
    ]
    return Judgement(tuple(unlisted), tuple(listed), tuple(unstable), tuple(stale))


def read_exceptions(text: str) -> list[ExceptionToRule]:
    """Read exceptions from JSON: a list of objects with the fields of an exception.

    :raises ConformanceError: if one is not as it must be; names which.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ConformanceError(f"exceptions: not JSON: {error}") from error
    if not isinstance(data, list):
        raise ConformanceError("exceptions: not a list")
    return [_exception(place, entry) for place, entry in enumerate(data)]


def _exception(place: int, entry: Any) -> ExceptionToRule:
    where = f"exceptions[{place}]"
    texts = ("test", "shows", "reason")
    if not isinstance(entry, dict) or entry.keys() != {*texts, "passes"}:
        raise ConformanceError(f"{where}: has to have test, passes, shows, reason and no more")
    for name in texts:
        if not isinstance(entry[name], str) or not entry[name]:
            raise ConformanceError(f"{where}.{name}: has to be a text")
    passes = entry["passes"]
    if not isinstance(passes, list) or not passes or not set(passes) <= set(PASSES):
        raise ConformanceError(f"{where}.passes: has to be a list of {' and '.join(PASSES)}")
    return ExceptionToRule(entry["test"], tuple(passes), entry["shows"], entry["reason"])


def read_results(lines: Iterable[str]) -> tuple[dict[str, TestResult], bool]:
    """Read what a pass reported, a line of JSON a test, and whether it came to its end."""
    results: dict[str, TestResult] = {}
    ended = False
    for line in lines:
        data = json.loads(line)
        if data.get("end"):
            ended = True
            continue
        result = TestResult(**{**data, "outcome": Outcome(data["outcome"])})
        results[result.test] = result
    return results, ended
