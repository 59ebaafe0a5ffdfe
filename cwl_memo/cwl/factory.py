"""The factory that cwltool is handed: memoized tools, and cwltool's own for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cwl_memo.cwl import work_reuse
from cwl_memo.cwl.door import LoadingContext, Process, default_make_tool
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.tool import MemoCommandLineTool

__all__ = ["make_factory"]


def make_factory(
    session: Session, kind: Any = MemoCommandLineTool
) -> Callable[[Any, LoadingContext], Process]:
    """Return a ``construct_tool_object`` whose CommandLineTools are memoized.

    Workflows, ExpressionTools and all else are cwltool's: they are cheap, or made of
    jobs.

    :param kind: the class of the CommandLineTools.
    """

    def make_tool(toolpath_object: Any, loading_context: LoadingContext) -> Process:
        toolpath_object, loading_context = work_reuse.for_process(toolpath_object, loading_context)
        process: Process
        if toolpath_object.get("class") == "CommandLineTool":
            process = tool = kind(toolpath_object, loading_context)
            tool.memo_session = session
        else:
            process = default_make_tool(toolpath_object, loading_context)
        session.testify(lambda witness: witness.note_process(process))
        return process

    return make_tool
