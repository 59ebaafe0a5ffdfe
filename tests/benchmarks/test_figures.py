"""Medians, slopes, ratios, targets, and how they are shown and kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.measure import Usage
from benchmarks.readme import README, figures_text, update
from benchmarks.record import Figures, Run, load_runs, machine, read_results, update_results
from benchmarks.table import figure_tables, overview_tables
from benchmarks.targets import target_table, targets


def run(
    cpu: float, runner: str = "cwl-memo", scenario: str = "replay", size: int = 1000, flaw: str = ""
) -> Run:
    usage = Usage(cpu, cpu * 2, 50_000_000, 1_000_000, None)
    return Run("W1", size, scenario, runner, 0, size + 1, usage, flaw)


def test_a_figure_is_the_median_of_the_runs_without_a_flaw() -> None:
    figures = Figures([run(1), run(9), run(2), run(0.1, flaw="wrong")])
    assert figures.get("W1", 1000, "replay", "cwl-memo") == 2
    assert figures.rounds("W1", 1000, "replay", "cwl-memo") == 3


def test_what_was_not_measured_has_no_figure() -> None:
    figures = Figures([run(1)])
    assert figures.get("W1", 1000, "cold", "cwl-memo") is None
    assert figures.get("W1", 1000, "replay", "cwl-memo", "written") is None


def test_slope_is_what_a_job_adds_to_the_smallest_size() -> None:
    figures = Figures([run(1, size=1), run(3, size=1001)])
    assert figures.slope("W1", 1001, "replay", "cwl-memo") == pytest.approx(2 / 1000)
    assert figures.slope("W1", 1, "replay", "cwl-memo") is None


def test_a_table_has_ratios_of_the_reference() -> None:
    figures = Figures([run(1), run(4, "cwltool-cachedir"), run(0.5, "doit")])
    (table,) = figure_tables(figures)
    cells = {row[0]: row for row in table.rows}
    assert cells[""][7] == "CPU / cwltool-cachedir"
    assert cells["cwl-memo"][7] == "0.250"
    (table,) = figure_tables(figures, "doit")
    assert {row[0]: row for row in table.rows}["cwl-memo"][7] == "2.000"


def test_an_overview_has_a_row_for_each_scenario_and_a_column_for_each_runner() -> None:
    runs = [run(1), run(2, "doit", "cold"), run(4, "doit", size=10), run(9, "ccache", flaw="wrong")]
    cpu, peak = overview_tables(Figures(runs))
    assert [tuple(row) for row in cpu.rows] == [
        ("", "cwl-memo", "doit", "ccache"),
        ("N = 10: replay", "", "4.00", ""),
        ("N = 1000: cold", "", "2.00", ""),
        ("N = 1000: replay", "1.00", "", "WRONG"),
    ]
    assert peak.rows[1][2] == "50"


def test_a_runner_that_was_always_wrong_is_shown_as_wrong() -> None:
    (table,) = figure_tables(Figures([run(1, flaw="no output object")]))
    assert "WRONG: no output object" in table.text()
    assert len({len(row) for row in table.rows}) == 1


@pytest.mark.parametrize(("memo", "verdict"), [(0.04, "yes"), (0.06, "NO"), (None, "not measured")])
def test_a_target_is_reached_by_the_ratio_of_one_run(memo: float | None, verdict: str) -> None:
    runs = [run(1, "cwltool-cachedir")] + ([run(memo)] if memo is not None else [])
    target = next(t for t in targets(Figures(runs)) if "N=1000: CPU of --cachedir" in t.text)
    assert target.verdict == verdict


def test_every_target_is_in_the_table() -> None:
    found = targets(Figures([]))
    assert {target.verdict for target in found} == {"not measured"}
    assert len(target_table(found).rows) == len(found) + 1


def test_targets_of_the_store_come_from_its_own_measurement() -> None:
    store = {"entries": 10, "lookup_seconds": 0.0001, "stats_seconds": 99.0}
    found = {t.text: t.verdict for t in targets(Figures([]), store)}
    assert found["store of 10 entries: look-up of an entry"] == "yes"
    assert found["store of 10 entries: stats"] == "NO"


def test_results_are_read_as_they_were_kept(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    update_results(path, {"runs": [run(1).to_json(), run(2, flaw="x").to_json()]})
    assert load_runs(read_results(path)) == [run(1), run(2, flaw="x")]


def test_a_workload_measured_anew_replaces_all_of_its_runs(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    update_results(path, {"runs": [run(1).to_json(), run(2, size=10).to_json()]})
    update_results(path, {"entries": {"table": []}})
    update_results(path, {"runs": [run(3).to_json()]})
    assert load_runs(read_results(path)) == [run(3)]
    assert "entries" in read_results(path)


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_what_holds_no_results_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(BenchmarkError, match="no results"):
        read_results(tmp_path / "results.json")


def test_figures_stand_in_the_readme_between_their_marks(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    grid = [["A store"], ["", "wall"], ["stats", "1 s"]]
    part = {"machine": machine(), "runs": [run(1.25).to_json()], "entries": {"table": grid}}
    update_results(results, part | {"absent": {"doit": "not installed"}})
    readme = tmp_path / "README.md"
    readme.write_text(README.read_text(encoding="utf-8"), encoding="utf-8")
    update(json.loads(results.read_text()), readme)
    once = readme.read_text(encoding="utf-8")
    update(json.loads(results.read_text()), readme)
    assert readme.read_text(encoding="utf-8") == once
    assert "| N = 1000: replay | 1.25 |" in once
    assert "left out: doit: not installed" in once
    assert "| stats | 1 s |" in figures_text(json.loads(results.read_text()))
    begin = README.read_text(encoding="utf-8").partition("<!-- figures")[0]
    assert once.startswith(begin)
