"""Runners that are wrong on purpose: the suite catches each, and clears the honest one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

from conformance.driver.case import Case
from conformance.driver.drive import Plan, drive
from conformance.driver.family import SUITE, read_suite
from conformance.driver.template import Template
from conformance.driver.verdict import Verdict

ROOT: Final = Path(__file__).parents[2]
MUTANTS: Final = Path(__file__).parent / "mutants"

CAUGHT: Final[Mapping[str, Mapping[str, Verdict]]] = {
    "always_hits": {"miss-value-string": Verdict.FALSE_HIT},
    "ignores_names": {"miss-file-named-renamed": Verdict.FALSE_HIT},
    "ignores_environment": {"miss-envvar-value": Verdict.FALSE_HIT},
    "ignores_secondary_files": {"miss-secondary-file-content": Verdict.FALSE_HIT},
    "ignores_work_reuse": {"no-reuse-work-reuse-tool": Verdict.FALSE_HIT},
    "keyed_on_mtime": {
        "miss-file-at-the-same-time": Verdict.FALSE_HIT,
        "hit-file-touched": Verdict.FALSE_MISS,
    },
    "never_hits": {"hit-file-touched": Verdict.FALSE_MISS},
    "replays_regardless": {
        "miss-file-at-the-same-time": Verdict.FALSE_HIT,
        "miss-secondary-file-content": Verdict.FALSE_HIT,
        "miss-envvar-value": Verdict.FALSE_HIT,
    },
    "returns_damaged_blobs": {"robust-damage-file-flip": Verdict.WRONG_OUTPUT},
}
"""The cases of the suite that are to catch a runner, and as what."""


@pytest.fixture(scope="session")
def suite() -> Mapping[str, Case]:
    return {case.id: case for case in read_suite([SUITE])}


def verdicts(cases: Iterable[Case], module: str, folder: Path) -> Mapping[str, Verdict]:
    # A run that is replayed looks no job up, rightly or wrongly.
    replay = "on" if "replays" in module or module == "cwl_memo" else "off"
    runner = Template(
        "runner",
        f"CWL_MEMO_STORE={{store}} CWL_MEMO_REPLAY={replay} PYTHONPATH='{ROOT}' "
        f"'{sys.executable}' -m {module} run "
        "--outdir {outdir} {options} {document} {job}",
    )
    results = drive(cases, Plan(runner, jobs=2, keep=folder))
    return {result.case.id: result.verdict for result in results}


def test_every_mutant_is_tried() -> None:
    assert sorted(CAUGHT) == sorted(path.stem for path in MUTANTS.glob("*.py"))


SLOW: Final = {"returns_damaged_blobs"}
"""Caught by a case of many runs: one for each file of a store."""

MUTANT = pytest.mark.parametrize(
    "mutant",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name
        for name in sorted(CAUGHT)
    ],
)


@MUTANT
def test_wrong_runner_is_caught(mutant: str, suite: Mapping[str, Case], tmp_path: Path) -> None:
    cases = [suite[name] for name in CAUGHT[mutant]]
    found = verdicts(cases, f"tests.conformance.mutants.{mutant}", tmp_path / "cases")
    assert found == CAUGHT[mutant]


@pytest.mark.parametrize("slow", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_honest_runner_passes_the_same_cases(
    slow: bool, suite: Mapping[str, Case], tmp_path: Path
) -> None:
    names = {name for mutant in CAUGHT if (mutant in SLOW) == slow for name in CAUGHT[mutant]}
    found = verdicts([suite[name] for name in sorted(names)], "cwl_memo", tmp_path / "cases")
    assert found == dict.fromkeys(found, Verdict.PASS)
