"""Which WorkReuse is in force for a tool, where cwltool loses it on the way down.

cwltool itself asks for it only with ``--cachedir``, and hands requirements down so that

- in a nested workflow the outer one's requirement wins against the inner one's
  (``WorkflowStep`` adds inherited requirements in order and keeps the first of a class),
- ``cwl:requirements`` of the input object reach the process that the user runs, but not
  the steps of a workflow.

By CWL the inner one wins, and steps inherit (CWL v1.2 Workflow, section 4.6.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.cwl import requirement
from cwl_memo.cwl.door import LoadingContext, Process, getdefault

__all__ = ["OfRun", "for_process", "in_force", "of_run"]

_NAME: Final = requirement.WORK_REUSE[0]


def in_force(tool: Process, of_the_run: OfRun | None) -> Mapping[str, Any] | None:
    """Return the WorkReuse of a tool; None if nothing is said.

    :param of_the_run: what :func:`of_run` said of the process that the user runs.
    """
    found = requirement.find(requirement.WORK_REUSE, tool.requirements, ())
    if of_the_run is None:
        return found or requirement.find(requirement.WORK_REUSE, (), tool.hints)
    if found is None or (found in of_the_run.overruled and not of_the_run.permits):
        return of_the_run.item
    return found


@dataclass(frozen=True)
class OfRun:
    """What the process that the user runs requires.

    :param item: the WorkReuse that counts, perhaps that of the input object.
    :param overruled: the others, which its steps may have inherited all the same.
    """

    item: Mapping[str, Any]
    overruled: tuple[Mapping[str, Any], ...]

    @property
    def permits(self) -> bool:
        """Whether it plainly permits reuse; then a tool's own word of refusal stands."""
        return self.item.get("enableReuse", True) is True


def of_run(process: Process) -> OfRun | None:
    """Return the WorkReuse that the process of a run requires, the input object's included."""
    item = requirement.find(requirement.WORK_REUSE, process.requirements, ())
    if item is None:
        return None
    others = (other for other in process.requirements if other is not item)
    return OfRun(item, tuple(other for other in others if _is_work_reuse(other)))


def for_process(process: Any, context: LoadingContext) -> tuple[Any, LoadingContext]:
    """Return a process, and the context to load it in, without the WorkReuse overruled there.

    What is handed down then holds but one, and cwltool cannot keep the wrong one.
    """
    _name_overrides(context)
    inherited = list(getdefault(context.requirements, []))
    own = list(process.get("requirements") or ())
    overrides = [
        item
        for override in getdefault(context.overrides_list, [])
        if override.get("overrideTarget") == process.get("id")
        for item in override.get("requirements") or ()
    ]
    winner = requirement.find(requirement.WORK_REUSE, [*inherited, *own, *overrides], ())
    if _without_losers(inherited, winner) != inherited:
        context = context.copy()
        context.requirements = _without_losers(inherited, winner)
    if _without_losers(own, winner) != own:
        process = process.copy()
        process["requirements"] = _without_losers(own, winner)
    return process, context


def _without_losers(items: list[Any], winner: Mapping[str, Any] | None) -> list[Any]:
    return [item for item in items if item is winner or not _is_work_reuse(item)]


def _is_work_reuse(item: Mapping[str, Any]) -> bool:
    return requirement.find(requirement.WORK_REUSE, [item], ()) is not None


def _name_overrides(context: LoadingContext) -> None:
    """Give WorkReuse in overrides the name by which cwltool compares it with others.

    They are read with the words of CWL v1.0, where WorkReuse is taken for a file, and in
    them the extensions keep the names that they lose in documents.
    """
    for override in getdefault(context.overrides_list, []):
        for item in override.get("requirements") or ():
            if _is_work_reuse(item):
                item["class"] = _NAME
