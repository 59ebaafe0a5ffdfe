"""Lineage: from which job of the run a value comes, and so the first cause of a miss."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cwl_memo.core.run import EXECUTED, REFUSED, JobRecord, Upstream
from cwl_memo.cwl.door import (
    ReceiveScatterOutput,
    WorkflowJob,
    WorkflowJobLoopStep,
    WorkflowStep,
    shortname,
)
from cwl_memo.cwl.location import is_file_object

__all__ = ["Lineage", "Place", "place_of"]

_ELEMENT: Final = re.compile(r"\[(\d+)\]\.?")
_SECONDARY: Final = re.compile(r"secondaryFiles(?=\[)")
_CONTENT: Final = re.compile(r"digest|size|tree\b.*")
"""What of a File or Directory its maker alone decides: an expression may change the rest."""


@dataclass(frozen=True)
class Place:
    """Where in a workflow a job stands.

    :param workflow: the job of the workflow.
    :param step: its step.
    :param is_scattered: whether the job is one of several of the step.
    :param above: where the workflow itself stands; None for the one that the user runs.
    :param is_looped: whether further jobs of the step may follow it. What is above a loop
        is not known.
    """

    workflow: Any
    step: Any
    is_scattered: bool
    above: Place | None
    is_looped: bool = False


def place_of(callback: Any) -> Place | None:
    """Return where the job stands whose outputs cwltool wants to be told by a callback.

    None for a job of no step, and where another engine asks for it.
    """
    is_scattered = False
    while isinstance(callback, partial):
        owner = getattr(callback.func, "__self__", None)
        if isinstance(owner, WorkflowJob) and len(callback.args) == 3:
            step, _, above = callback.args
            return Place(owner, step, is_scattered, place_of(above))
        if isinstance(owner, WorkflowStep) and callback.args:
            callback = callback.args[0]
        elif isinstance(owner, ReceiveScatterOutput):
            is_scattered = True
            callback = owner.output_callback
        elif isinstance(owner, WorkflowJobLoopStep):
            return Place(None, owner.step, is_scattered=True, above=None, is_looped=True)
        else:
            break
    return None


class Lineage:
    """Which of a run's executed jobs gave which file and which value."""

    def __init__(self) -> None:
        self._makers: dict[str, JobRecord] = {}
        self._of_steps: dict[Any, JobRecord] = {}

    def note(self, job: JobRecord, outputs: Any, callback: Callable[..., Any]) -> None:
        """Note what an executed job gave."""
        if job.result not in (EXECUTED, REFUSED):
            return
        for location in _locations(outputs):
            self._makers[location] = job
        place = place_of(callback)
        if place is not None and not place.is_scattered:
            self._of_steps[place.step] = job

    def first_cause(
        self, differs: Sequence[str], job_order: Mapping[str, Any], callback: Callable[..., Any]
    ) -> Upstream | None:
        """Return the executed job from which all comes in which a job differs; None if unsure.

        :param differs: fields in which the nearest earlier entry differs.
        :param callback: the job's own.
        """
        if not differs or (not self._makers and not self._of_steps):
            return None
        place = place_of(callback)
        makers = [self._maker(path, job_order, place) for path in differs]
        found = [maker for maker in makers if maker is not None]
        return Upstream.of(found[0]) if len(found) == len(makers) else None

    def _maker(
        self, path: str, job_order: Mapping[str, Any], place: Place | None
    ) -> JobRecord | None:
        """Return the job that gave what stands at a path of a fingerprint."""
        head, _, path = path.partition(".")
        # A name may hold a dot itself: the longest that fits is meant.
        names = [n for n in job_order if path == n or path.startswith((f"{n}.", f"{n}["))]
        if head != "inputs" or not names:
            return None
        name = max(names, key=len)
        value, rest = _descend(job_order[name], path[len(name) :].removeprefix("."))
        if is_file_object(value):
            is_content = _CONTENT.fullmatch(rest) is not None
            return self._makers.get(str(value.get("location"))) if is_content else None
        if place is None or any(True for _ in _locations(job_order[name])):
            return None
        return self._giver(name, place)

    def _giver(self, name: str, place: Place) -> JobRecord | None:
        """Return the job of the step whose output is the value of an input, as it is."""
        if place.is_scattered:
            return None
        for port in place.step.tool["inputs"]:
            if shortname(port["id"]) != name:
                continue
            source = port.get("source")
            source = source[0] if isinstance(source, list) and len(source) == 1 else source
            if not isinstance(source, str) or "valueFrom" in port:
                return None
            for step, job in self._of_steps.items():
                if step in place.workflow.steps and any(
                    out["id"] == source for out in step.tool["outputs"]
                ):
                    return job
        return None


def _descend(value: Any, path: str) -> tuple[Any, str]:
    """Return the innermost File, record field or element on a path, and what is left of it."""
    while path:
        if element := _ELEMENT.match(path):
            if not isinstance(value, list) or int(element[1]) >= len(value):
                break
            value, path = value[int(element[1])], path[element.end() :]
        elif is_file_object(value):
            if not (below := _SECONDARY.match(path)):
                break
            value, path = value.get("secondaryFiles") or [], path[below.end() :]
        elif isinstance(value, dict):
            name, _, rest = path.partition(".")
            if name not in value:
                break
            value, path = value[name], rest
        else:
            break
    return value, path


def _locations(value: Any) -> Any:
    """Yield the locations of the Files and Directories in a value."""
    if isinstance(value, dict):
        if is_file_object(value) and value.get("location"):
            yield str(value["location"])
        for item in value.values():
            yield from _locations(item)
    elif isinstance(value, list):
        for item in value:
            yield from _locations(item)
