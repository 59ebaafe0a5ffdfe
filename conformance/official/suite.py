"""Finds official suites and reads their tests, as cwltest does."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cwltest import utils as cwltest
from schema_salad.exceptions import ValidationException

from conformance.errors import ConformanceError

__all__ = ["Suite", "Test", "find_suites", "read_suite"]

PATTERN: Final = "conformance_test*.y*ml"
"""By what name the repositories of the CWL standards keep their suites."""


@dataclass(frozen=True)
class Test:
    """One test of a suite.

    :param number: in its suite, from 1, as cwltest counts.
    :param entry: the test as cwltest reads it, paths made absolute.
    """

    __test__ = False  # for pytest: not a class of tests

    number: int
    name: str
    doc: str
    entry: dict[str, Any]


@dataclass(frozen=True)
class Suite:
    """The tests of a suite that are to be run, in order."""

    path: Path
    tests: tuple[Test, ...]

    def only(self, numbers: Collection[int]) -> Suite:
        """Return the suite with just the tests of these numbers."""
        return Suite(self.path, tuple(test for test in self.tests if test.number in numbers))

    def write(self, path: Path) -> None:
        """Write the tests as a suite of its own, which cwltest can run.

        cwltest can itself choose tests by number, but then reports them under the names
        of the first tests of the suite.
        """
        entries = [test.entry for test in self.tests]
        # YAML, as which cwltest reads it, knows no surrogate pairs.
        path.write_text(json.dumps(entries, ensure_ascii=False), encoding="utf-8")


def find_suites(path: Path) -> list[Path]:
    """Return the suites meant by a path: a suite, or a directory with suites in or below it.

    :raises ConformanceError: if there is none.
    """
    if path.is_file():
        return [path.resolve()]
    for depth in (PATTERN, f"*/{PATTERN}", f"*/*/{PATTERN}"):
        if found := sorted(path.glob(depth)):
            return [suite.resolve() for suite in found]
    if not path.exists():
        raise ConformanceError(f"no such file or directory: {path}")
    raise ConformanceError(f"no suite ({PATTERN}) in {path}")


def read_suite(path: Path) -> Suite:
    """Return all tests of a suite.

    :raises ConformanceError: if cwltest cannot read it.
    """
    try:
        entries, _ = cwltest.load_and_validate_tests(str(path))
    except ValidationException as error:
        raise ConformanceError(f"{path} is not a suite that cwltest can read: {error}") from error
    tests = tuple(_test(number, dict(entry)) for number, entry in enumerate(entries, start=1))
    if not tests:
        raise ConformanceError(f"no tests in {path}")
    return Suite(path, tests)


def _test(number: int, entry: dict[str, Any]) -> Test:
    # cwltest adds the line of the file, and refuses to read it back.
    entry.pop("line", None)
    # It reads booleans as numbers, and refuses those here.
    if "should_fail" in entry:
        entry["should_fail"] = bool(entry["should_fail"])
    name = entry.get("label") or entry.get("id") or number
    doc = " ".join(str(entry.get("doc", "")).split())
    return Test(number, cwltest.shortname(str(name)), doc, entry)
