"""What a runner did is judged, and what it left is compared with what was asked."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from conformance.driver.case import Case, Policy, parse
from conformance.driver.observe import contents_of, differences, output_object, reasons
from conformance.driver.verdict import CaseResult, Observation, RunResult, Verdict, judge

RIGHT = {"o": 1}
WRONG = {"o": 2}
NONE = ValueError("it printed no output object")


def case(policy: str | None = None, **run: Any) -> Case:
    given = {"executes": {"a": 1, "b": "0..1"}, "outputs": RIGHT, **run}
    raw = {"id": "some", "title": "t", "class": "robust", "policy": policy, "runs": [given]}
    return parse(raw, Path("some.yml"))


def seen(marks: str = "a", output: Any = RIGHT, status: int | None = 0, **more: Any) -> Observation:
    return Observation(
        statuses=(status,), outputs=(output,), marks=Counter(marks), **{"reasons": None, **more}
    )


def verdict(asked: Case, observation: Observation, *, reuses: bool = True) -> Verdict:
    found, details = judge(asked, asked.runs[0], observation, reuses=reuses)
    assert (found is Verdict.PASS) == (not details)
    return found


# Verdicts


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen("a"), Verdict.PASS),
        (seen("ab"), Verdict.PASS),
        (seen(""), Verdict.FALSE_HIT),
        (seen("", WRONG), Verdict.FALSE_HIT),
        (seen("b"), Verdict.FALSE_HIT),
        (seen("a", WRONG), Verdict.WRONG_OUTPUT),
        (seen("a", NONE), Verdict.WRONG_OUTPUT),
        (seen("a", lost=("mine.txt was changed",)), Verdict.WRONG_OUTPUT),
        (seen("aa"), Verdict.FALSE_MISS),
        (seen("abb"), Verdict.FALSE_MISS),
        (seen("ac"), Verdict.FALSE_MISS),
        (seen("aa", WRONG), Verdict.WRONG_OUTPUT),
        (seen("bb"), Verdict.FALSE_HIT),
        (seen("a", status=1), Verdict.CRASH),
        (seen("a", status=-9), Verdict.CRASH),
        (seen("a", status=None), Verdict.CRASH),
        (seen("", status=1), Verdict.FALSE_HIT),
        (seen("", status=None), Verdict.CRASH),
        (seen("aa", status=1), Verdict.CRASH),
        (seen("a", status=1, lost=("mine.txt was changed",)), Verdict.CRASH),
    ],
)
def test_gravest_of_what_was_wrong_is_the_verdict(
    observation: Observation, expected: Verdict
) -> None:
    assert verdict(case(), observation) is expected


@pytest.mark.parametrize(
    ("policy", "observation", "expected"),
    [
        ("directory", seen(""), Verdict.POLICY),
        ("directory", seen("", WRONG), Verdict.FALSE_HIT),
        ("directory", seen("aa"), Verdict.POLICY),
        ("sharing", seen("aa"), Verdict.POLICY),
        ("sharing", seen("", WRONG), Verdict.FALSE_HIT),
        ("host-tools", seen("", WRONG), Verdict.POLICY),
        ("network", seen("", WRONG), Verdict.POLICY),
        *((policy.value, seen("a", WRONG), Verdict.WRONG_OUTPUT) for policy in Policy),
        *((policy.value, seen("a", status=1), Verdict.CRASH) for policy in Policy),
        *((policy.value, seen("a"), Verdict.PASS) for policy in Policy),
    ],
)
def test_policy_excuses_another_choice_and_no_flaw(
    policy: str, observation: Observation, expected: Verdict
) -> None:
    assert verdict(case(policy), observation) is expected


@pytest.mark.parametrize(
    ("observation", "expected"),
    [
        (seen("aacc"), Verdict.PASS),
        (seen(""), Verdict.FALSE_HIT),
        (seen("aa", WRONG), Verdict.WRONG_OUTPUT),
        (seen("aa", status=1), Verdict.CRASH),
        (seen("a", reasons=("other",)), Verdict.PASS),
    ],
)
def test_no_hit_is_asked_of_a_runner_without_a_cache(
    observation: Observation, expected: Verdict
) -> None:
    asked = case(reasons=["changed"])
    assert verdict(asked, observation, reuses=False) is expected


@pytest.mark.parametrize(
    ("exits", "status", "expected"),
    [
        ("failure", 1, Verdict.PASS),
        ("failure", -15, Verdict.PASS),
        ("failure", 0, Verdict.CRASH),
        (33, 33, Verdict.PASS),
        (33, 1, Verdict.CRASH),
        ("any", 0, Verdict.PASS),
        ("any", 1, Verdict.PASS),
        ("any", None, Verdict.CRASH),
    ],
)
def test_exit_status_is_judged_as_asked(exits: Any, status: int | None, expected: Verdict) -> None:
    assert verdict(case(exit=exits), seen("a", NONE, status)) is expected


def test_reuse_of_a_failure_is_a_false_hit_though_the_runner_failed() -> None:
    found, details = judge(case(), case().runs[0], seen("", NONE, 1), reuses=True)
    assert found is Verdict.FALSE_HIT
    assert details == [
        "the runner ended with status 1, not 0",
        "job 'a' was executed 0 times, not 1",
    ]


def test_signal_that_ended_the_runner_is_named() -> None:
    _, details = judge(case(), case().runs[0], seen(status=-11), reuses=True)
    assert details == ["the runner ended with SIGSEGV, not 0"]


@pytest.mark.parametrize(
    ("told", "is_wanting"),
    [(None, False), (("x", "y", "x"), False), (("x", "y"), True), ((), True)],
)
def test_reason_that_was_not_given_leaves_the_verdict(told: Any, is_wanting: bool) -> None:
    asked = case(reasons=["x", "x"])
    found, details = judge(asked, asked.runs[0], seen(reasons=told), reuses=True)
    assert (found, bool(details)) == (Verdict.PASS, is_wanting)
    result = CaseResult(asked, (RunResult(1, "", found, tuple(details)),))
    assert result.is_unexplained == is_wanting


def test_each_runner_is_judged_by_what_was_asked_of_it() -> None:
    asked = case(beside=[{"outputs": WRONG}, {"exit": "failure"}], executes={})
    both = Observation((0, 0, 1), (RIGHT, WRONG, NONE), Counter(), None)
    assert verdict(asked, both) is Verdict.PASS
    other = Observation((0, 0, 0), (RIGHT, RIGHT, NONE), Counter(), None)
    found, details = judge(asked, asked.runs[0], other, reuses=True)
    assert (found, details) == (Verdict.CRASH, ["the runner succeeded, though a job had to fail"])
    wrong = Observation((0, 0, 1), (RIGHT, RIGHT, NONE), Counter(), None)
    _, details = judge(asked, asked.runs[0], wrong, reuses=True)
    assert details == ["runner 2: outputs.o: 1, not 2"]


def test_verdict_of_a_case_is_the_gravest_of_its_runs() -> None:
    runs = [RunResult(1, "", verdict, ()) for verdict in Verdict if verdict is not Verdict.SKIP]
    for first in range(len(runs)):
        result = CaseResult(case(), tuple(reversed(runs[first:])))
        assert result.verdict is runs[first].verdict
    assert CaseResult(case(), tuple(runs), "no mount").verdict is Verdict.SKIP


# Output objects


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('INFO {not json}\n{"b": {}}\n{"a": {"b": "}"}}\n', {"a": {"b": "}"}}),
        ('said {\n{"a": 1}', {"a": 1}),
        ("null\n", None),
        ("{}", {}),
    ],
)
def test_output_object_is_the_last_thing_printed(text: str, expected: Any) -> None:
    assert output_object(text) == expected


@pytest.mark.parametrize("text", ["", "done", '{"a": 1} and more', "[1]", '{"a": '])
def test_no_output_object_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no output object"):
        output_object(text)


@pytest.mark.parametrize(
    ("expected", "found", "said"),
    [
        (1, 1, []),
        (1, 2, ["outputs: 2, not 1"]),
        (1, True, ["outputs: true, not 1"]),
        (False, 0, ["outputs: 0, not false"]),
        (1.5, 1.5, []),
        ("1", 1, ['outputs: 1, not "1"']),
        (None, None, []),
        (None, 0, ["outputs: 0, not null"]),
        ({"a": 1}, {"a": 1, "b": None}, ["outputs.b: should not be there"]),
        ({"a": 1, "b": 2}, {"a": 1}, ["outputs.b: is missing"]),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ["outputs.a[1].b: 3, not 2"]),
        ([1, 2], [1], ["outputs: has 1 elements, not 2"]),
        ([], {}, ["outputs: {}, not []"]),
        ({"class": "File"}, "a", ['outputs: no File but "a"']),
        (
            {"class": "File"},
            {"class": "Directory"},
            ['outputs: no File but {"class": "Directory"}'],
        ),
        ({"class": "File"}, {"class": "File", "path": "/no/where"}, ["outputs: no file at None"]),
    ],
)
def test_values_are_compared(expected: Any, found: Any, said: list[str]) -> None:
    assert list(differences(expected, found)) == said


def file(path: Path, text: str, **more: Any) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return {"class": "File", "location": path.as_uri(), "basename": path.name, **more}


CHECKSUM = f"sha1${hashlib.sha1(b'one').hexdigest()}"  # noqa: S324 - CWL's checksum
CALLED = 'is called "a b.txt", not "b.txt"'
LIES = 'lies in a file called "a b.txt"'


@pytest.mark.parametrize(
    ("expected", "claims", "said"),
    [
        ({}, {}, []),
        ({"contents": "one"}, {"size": 3, "checksum": CHECKSUM}, []),
        ({"contents": "two"}, {}, ['holds "one", not "two"']),
        ({}, {"size": 4}, ["claims 4 bytes, has 3"]),
        ({}, {"checksum": "sha1$0"}, [f"claims the checksum sha1$0, has {CHECKSUM}"]),
        ({"basename": "b.txt"}, {}, [CALLED, LIES]),
        ({"basename": "b.txt"}, {"basename": "b.txt"}, [LIES]),
        ({"executable": False}, {}, []),
        ({"executable": True}, {}, ["executable is False"]),
        ({"format": "x"}, {"format": "x"}, []),
        ({"format": "x"}, {}, ['null, not "x"']),
        ({"size": 4}, {"size": 3}, ["3, not 4"]),
        ({"nameroot": "a"}, {"nameroot": "b"}, ['"b", not "a"']),
        ({}, {"secondaryFiles": [{"class": "File"}]}, ["has 1 elements, not 0"]),
        ({"secondaryFiles": [{"class": "File"}]}, {}, ["has 0 elements, not 1"]),
    ],
)
def test_file_is_compared_in_what_is_asked_and_in_what_it_claims(
    tmp_path: Path, expected: dict[str, Any], claims: dict[str, Any], said: list[str]
) -> None:
    found = file(tmp_path / "a b.txt", "one", **claims)
    told = list(differences({"class": "File", **expected}, found))
    assert [text.partition(": ")[2] for text in told] == said


def test_secondary_files_are_compared_by_name(tmp_path: Path) -> None:
    others = [file(tmp_path / name, name) for name in ("b", "a")]
    asked = [{"class": "File", "basename": name, "contents": name} for name in ("a", "b")]
    expected = {"class": "File", "secondaryFiles": asked}
    assert not list(differences(expected, file(tmp_path / "c", "", secondaryFiles=others)))
    (tmp_path / "b").write_text("changed")
    assert list(differences(expected, file(tmp_path / "c", "", secondaryFiles=others))) == [
        'outputs.secondaryFiles[1]: holds "changed", not "b"'
    ]


def test_directory_is_compared_as_it_stands_on_disk(tmp_path: Path) -> None:
    for name in ("a", "sub/b"):
        file(tmp_path / "d" / name, name)
    found = {"class": "Directory", "location": (tmp_path / "d").as_uri()}
    below = {
        "class": "Directory",
        "basename": "sub",
        "listing": [{"class": "File", "basename": "b"}],
    }
    listing: list[Any] = [{"class": "File", "basename": "a", "contents": "a"}, below]
    expected: Any = {"class": "Directory", "basename": "d", "listing": listing}
    assert not list(differences(expected, found))
    assert not list(differences({"class": "Directory"}, found))
    (tmp_path / "d" / "more").touch()
    (tmp_path / "d" / "sub" / "b").unlink()
    (tmp_path / "d" / "a").write_text("changed")
    assert list(differences(expected, found)) == [
        'outputs/a: holds "changed", not "a"',
        "outputs/more: should not be there",
        "outputs/sub/b: is missing",
    ]
    assert list(differences(expected, {"class": "Directory", "path": "/no/where"})) == [
        "outputs: no directory at None"
    ]


def test_contents_of_an_output_object_are_shown(tmp_path: Path) -> None:
    found = file(tmp_path / "a", "one", secondaryFiles=[file(tmp_path / "b", "two")])
    assert contents_of({"o": [found, 1]}) == {
        "o": [
            {
                "class": "File",
                "basename": "a",
                "contents": "one",
                "secondaryFiles": [{"class": "File", "basename": "b", "contents": "two"}],
            },
            1,
        ]
    }


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ('{"jobs": [{"cause": "a", "not_recorded": "b"}, {"cause": ""}]}', ["a", "b"]),
        ("{}", []),
        ("not json", []),
        (None, []),
    ],
)
def test_reasons_are_those_of_the_report(tmp_path: Path, text: str | None, codes: Any) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text)
    assert reasons(tmp_path / "report.json") == codes
