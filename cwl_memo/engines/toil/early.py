"""Looking jobs up before Toil submits them: in a scatter, and in a job of the leader's machine.

This is the one place that changes what Toil does by names that are private to it. Without
it, or with a Toil that was not tested, each job is looked up where it would be executed;
that is as right, and costs a submission for each hit.

What is replaced, in each process that meets a memoized tool:

- ``makeJob``, which makes the Toil job of a tool. For a step it gives one that runs on the
  leader's machine, looks the tool's job up, and only on a miss makes Toil's own.
- ``CWLScatter.run`` and ``addChild``: within a scatter the input objects are at hand, so
  that a hit needs no Toil job at all; its outputs stand for the job's.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.settings import ToilLookup
from cwl_memo.cwl.door import shortname
from cwl_memo.engines.toil.door import cwltoil, is_tested

if TYPE_CHECKING:
    from cwl_memo.engines.toil.tool import MemoToilCommandLineTool

__all__ = ["install", "looks_early"]

_log = logging.getLogger("cwltool")

_REPLACED: Final = ("makeJob", "CWLScatter", "CWLJobWrapper", "fill_in_defaults")

_local = threading.local()
"""``looking``: what looks up the jobs of the scatter that this thread makes."""


def looks_early(tool: Any) -> bool:
    """Tell whether a tool's jobs are looked up before they are submitted."""
    orders = getattr(tool, "memo_orders", None)
    return orders is not None and orders.lookup is ToilLookup.LEADER


class Answered:
    """Stands in a scatter for a job that is not needed: its outputs are there."""

    def __init__(self, outputs: Any) -> None:
        self._outputs = outputs

    def rv(self) -> Any:
        """Return the outputs, where a job returns the promise of them."""
        return self._outputs


class _Scatter:
    """Looks up the jobs of one scatter."""

    def __init__(self, file_store: Any) -> None:
        self._file_store = file_store
        self._tool: MemoToilCommandLineTool | None = None

    def answer(self, tool: Any, inputs: Any, context: Any, parent_name: str | None) -> Any:
        if self._tool is not tool:
            self.end()
            self._tool = tool
        return tool.memo_answer(self._file_store, inputs, context, _name(tool, parent_name))

    def end(self) -> None:
        if self._tool is not None:
            self._tool.memo_end()
            self._tool = None


def _name(tool: Any, parent_name: str | None) -> str:
    """Return the name that Toil would give to the job of a tool."""
    own = shortname(str(tool.tool["id"]))
    return f"{parent_name}.{own}" if parent_name else own


@contextmanager
def _looking(file_store: Any) -> Iterator[None]:
    before = getattr(_local, "looking", None)
    _local.looking = looking = _Scatter(file_store)
    try:
        yield
    finally:
        _local.looking = before
        looking.end()


_make_plain: Any = getattr(cwltoil, "makeJob", None)
_scatter_plain: Any = getattr(getattr(cwltoil, "CWLScatter", None), "run", None)
_wrapper: Any = getattr(cwltoil, "CWLJobWrapper", object)


class MemoJobWrapper(_wrapper):  # type: ignore[misc]
    """Runs on the leader's machine; looks the job up, and makes Toil's job if that misses."""

    def run(self, file_store: Any) -> Any:
        """Return the outputs, or the promise of them."""
        inputs = cwltoil.resolve_dict_w_promises(self.cwljob, file_store)
        if self.conditional.is_false(inputs):
            return self.conditional.skipped_outputs()
        name = _name(self.cwltool, self.parent_name)
        try:
            found = self.cwltool.memo_answer(file_store, inputs, self.runtime_context, name)
        finally:
            self.cwltool.memo_end()
        return super().run(file_store) if found is None else found


def _make_job(
    tool: Any,
    jobobj: Any,
    runtime_context: Any,
    parent_name: str | None,
    conditional: Any,
) -> Any:
    """Take the place of ``makeJob``."""
    if not looks_early(tool) or getattr(runtime_context, "bypass_file_store", False):
        return _make_plain(tool, jobobj, runtime_context, parent_name, conditional)
    looking = getattr(_local, "looking", None)
    if looking is not None and (conditional is None or conditional.is_empty()):
        found = looking.answer(tool, jobobj, runtime_context, parent_name)
        if found is not None:
            answered = Answered(found)
            return answered, answered
        return _make_plain(tool, jobobj, runtime_context, parent_name, conditional)
    cwltoil.scan_for_unsupported_requirements(tool, bypass_file_store=False)
    job = MemoJobWrapper(tool, jobobj, runtime_context, parent_name, conditional)
    return job, job


def _run_scatter(self: Any, file_store: Any) -> Any:
    """Take the place of ``CWLScatter.run``."""
    with _looking(file_store):
        return _scatter_plain(self, file_store)


def _add_child(self: Any, child: Any) -> Any:
    """Take the place of ``CWLScatter.addChild``."""
    if isinstance(child, Answered):
        return child
    return super(cwltoil.CWLScatter, self).addChild(child)


def install() -> None:
    """Replace Toil's names, once, if this Toil is one of those tested."""
    if not is_tested() or cwltoil.makeJob is _make_job:
        return
    missing = [name for name in _REPLACED if not hasattr(cwltoil, name)]
    if missing:
        _log.warning("cwl-memo: jobs are looked up on the workers: no %s", ", ".join(missing))
        return
    cwltoil.makeJob = _make_job
    cwltoil.CWLScatter.run = _run_scatter
    cwltoil.CWLScatter.addChild = _add_child
