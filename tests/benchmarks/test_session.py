"""Sessions: who runs when, on what, and whether it delivered what it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.record import Run
from benchmarks.runner import Runner
from benchmarks.session import Session, takes
from benchmarks.state import SCENARIOS
from benchmarks.workload import WORKLOADS
from tests.benchmarks.fakes import fake, runs_of


def measured(
    folder: Path, *runners: Runner, scenarios: tuple[str, ...] = ("cold",), rounds: int = 1
) -> list[Run]:
    session = Session(WORKLOADS["W1"], 2, runners, folder / "session", timeout=60)
    return session.rounds(rounds, scenarios, lambda _: None)


def test_a_run_that_delivers_what_it_must_has_no_flaw(tmp_path: Path) -> None:
    runs = measured(tmp_path, fake(tmp_path), scenarios=("cold", "replay", "input", "element"))
    assert [run.flaw for run in runs] == [""] * 4
    assert [run.jobs for run in runs] == [3, 3, 3, 4]


@pytest.mark.parametrize(
    ("lie", "scenarios", "told"),
    [
        ("stale", ("cold", "step"), "delivered sign.txt"),
        ("checksum", ("cold",), "not as the output object says"),
        ("status", ("cold",), "ended with status 3: it broke"),
        ("none", ("fails",), "succeeded, and has to fail"),
    ],
)
def test_what_is_wrong_with_a_run_is_told(
    tmp_path: Path, lie: str, scenarios: tuple[str, ...], told: str
) -> None:
    assert told in measured(tmp_path, fake(tmp_path, lie=lie), scenarios=scenarios)[-1].flaw


def test_a_cold_run_has_an_empty_store_and_others_the_one_before(tmp_path: Path) -> None:
    measured(tmp_path, fake(tmp_path), scenarios=("cold", "replay"), rounds=2)
    assert [run["kept"] for run in runs_of(tmp_path)] == [[], ["kept"]] * 2


def test_only_the_same_output_directory_holds_outputs(tmp_path: Path) -> None:
    measured(tmp_path, fake(tmp_path), scenarios=("cold", "replay", "same-outdir", "replay"))
    runs = runs_of(tmp_path)
    assert [bool(run["delivered"]) for run in runs] == [False, False, True, False]
    assert runs[1]["outdir"] == runs[2]["outdir"]
    assert len({run["outdir"] for run in runs}) == 3


def test_a_runner_that_works_in_place_finds_its_outputs(tmp_path: Path) -> None:
    measured(tmp_path, fake(tmp_path, in_place=True), scenarios=("cold", "replay"), rounds=2)
    assert [bool(run["delivered"]) for run in runs_of(tmp_path)] == [False, True] * 2


def test_all_see_the_same_states_each_with_a_store_of_its_own(tmp_path: Path) -> None:
    one, other = fake(tmp_path, "one"), fake(tmp_path, "other")
    measured(tmp_path, one, other, scenarios=("cold", "step", "element", "step"))
    seen = [
        [(run["edition"], run["texts"]) for run in runs_of(tmp_path, name)]
        for name in ("one", "other")
    ]
    assert seen[0] == [("edition-0", 2), ("edition-1", 2), ("edition-1", 3), ("edition-2", 3)]
    assert seen[1] == seen[0]
    stores = {run["store"] for name in ("one", "other") for run in runs_of(tmp_path, name)}
    assert len(stores) == 2


def test_each_round_begins_with_another_runner(tmp_path: Path) -> None:
    one, other = fake(tmp_path, "one"), fake(tmp_path, "other")
    runs = measured(tmp_path, one, other, rounds=3)
    assert [run.runner for run in runs] == ["one", "other", "other", "one", "one", "other"]


def test_a_runner_without_a_cache_is_measured_cold_alone(tmp_path: Path) -> None:
    plain = fake(tmp_path, reuses=False)
    runs = measured(tmp_path, plain, scenarios=("cold", "replay", "input"), rounds=2)
    assert [run.scenario for run in runs] == ["cold", "cold"]


def test_what_came_before_is_run_unmeasured_where_no_cold_run_is_asked_for(tmp_path: Path) -> None:
    runs = measured(tmp_path, fake(tmp_path), scenarios=("step",), rounds=2)
    assert len(runs) == 2
    assert [run["edition"] for run in runs_of(tmp_path)] == ["edition-0", "edition-1", "edition-2"]


def test_a_runner_of_another_language_takes_no_part(tmp_path: Path) -> None:
    session = Session(WORKLOADS["W6"], 3000, [fake(tmp_path, language="doit")], tmp_path / "a")
    assert session.rounds(1, ("replay",), lambda _: None) == []


def test_a_run_that_takes_too_long_is_a_flaw(tmp_path: Path) -> None:
    slow = Runner("slow", "sleep 60 {store} {outdir} {document} {job}")
    session = Session(WORKLOADS["W1"], 1, [slow], tmp_path / "session", timeout=1)
    (run,) = session.rounds(1, ("cold",), lambda _: None)
    assert run.flaw


def test_a_runner_of_another_language_is_measured_cold_once_and_where_it_reuses(
    tmp_path: Path,
) -> None:
    scenarios = ("cold", "replay", "same-outdir", "input", "element", "step")
    found = [
        (number, scenario)
        for number in range(2)
        for scenario in scenarios
        if takes(fake(tmp_path, language="doit"), SCENARIOS[scenario], number)
    ]
    assert found == [(0, "cold"), (0, "replay"), (0, "input"), (1, "replay"), (1, "input")]
