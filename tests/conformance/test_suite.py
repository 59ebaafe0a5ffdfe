"""How suites are found and read."""

from __future__ import annotations

from pathlib import Path

import pytest
from cwltest.utils import load_and_validate_tests

from conformance.errors import ConformanceError
from conformance.official.suite import find_suites, read_suite

SUITE = """\
- id: first
  doc: The
    first
  tool: tests/first.cwl
  job: tests/first.yml
  output: {out: "🕺"}
  tags: [required]
- $import: more.yaml
"""
MORE = """\
- id: second
  doc: The second, which ought to fail
  tool: tests/second.cwl
  should_fail: true
  tags: [workflow]
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    folder = tmp_path / "suites" / "cwl"
    (folder / "tests").mkdir(parents=True)
    for name in ("first.cwl", "first.yml", "second.cwl"):
        (folder / "tests" / name).write_text("{}")
    (folder / "conformance_tests.yaml").write_text(SUITE)
    (folder / "more.yaml").write_text(MORE)
    return folder / "conformance_tests.yaml"


def test_tests_are_numbered_and_named_through_imports(suite: Path) -> None:
    tests = read_suite(suite).tests
    assert [(test.number, test.name) for test in tests] == [(1, "first"), (2, "second")]
    assert tests[0].doc == "The first"


def test_chosen_tests_keep_their_numbers(suite: Path) -> None:
    [test] = read_suite(suite).only({2}).tests
    assert (test.number, test.name) == (2, "second")


def test_what_is_written_cwltest_reads_as_the_same_tests(suite: Path, tmp_path: Path) -> None:
    written = tmp_path / "elsewhere" / "suite.json"
    written.parent.mkdir()
    read_suite(suite).write(written)
    first, second = load_and_validate_tests(str(written))[0]
    assert first["tool"] == f"file://{suite.parent}/tests/first.cwl"
    assert first["job"] == f"file://{suite.parent}/tests/first.yml"
    assert first["output"] == {"out": "🕺"}
    assert second["tool"] == f"file://{suite.parent}/tests/second.cwl"
    assert second["should_fail"]


def test_a_suite_is_found_by_file_by_its_folder_and_by_the_folder_above(suite: Path) -> None:
    assert find_suites(suite) == [suite.resolve()]
    assert find_suites(suite.parent) == [suite.resolve()]
    assert find_suites(suite.parent.parent) == [suite.resolve()]


def test_a_folder_without_suites_is_an_error_that_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConformanceError, match="conformance_test"):
        find_suites(tmp_path)
    with pytest.raises(ConformanceError, match="no such file"):
        find_suites(tmp_path / "absent")


def test_a_file_that_is_no_suite_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "conformance_tests.yaml").write_text("- neither: a tool\n")
    with pytest.raises(ConformanceError, match="not a suite"):
        read_suite(tmp_path / "conformance_tests.yaml")
