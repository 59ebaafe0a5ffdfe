"""Where a plan stands still: the steps that wait for jobs which a run would execute."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cwl_memo.core.plan import PlannedJob, left_open
from cwl_memo.core.run import JobRecord
from cwl_memo.cwl.door import shortname
from cwl_memo.cwl.facts import tool_label
from cwl_memo.cwl.lineage import Place

__all__ = ["Standstill"]


class Standstill:
    """What has been begun and not been answered.

    :ivar workflows: the workflows that have been begun, outer ones first.
    """

    def __init__(self) -> None:
        self.workflows: list[Any] = []
        self._standing: dict[Any, list[PlannedJob]] = {}
        self._loops: set[Any] = set()
        self._others: list[PlannedJob] = []

    def note(self, job: PlannedJob, place: Place | None) -> None:
        """Note a job that gives no outputs, and where in the workflow it stands."""
        if place is None and self.workflows:
            self._others.append(job)
        while place is not None:
            if place.is_looped:
                self._loops.add(place.step)
            self._standing.setdefault(place.step, []).append(job)
            place = place.above

    def blocked(self) -> Iterator[PlannedJob]:
        """Yield the jobs of all steps that have not been begun, each with what it waits for."""
        for job in self._others:
            # It makes the process that its step runs then.
            made = JobRecord(name=f"{job.name} (made)", tool=job.tool, result="", lookup="")
            yield left_open(made, job.awaits or (job.name,))
        for workflow in self.workflows:
            givers = _givers(workflow.steps)
            awaited: dict[Any, dict[str, None]] = {}
            for step in _in_order(workflow.steps):
                if step.completed:
                    continue
                if step.submitted:
                    awaited[step] = dict.fromkeys(self._standing_in(step))
                    if step in self._loops:
                        yield _next_round(step, tuple(awaited[step]))
                    continue
                missing = (s for s in _sources(step) if workflow.state.get(s) is None)
                before = [awaited.get(givers[s], {}) for s in missing if s in givers]
                awaited[step] = {name: None for names in before for name in names}
                yield from _unbegun(step.step, shortname(step.id), tuple(awaited[step]))

    def _standing_in(self, step: Any) -> Iterator[str]:
        for job in self._standing.get(step, []):
            # One that waits for the same job elsewhere says nothing of its own.
            yield from job.awaits or (job.name,)


def _next_round(step: Any, awaits: tuple[str, ...]) -> PlannedJob:
    """Return what stands for all further rounds of a loop."""
    label = tool_label(str(step.step.embedded_tool.tool.get("id", "")))
    name = f"{shortname(step.id)} (loop)"
    return left_open(JobRecord(name=name, tool=label, result="", lookup=""), awaits)


def _sources(step: Any) -> Iterator[str]:
    """Yield the places from which the inputs of a step come."""
    for port in step.tool["inputs"]:
        source = port.get("source") or []
        yield from [source] if isinstance(source, str) else source


def _givers(steps: Any) -> dict[str, Any]:
    return {out["id"]: step for step in steps for out in step.tool["outputs"]}


def _in_order(steps: Any) -> list[Any]:
    """Return steps so that each stands behind those that it waits for: cwltool shuffles them."""
    givers = _givers(steps)
    by_name = sorted(steps, key=lambda step: str(step.id))
    graph = {s: [givers[source] for source in _sources(s) if source in givers] for s in by_name}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError:
        return by_name  # of a document that was not validated


def _unbegun(
    step: Any, name: str, awaits: tuple[str, ...], *, scatter: bool = False
) -> Iterator[PlannedJob]:
    """Yield the jobs of a step: one for each tool, however often it is scattered."""
    process = step.embedded_tool
    scatter = scatter or "scatter" in step.tool
    if hasattr(process, "steps"):
        for below in _in_order(process.steps):
            yield from _unbegun(below, f"{name}/{shortname(below.id)}", awaits, scatter=scatter)
    elif process.tool["class"] != "ExpressionTool":
        label = tool_label(str(process.tool.get("id", "")))
        job = JobRecord(name=name, tool=label, result="", lookup="")
        yield left_open(job, awaits, scatter=scatter)
