"""Runs a workload against runners side by side: in turn, over several rounds."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .errors import BenchmarkError
from .measure import Measured, measure
from .outputs import Delivered, WrongOutputError, compare, of_cwl, of_folder, of_wdl
from .peers import ORACLES
from .record import Run
from .runner import Runner, surroundings
from .state import SCENARIOS, Scenario, State
from .workload import Workload

__all__ = ["Session", "Turn", "takes"]

Report = Callable[[Run], None]


@dataclass
class Turn:
    """A runner in a session, with its store and its output directories.

    :param seen: the state that it has run last.
    """

    runner: Runner
    folder: Path
    seen: State | None = None
    outdir: Path = field(init=False)
    _runs: int = 0

    def __post_init__(self) -> None:
        self.outdir = self.folder / "out"

    @property
    def store(self) -> Path:
        """Where what it reuses is kept."""
        return self.folder / "store"

    def prepare(self, *, cold: bool, same_outdir: bool) -> Path:
        """Make store and output directory as the next run has to find them."""
        if cold:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.store.mkdir(parents=True, exist_ok=True)
        self._runs += 1
        if not same_outdir and not self.runner.in_place:
            if not self.runner.keeps:
                shutil.rmtree(self.outdir, ignore_errors=True)
            self.outdir = self.folder / f"out{self._runs}"
        self.outdir.mkdir(exist_ok=True)
        return self.folder / "logs" / str(self._runs)


class Session:
    """One workload of one size, in a folder of its own.

    :param settle: seconds to wait after data was written, so that its age does not matter: a
        file of this moment may change again without its times showing that.
    """

    def __init__(
        self,
        workload: Workload,
        size: int,
        runners: Sequence[Runner],
        folder: Path,
        *,
        settle: float = 0,
        timeout: float = 900,
    ) -> None:
        self._workload = workload
        self._size = size
        self._folder = folder
        self._settle = settle
        self._timeout = timeout
        self._turns = [
            Turn(runner, folder / "runners" / runner.name)
            for runner in runners
            if runner.language in workload.languages
        ]
        self._expected: dict[tuple[State, str], Delivered] = {}
        # One for all sessions: what a runner keeps there it has made before it is measured.
        self._home = folder.parent / "home"
        self._home.mkdir(parents=True, exist_ok=True)

    def rounds(self, count: int, scenarios: Sequence[str], report: Report) -> list[Run]:
        """Measure so many rounds; tell of each run as it is done."""
        state = State(self._size)
        runs = []
        for number in range(count):
            for name in scenarios:
                scenario = SCENARIOS[name]
                state, made = self._play(scenario, state, number, report)
                runs += made
        return runs

    def _play(
        self, scenario: Scenario, state: State, number: int, report: Report
    ) -> tuple[State, list[Run]]:
        turns = [turn for turn in self._turns if takes(turn.runner, scenario, number)]
        if not scenario.cold:
            for turn in turns:
                self._catch_up(turn, state)
        after = scenario.change(state)
        self._write(after)
        runs = []
        for turn in _rotated(turns, number):
            run = self._run(turn, scenario, after, number)
            report(run)
            runs.append(run)
        return after, runs

    def _write(self, state: State) -> None:
        self._workload.write(self._documents, state)
        time.sleep(self._settle)

    def remove(self) -> None:
        """Remove all that was written."""
        shutil.rmtree(self._folder)

    @property
    def _documents(self) -> Path:
        return self._folder / "documents"

    def _catch_up(self, turn: Turn, state: State) -> None:
        """Run what came before, unmeasured, where this runner has not."""
        if turn.seen != state:
            self._write(state)
            self._run(turn, SCENARIOS["replay"], state, 0)

    def _run(self, turn: Turn, scenario: Scenario, state: State, number: int) -> Run:
        logs = turn.prepare(cold=scenario.cold, same_outdir=scenario.same_outdir)
        done = self._execute(turn.runner, turn.store, turn.outdir, logs)
        turn.seen = state
        flaw = self._flaw(turn, done, scenario, state)
        return Run(
            self._workload.name,
            self._size,
            scenario.name,
            turn.runner.name,
            number,
            self._workload.jobs(state),
            done.usage,
            flaw,
        )

    def _execute(self, runner: Runner, store: Path, outdir: Path, logs: Path) -> Measured:
        document = self._workload.document(self._documents, runner.language)
        variables, words = runner.words(
            {"store": store, "outdir": outdir, "document": document.path, "job": document.job}
        )
        environment = surroundings() | {"HOME": str(self._home)} | variables
        return measure(words, self._folder, environment, logs, self._timeout)

    def _flaw(self, turn: Turn, done: Measured, scenario: Scenario, state: State) -> str:
        """Return what was wrong with a run; empty if nothing."""
        if done.status is None:
            return f"took more than {self._timeout:.0f} s"
        if scenario.fails:
            return "" if done.status else "succeeded, and has to fail"
        if done.status:
            return f"ended with status {done.status}: {_last_line(done)}"
        try:
            expected = self._expect(turn.runner, state)
            compare(self._delivered(turn.runner, turn.outdir, done, expected), expected)
        except WrongOutputError as error:
            return str(error)
        return ""

    def _delivered(
        self, runner: Runner, outdir: Path, done: Measured, expected: Delivered | None
    ) -> Delivered:
        if runner.language == "cwl":
            return of_cwl(done.stdout.read_text(encoding="utf-8"), outdir)
        if runner.language == "wdl":
            return of_wdl(outdir)
        if expected is None:
            return of_folder(outdir, sorted(os.listdir(outdir)))  # noqa: PTH208
        return of_folder(outdir, [name for name, _ in expected])

    def _expect(self, runner: Runner, state: State) -> Delivered:
        """Return what has to be delivered: as the workload knows, or a plain runner says."""
        known = self._workload.expected(state) if runner.language != "c" else None
        if known is not None:
            return known
        asked = (state, runner.language)
        if asked not in self._expected:
            oracle = ORACLES[runner.language]
            turn = Turn(oracle, self._folder / "oracle" / oracle.name)
            logs = turn.prepare(cold=True, same_outdir=False)
            done = self._execute(oracle, turn.store, turn.outdir, logs)
            if done.status:
                raise BenchmarkError(f"{oracle.name} fails on {self._workload.name}:\n{done.log()}")
            self._expected[asked] = self._delivered(oracle, turn.outdir, done, None)
        return self._expected[asked]


_OF_OTHERS: Final = frozenset({"replay", "input", "mended"})
"""Where something is to be reused, and what runners of other languages show in it."""


def takes(runner: Runner, scenario: Scenario, number: int) -> bool:
    """Tell whether a runner is measured in a scenario of a round."""
    is_cwl = runner.language == "cwl"
    if scenario.cold:
        # A peer's cold run says little about reuse and may take long: once is enough.
        return is_cwl or scenario.fails or number == 0
    if scenario.same_outdir and runner.in_place:
        return False
    return runner.reuses and (is_cwl or scenario.name in _OF_OTHERS)


def _rotated(turns: Sequence[Turn], number: int) -> Iterator[Turn]:
    """Yield all, in each round another one first: what warms up the machine is shared out."""
    for at in range(len(turns)):
        yield turns[(at + number) % len(turns)]


def _last_line(done: Measured) -> str:
    lines = [line for line in done.log().splitlines() if line.strip()]
    return lines[-1][:200] if lines else "nothing was logged"
