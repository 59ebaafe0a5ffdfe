"""Variables that are let through to a tool."""

from __future__ import annotations

import pytest

from cwl_memo.cwl.door import RuntimeContext
from cwl_memo.cwl.surroundings import environment


def test_variables_of_an_engine_do_not_count_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TMPDIR", "SLURM_JOB_ID", "MINE"):
        monkeypatch.setenv(name, "1")
    context = RuntimeContext({"preserve_entire_environment": True})
    assert {"TMPDIR", "SLURM_JOB_ID", "MINE"} <= set(environment(context))
    counted = set(environment(context, besides=("TMPDIR", "SLURM_")))
    assert "MINE" in counted
    assert counted.isdisjoint(("TMPDIR", "SLURM_JOB_ID"))


def test_a_variable_that_was_asked_for_by_name_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    context = RuntimeContext({"preserve_environment": ["SLURM_JOB_ID"]})
    assert set(environment(context, besides=("SLURM_",))) == {"SLURM_JOB_ID"}
