"""A runner that says before a run what it will do is held to it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conformance.driver import template
from conformance.driver.main import main
from conformance.driver.prediction import differences_of, footprint, unforeseen

JSON = Any

KEY, OTHER = "a" * 64, "b" * 64


def job(result: str, key: str = KEY, cause: str = "", tool: str = "t.cwl") -> dict[str, JSON]:
    lookup = {"reused": "hit", "refused": "refusal", "unknown": ""}.get(result, "miss")
    found = {"tool": tool, "key": key, "cause": cause, "lookup": lookup}
    return {**found, "result": result, "predicted": result}


def told(planned: list[JSON], done: list[JSON], code: int | None = 0) -> list[str]:
    status = 0 if all(job["predicted"] == "reused" for job in planned) else 1
    answer = json.dumps({"jobs": planned})
    return list(unforeseen(answer, status, {"jobs": done}, code))


HIT = job("reused")
MISS = job("executed", OTHER, "changed")
REFUSED = job("refused", "", "work-reuse-off")
UNKNOWN = job("unknown", "")


@pytest.mark.parametrize(
    ("planned", "done"),
    [
        ([], []),
        ([HIT], [HIT]),
        ([MISS, HIT], [HIT, MISS]),
        ([REFUSED], [REFUSED]),
        ([MISS, UNKNOWN], [MISS, HIT]),
        ([MISS, UNKNOWN], [MISS, MISS, REFUSED]),
        ([MISS, UNKNOWN], [MISS]),
    ],
)
def test_what_was_predicted_may_happen(planned: list[JSON], done: list[JSON]) -> None:
    assert told(planned, done) == []


@pytest.mark.parametrize(
    ("planned", "done", "complaint"),
    [
        ([HIT], [job("executed", cause="damaged")], "reused was predicted; it was miss damaged"),
        ([MISS], [job("reused", OTHER)], "miss changed was predicted; it was reused"),
        ([MISS], [job("executed", OTHER, "no-entry")], "it was miss no-entry"),
        ([REFUSED], [job("refused", "", "inplace-update")], "it was refusal inplace-update"),
        ([HIT], [HIT, HIT], "1 jobs were predicted, there were 2"),
        ([HIT, MISS], [HIT], "2 jobs were predicted, there were 1"),
        ([MISS, UNKNOWN], [HIT], "miss changed was predicted; it was absent"),
    ],
)
def test_what_goes_otherwise_is_told(planned: list[JSON], done: list[JSON], complaint: str) -> None:
    assert any(complaint in text for text in told(planned, done))


def test_a_run_that_failed_need_not_have_come_to_all_jobs() -> None:
    failed = {**MISS, "result": "failed"}
    assert told([HIT, MISS, REFUSED], [failed], code=1) == []
    assert told([HIT, REFUSED], [failed], code=1) == [
        f"t.cwl {OTHER[:8]}: miss changed was not predicted"
    ]
    assert told([HIT, UNKNOWN], [failed], code=1) == []


def test_an_exit_status_that_promises_too_much_is_told() -> None:
    answer = json.dumps({"jobs": [UNKNOWN]})
    assert list(unforeseen(answer, 0, {"jobs": [MISS]}, 0)) == [
        "it was predicted that nothing is executed"
    ]


def test_a_runner_that_predicts_nothing_is_told_unless_there_was_nothing_to_predict() -> None:
    assert list(unforeseen("", 1, {"jobs": [HIT]}, 0)) == [
        "nothing was predicted (status 1) of a run of 1 jobs"
    ]
    assert list(unforeseen("", 1, None, 0)) == [
        "nothing was predicted (status 1) of a run of 0 jobs"
    ]
    assert list(unforeseen("", 1, None, 1)) == []
    assert list(unforeseen("", 2, {"jobs": []}, 0)) == []
    assert list(unforeseen(json.dumps({"jobs": [HIT]}), 0, None, -9)) == []


def test_what_a_prediction_leaves_changes_and_removes_is_seen(tmp_path: Path) -> None:
    for name in ("kept", "changed", "removed"):
        (tmp_path / name).write_text(name)
    before = footprint(tmp_path)
    assert list(differences_of(before, footprint(tmp_path))) == []
    os.utime(tmp_path / "changed", (1, 1))
    (tmp_path / "removed").unlink()
    (tmp_path / "left").mkdir()
    (tmp_path / "cache.db-shm").touch()
    assert list(differences_of(before, footprint(tmp_path))) == [
        f"to predict, it {how} {tmp_path / how}" for how in ("changed", "left", "removed")
    ]


def test_a_runner_that_cannot_predict_is_not_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cwltool", "--predict", "--only", "miss-value-string"]) == 2
    assert "cwltool cannot be asked what a run would do" in capsys.readouterr().err


def test_the_plan_of_cwl_memo_is_what_its_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cwl-memo", "--predict", "--only", "hit-cut-off-middle"]) == 0, (
        capsys.readouterr().out
    )


LIAR = """\
#!/bin/sh
echo '{"jobs": []}'
touch told
"""


def test_a_runner_that_predicts_falsely_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    liar = tmp_path / "liar"
    liar.write_text(LIAR)
    liar.chmod(0o755)
    known = template.TEMPLATES["cwl-memo"]
    command = f"{liar} {{store}} {{outdir}} {{document}} {{job}}"
    lying = {"cwl-memo": replace(known, prediction=command)}
    monkeypatch.setattr(template, "TEMPLATES", lying)
    assert main(["cwl-memo", "--predict", "--only", "miss-value-string"]) == 1
    printed = capsys.readouterr().out
    assert "0 jobs were predicted, there were 1" in printed
    assert "to predict, it left " in printed
    assert "1 went otherwise than had been predicted" in printed
