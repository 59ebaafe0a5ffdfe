"""How verdicts are compared."""

from __future__ import annotations

import pytest

from conformance.official.verdict import Status, Verdict, compare, output_of

PASSED = Verdict(Status.PASSED, {"out": 1})
FAILED = Verdict(Status.FAILED, None, detail="returned non-zero exit status 1")
UNSUPPORTED = Verdict(Status.UNSUPPORTED)


def test_equal_verdicts_make_no_difference() -> None:
    verdicts = {1: PASSED, 2: FAILED, 3: UNSUPPORTED}
    assert compare(verdicts, dict(verdicts)) == []


@pytest.mark.parametrize(
    ("plain", "memo"),
    [
        pytest.param(PASSED, FAILED, id="passed-failed"),
        pytest.param(FAILED, PASSED, id="failed-passed"),
        pytest.param(UNSUPPORTED, PASSED, id="unsupported-passed"),
        pytest.param(FAILED, UNSUPPORTED, id="failed-unsupported"),
    ],
)
def test_another_status_is_a_difference_in_either_direction(plain: Verdict, memo: Verdict) -> None:
    [difference] = compare({7: plain}, {7: memo})
    assert (difference.number, difference.aspect) == (7, "status")
    assert (difference.plain, difference.memo) == (plain, memo)


def test_another_output_object_is_a_difference_though_both_passed() -> None:
    other = Verdict(Status.PASSED, {"out": 1, "extra": None})
    assert [found.aspect for found in compare({1: PASSED}, {1: other})] == ["output object"]


def test_what_a_failed_run_printed_is_no_difference() -> None:
    assert compare({1: FAILED}, {1: Verdict(Status.FAILED, {"half": "done"})}) == []


def test_the_complaint_of_a_failed_run_is_no_difference() -> None:
    assert compare({1: FAILED}, {1: Verdict(Status.FAILED, detail="in other words")}) == []


def test_a_crash_where_plain_cwltool_fails_in_order_is_a_difference() -> None:
    # A test that ought to fail counts as passed whatever the failure was.
    crashed = Verdict(Status.PASSED, {"out": 1}, crashed=True)
    assert [found.aspect for found in compare({1: PASSED}, {1: crashed})] == ["crash"]
    assert compare({1: crashed}, {1: crashed}) == []
    assert compare({1: crashed}, {1: PASSED}) == []


def test_differences_come_in_order_of_their_numbers() -> None:
    plain = dict.fromkeys((3, 1, 2), PASSED)
    memo = dict.fromkeys((2, 3, 1), FAILED)
    assert [found.number for found in compare(plain, memo)] == [1, 2, 3]


def test_passes_of_other_tests_cannot_be_compared() -> None:
    one, two = {1: PASSED}, {1: PASSED, 2: PASSED}
    with pytest.raises(KeyError, match="2"):
        compare(two, one)
    with pytest.raises(KeyError, match="2"):
        compare(one, two)


def test_names_of_temporary_directories_are_no_part_of_an_output_object() -> None:
    first = output_of('{"out": {"path": "/t/a/tmp/tmpx1/x.txt", "size": 3}}', "/t/a/tmp")
    second = output_of('{"out": {"path": "/t/b/tmp/q_9z/x.txt", "size": 3}}', "/t/b/tmp")
    assert first == second == {"out": {"path": "TMP/x.txt", "size": 3}}


def test_file_names_are_part_of_an_output_object() -> None:
    first = output_of('{"path": "/t/a/x.txt"}', "/t")
    assert first != output_of('{"path": "/t/a/y.txt"}', "/t")


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("", None),
        ("  \n", None),
        ("null", None),
        ("not JSON", "not JSON"),
        ("[1, true]", [1, True]),
    ],
)
def test_output_is_what_was_printed(text: str, output: object) -> None:
    assert output_of(text, "/t") == output


def test_a_place_that_a_tool_of_another_pass_printed_is_freed_of_its_name_and_no_file_is() -> None:
    text = '{"where": ["/t/a/tmp/x1"], "out": {"class": "File", "path": "/t/a/tmp/x1/f"}}'
    found = output_of(text, "/t/b/tmp", ["/t/a/tmp"])
    assert found == {"where": ["TMP"], "out": {"class": "File", "path": "/t/a/tmp/x1/f"}}
