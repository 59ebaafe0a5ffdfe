"""Judges what a runner did in a run against what the case asks."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .case import UNCHECKED, Case, Policy, Run
from .observe import differences

__all__ = ["CaseResult", "Observation", "RunResult", "Verdict", "judge"]

JSON = Any


class Verdict(Enum):
    """What is said of a case, the gravest first."""

    FALSE_HIT = "FALSE-HIT"
    """A job was reused where it had to be executed."""
    WRONG_OUTPUT = "WRONG-OUTPUT"
    """The result is not what the documents give, though no job was wrongly reused."""
    CRASH = "CRASH"
    """The runner failed where it had to succeed, succeeded where it had to fail, or hung."""
    FALSE_MISS = "FALSE-MISS"
    """A job was executed where its result was there already."""
    POLICY = "POLICY"
    """Another choice than the suite's, where CWL leaves one."""
    SKIP = "SKIP"
    """Runner or machine lack what the case needs."""
    PASS = "PASS"  # noqa: S105 - not a password

    @property
    def is_flaw(self) -> bool:
        """Whether the runner is wrong."""
        return self not in {Verdict.POLICY, Verdict.SKIP, Verdict.PASS}


@dataclass(frozen=True)
class Observation:
    """What was seen of the runners of one run, one or several started at once.

    :param statuses: exit statuses; None for a runner that hung.
    :param outputs: output objects; a ValueError where there was none.
    :param marks: marks left by all of them together.
    :param reasons: codes that they told; None if they do not tell.
    :param logs: ends of what they wrote to stderr.
    :param lost: what is said of files that had to stay as they were.
    :param unforeseen: in what the run went otherwise than the runner had predicted.
    """

    statuses: tuple[int | None, ...]
    outputs: tuple[JSON, ...]
    marks: Counter[str]
    reasons: tuple[str, ...] | None
    logs: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    seconds: float = 0.0
    lost: tuple[str, ...] = ()
    unforeseen: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunResult:
    """The verdict on one run.

    :param number: counted from 1.
    :param label: what was special about it, as the file of the store that was damaged.
    :param details: what was wrong, a sentence each.
    :param observation: what was seen, the outputs with the contents of their Files.
    """

    number: int
    label: str
    verdict: Verdict
    details: tuple[str, ...]
    observation: Observation | None = field(default=None, compare=False)


@dataclass(frozen=True)
class CaseResult:
    """The verdict on a case: the gravest of its runs'."""

    case: Case
    runs: tuple[RunResult, ...]
    why_skipped: str = ""
    seconds: float = 0.0

    @property
    def is_unexplained(self) -> bool:
        """Whether all is well but the reasons that the runner told."""
        return self.verdict is Verdict.PASS and any(run.details for run in self.runs)

    @property
    def is_mispredicted(self) -> bool:
        """Whether a run went otherwise than the runner had predicted."""
        return any(run.observation and run.observation.unforeseen for run in self.runs)

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of the runs."""
        if self.why_skipped:
            return Verdict.SKIP
        found = {run.verdict for run in self.runs}
        return next(verdict for verdict in Verdict if verdict in found)


def judge(case: Case, run: Run, seen: Observation, *, reuses: bool) -> tuple[Verdict, list[str]]:
    """Return the verdict on one run, and what was wrong.

    A reason that was not told, or another, is no flaw of what the runner did: it is among
    what was wrong, and the verdict stays.

    :param reuses: False for a runner without a cache, of which no hit is asked.
    """
    details: list[str] = []
    fewer = list(_fewer(run, seen))
    more = list(_more(run, seen)) if reuses else []
    crashes = list(_crashes(run, seen))
    wrong = [*([] if crashes else _wrong(run, seen)), *seen.lost]
    unexplained = [] if crashes or fewer or more or not reuses else list(_unexplained(run, seen))
    details += [*crashes, *fewer, *more, *wrong, *unexplained, *seen.unforeseen]
    if crashes:
        # A runner that reused the failure of a job that would succeed now is wrong by reuse.
        is_reuse = fewer and reuses and not _hung(seen)
        return (Verdict.FALSE_HIT if is_reuse else Verdict.CRASH), details
    if fewer:
        return _excused(case, Verdict.FALSE_HIT, right=not wrong), details
    if wrong:
        return Verdict.WRONG_OUTPUT, details
    if more:
        return _excused(case, Verdict.FALSE_MISS, right=True), details
    return Verdict.PASS, details


def _excused(case: Case, verdict: Verdict, *, right: bool) -> Verdict:
    if case.policy is None:
        return verdict
    if case.policy in {Policy.DIRECTORY, Policy.SHARING} and not right:
        return verdict
    return Verdict.POLICY


def _fewer(run: Run, seen: Observation) -> Iterator[str]:
    for mark, count in run.executes.items():
        if seen.marks[mark] < count.low:
            yield f"job {mark!r} was executed {seen.marks[mark]} times, not {count}"


def _more(run: Run, seen: Observation) -> Iterator[str]:
    for mark, times in sorted(seen.marks.items()):
        count = run.executes.get(mark)
        if count is None or (count.high is not None and times > count.high):
            yield f"job {mark!r} was executed {times} times, not {0 if count is None else count}"


def _hung(seen: Observation) -> bool:
    return None in seen.statuses


def _crashes(run: Run, seen: Observation) -> Iterator[str]:
    for asked, status in zip(run.started, seen.statuses, strict=True):
        if status is None:
            yield "the runner hung and was ended"
        elif asked.exits is None:
            continue
        elif asked.exits == () and status == 0:
            yield "the runner succeeded, though a job had to fail"
        elif asked.exits and status not in asked.exits:
            name = signal.Signals(-status).name if status < 0 else f"status {status}"
            yield f"the runner ended with {name}, not {asked.exits[0]}"


def _wrong(run: Run, seen: Observation) -> Iterator[str]:
    for number, (asked, output) in enumerate(zip(run.started, seen.outputs, strict=True), 1):
        which = f"runner {number}: " if len(seen.outputs) > 1 else ""
        if asked.outputs is UNCHECKED:
            continue
        if isinstance(output, ValueError):
            yield f"{which}{output}"
        else:
            yield from (f"{which}{text}" for text in differences(asked.outputs, output))


def _unexplained(run: Run, seen: Observation) -> Iterator[str]:
    if seen.reasons is None:
        return
    for code, times in Counter(run.reasons).items():
        if Counter(seen.reasons)[code] < times:
            yield f"the reason {code!r} was not given; there were {sorted(set(seen.reasons))}"
