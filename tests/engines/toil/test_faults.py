"""A fault of cwl-memo on a worker costs an execution, never a job."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engines.toil.conftest import Runners

pytestmark = pytest.mark.toil


@pytest.fixture
def tool(runners: Runners, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a tool that Toil's own class answers for."""
    from cwl_memo.engines.toil import tool as module
    from cwl_memo.engines.toil.door import cwltoil

    def plain(_self: Any, *_: Any) -> Iterator[str]:
        yield "plain"

    monkeypatch.setattr(cwltoil.ToilCommandLineTool, "job", plain)
    made = object.__new__(module.MemoToilCommandLineTool)
    made._toil_file_store = None
    return made


def test_a_session_that_cannot_begin_leaves_the_job_to_toil(tool: Any) -> None:
    # It has no orders.
    assert list(tool.job({}, print, SimpleNamespace())) == ["plain"]
    assert tool.memo_session is None


def test_a_session_that_cannot_end_ends_no_job(tool: Any) -> None:
    def end(_status: str) -> None:
        raise RuntimeError("a fault")

    tool.memo_session = SimpleNamespace(end=end)
    tool.memo_end()
    assert tool.memo_session is None


def test_a_tool_that_is_switched_off_is_toils(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CWL_MEMO_TOIL_OFF", "1")
    monkeypatch.setattr(type(tool), "memo_begin", None)
    assert list(tool.job({}, print, SimpleNamespace())) == ["plain"]
    assert tool.memo_answer(None, {}, None, "name") is None
