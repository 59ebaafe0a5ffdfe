"""States of a workload, and the scenarios that lead from one to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

__all__ = ["SCENARIOS", "Scenario", "State"]


@dataclass(frozen=True)
class State:
    """How large a workload is, and how often what of it has been changed.

    Everything a workload writes follows from its state.

    :param size: how large it was made; what that counts is the workload's affair.
    :param inputs: how often one of its inputs was changed.
    :param elements: how many elements were added.
    :param edits: how often its documents were edited.
    """

    size: int
    inputs: int = 0
    elements: int = 0
    edits: int = 0

    @property
    def edition(self) -> str:
        """The word that an edit of the documents replaces."""
        return f"edition-{self.edits}"

    def versions(self, count: int) -> list[int]:
        """Return, for each of so many inputs, which change it has undergone last; 0 for none."""
        versions = [0] * count
        for change in range(1, self.inputs + 1):
            # One here, one there: neither always the first nor always the last.
            versions[change * 7 % min(count, self.size)] = change
        return versions


@dataclass(frozen=True)
class Scenario:
    """What has happened since the run before.

    :param text: says so in a table.
    :param change: leads to the state that is run.
    :param cold: whether the store is empty.
    :param same_outdir: whether the outputs go where those of the run before are.
    :param fails: whether the run has to fail.
    """

    name: str
    text: str
    change: Callable[[State], State] = lambda state: state
    cold: bool = False
    same_outdir: bool = False
    fails: bool = False


def _break(state: State) -> State:
    return replace(state, edits=state.edits + state.edits % 2)


def _add(name: str) -> Callable[[State], State]:
    return lambda state: replace(state, **{name: getattr(state, name) + 1})


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario("cold", "empty store", cold=True),
        Scenario("replay", "unchanged, new output directory"),
        Scenario("same-outdir", "unchanged, over the outputs of the run before", same_outdir=True),
        Scenario("input", "one input changed", _add("inputs")),
        Scenario("element", "a new element", _add("elements")),
        Scenario("step", "a step edited", _add("edits")),
        Scenario("fails", "empty store, a step fails", _break, cold=True, fails=True),
        Scenario("mended", "the failing step mended", _add("edits")),
    )
}
"""All scenarios, in the order in which they make sense one after another."""
