"""Goes through a plan: who can take part, sessions one after another, progress."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import BenchmarkError
from .peers import obstacle
from .plan import Part
from .record import Run
from .runner import Runner
from .session import Session
from .state import State
from .workload import WORKLOADS

__all__ = ["Bench"]


@dataclass
class Bench:
    """A folder to work in, and how runs are made there.

    :param runners: who takes part; who cannot run here is left out.
    :param scenarios: in place of a plan's or a workload's; all of theirs if empty.
    :param required: whether a runner that cannot run here is an error.
    :param large: whether runners also get more jobs than they can do in short time.
    :param absent: runners and workloads that were left out, and why.
    """

    folder: Path
    runners: Sequence[Runner]
    scenarios: tuple[str, ...] = ()
    rounds: int | None = None
    settle: float = 2.1
    timeout: float = 900
    large: bool = False
    required: bool = False
    absent: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        able = []
        for runner in self.runners:
            why = obstacle(runner) or self._awake(runner)
            if why and self.required:
                raise BenchmarkError(f"{runner.name}: {why}")
            if why:
                self._leave_out(runner.name, why)
            else:
                able.append(runner)
        self.runners = able

    def _leave_out(self, name: str, why: str) -> None:
        self.absent[name] = why
        print(f"LEFT OUT  {name}: {why}", file=sys.stderr, flush=True)

    def _awake(self, runner: Runner) -> str:
        """Run a runner once, unmeasured, and return why it cannot take part; empty if it can.

        What it compiles or keeps at its first run on a machine is then done.
        """
        for workload in WORKLOADS.values():
            if runner.language in workload.languages and not workload.obstacle():
                session = Session(workload, 1, [runner], self.folder / f"first-{runner.name}")
                (run,) = session.rounds(1, ("cold",), lambda _: None)
                return f"fails: {run.flaw}" if run.flaw else ""
        return f"no workload in its language {runner.language}"

    def run(self, plan: Sequence[Part]) -> list[Run]:
        """Measure all parts of a plan."""
        return [run for part in plan for size in part.sizes for run in self._measure(part, size)]

    def _measure(self, part: Part, size: int) -> list[Run]:
        workload = WORKLOADS[part.workload]
        if why := workload.obstacle():
            self._leave_out(workload.name, why)
            return []
        jobs = workload.jobs(State(size))
        able = []
        for runner in self.runners:
            if runner.most is None or self.large or jobs <= runner.most + 1:
                able.append(runner)
            else:
                name = f"{runner.name} in {workload.name} of {size}"
                self._leave_out(name, "slow with so many jobs; --large has it run nonetheless")
        if not able:
            return []
        wanted = self.scenarios or part.scenarios or workload.scenarios
        scenarios = [name for name in wanted if name in workload.scenarios]
        folder = self.folder / f"{workload.name}-{size}"
        session = Session(workload, size, able, folder, settle=self.settle, timeout=self.timeout)
        runs = session.rounds(self.rounds or part.rounds, scenarios, _show)
        session.remove()
        return runs


def _show(run: Run) -> None:
    told = run.flaw and f"WRONG: {run.flaw}"
    figures = f"{run.usage.cpu:8.2f} s CPU {run.usage.wall:8.2f} s wall"
    where = f"{run.workload} {run.size} {run.scenario}"
    print(
        f"{where:24} {run.round + 1} {run.runner:20} {told or figures}", file=sys.stderr, flush=True
    )


def describe(absent: Mapping[str, str]) -> str:
    """Return a line for each runner or workload that was left out, and why."""
    return "\n".join(f"LEFT OUT  {name}: {why}" for name, why in absent.items())
