"""A minute of the soak, and what its judge makes of what must not be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.soak.machine import Flaw
from tests.soak.soak import Outcome, soak
from tests.soak.workflow import draw, write_documents


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "seconds"), [("s3", 60), ("file", 20)])
def test_a_minute_of_many_machines_and_all_that_goes_wrong(
    tmp_path: Path, kind: str, seconds: int
) -> None:
    outcome = soak(seconds, kind, tmp_path, machines=4, seed=7)
    assert outcome.is_good, outcome.text()


def test_equal_names_are_equal_workflows_wherever_they_are_drawn(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        write_documents(folder, 3)
    drawn = [draw(random.Random(5), folder, 3) for folder in (one, other)]
    assert drawn[0].name == drawn[1].name
    assert drawn[0].expected == drawn[1].expected
    names = {path.name for path in one.iterdir()}
    assert names == {path.name for path in other.iterdir()}
    assert all((one / name).read_bytes() == (other / name).read_bytes() for name in names)


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(1, {"jobs reused": 1}, (Flaw("wrong output", "chain", ""),), {}),
        Outcome(1, {"jobs reused": 1}, (), {"leases after gc": 1}),
        Outcome(1, {"jobs reused": 0}, (), {"leases after gc": 0}),
    ],
    ids=["wrong-output", "left", "nothing-reused"],
)
def test_what_must_not_be_is_not_good(outcome: Outcome) -> None:
    assert not outcome.is_good
