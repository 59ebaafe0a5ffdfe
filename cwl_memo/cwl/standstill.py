"""Where a plan stands still: the steps that wait for jobs which a run would execute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cwl_memo.core.plan import PlannedJob, left_open
from cwl_memo.core.run import JobRecord
from cwl_memo.cwl.door import shortname
from cwl_memo.cwl.facts import tool_label
from cwl_memo.cwl.lineage import Place

__all__ = ["Standing", "Standstill"]


@dataclass(frozen=True)
class Standing:
    """A job that gives no outputs in a plan, and where in the workflow it stands."""

    job: PlannedJob
    place: Place | None

    def is_in(self, step: Any) -> bool:
        """Tell whether the job is one of a step, or of a workflow that is the step."""
        place = self.place
        while place is not None:
            if place.step is step:
                return True
            place = place.above
        return False


class Standstill:
    """What has been begun and not been answered.

    :ivar workflows: the workflows that have been begun, outer ones first.
    """

    def __init__(self) -> None:
        self.workflows: list[Any] = []
        self._standing: list[Standing] = []

    def note(self, standing: Standing) -> None:
        """Note a job that gives no outputs."""
        self._standing.append(standing)

    def blocked(self) -> Iterator[PlannedJob]:
        """Yield the jobs of all steps that have not been begun, each with what it waits for."""
        for workflow in self.workflows:
            for step in _in_order(workflow.steps, workflow.tool):
                if not step.submitted and not step.completed:
                    awaits = tuple(dict.fromkeys(self._awaited(workflow, step)))
                    yield from _unbegun(step.step, shortname(step.id), awaits)

    def _awaited(self, workflow: Any, step: Any, seen: tuple[Any, ...] = ()) -> Iterator[str]:
        """Yield the names of the jobs for whose outputs a step waits, directly or not."""
        sources = {source for port in step.tool["inputs"] for source in _sources(port)}
        missing = {source for source in sources if workflow.state.get(source) is None}
        for other in _in_order(workflow.steps, workflow.tool):
            if other in seen or missing.isdisjoint(out["id"] for out in other.tool["outputs"]):
                continue
            if other.submitted:
                yield from self._standing_in(other)
            else:
                yield from self._awaited(workflow, other, (*seen, other))

    def _standing_in(self, step: Any) -> Iterator[str]:
        for standing in self._standing:
            if standing.is_in(step):
                # One that waits for the same job elsewhere says nothing of its own.
                yield from standing.job.awaits or (standing.job.name,)


def _sources(port: Any) -> list[str]:
    source = port.get("source") or []
    return [source] if isinstance(source, str) else list(source)


def _in_order(steps: Any, tool: Any) -> list[Any]:
    """Return steps as the document has them: cwltool shuffles them."""
    places = {str(step["id"]): i for i, step in enumerate(tool.get("steps", []))}
    return sorted(steps, key=lambda step: places.get(str(step.id), len(places)))


def _unbegun(
    step: Any, name: str, awaits: tuple[str, ...], *, scatter: bool = False
) -> Iterator[PlannedJob]:
    """Yield the jobs of a step: one for each tool, however often it is scattered."""
    process = step.embedded_tool
    scatter = scatter or "scatter" in step.tool
    if hasattr(process, "steps"):
        for below in _in_order(process.steps, process.tool):
            yield from _unbegun(below, f"{name}/{shortname(below.id)}", awaits, scatter=scatter)
    elif process.tool["class"] != "ExpressionTool":
        label = tool_label(str(process.tool.get("id", "")))
        job = JobRecord(name=name, tool=label, result="", lookup="")
        yield left_open(job, awaits, scatter=scatter)
