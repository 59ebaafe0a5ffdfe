"""The documents and what they are expected to deliver, by plain cwltool."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers import RUNNERS
from benchmarks.session import Session
from benchmarks.workload import WORKLOADS


@pytest.mark.parametrize(
    ("name", "size"), [("W1", 2), ("W2", 2), ("W3", 1), ("W4", 2), ("W5", 5), ("W7", 2)]
)
def test_plain_cwltool_delivers_what_a_workload_expects(
    name: str, size: int, tmp_path: Path
) -> None:
    session = Session(WORKLOADS[name], size, [RUNNERS["cwltool"]], tmp_path / "session")
    scenario = "fails" if name == "W5" else "cold"
    (run,) = session.rounds(1, (scenario,), lambda _: None)
    assert run.flaw == ""
