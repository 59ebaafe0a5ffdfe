"""Runs a suite's passes, plain, cold and warm, and compares each test of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from conformance.official.jobs import count_jobs
from conformance.official.passes import PassResult, Runner, run_pass
from conformance.official.suite import Suite
from conformance.official.verdict import Difference, compare

__all__ = ["Comparison", "MemoPass", "Plan", "compare_suite", "is_unstable"]


@dataclass(frozen=True)
class Plan:
    """How the passes of one mode are run.

    :param name: of the mode: ``serial`` or ``parallel``.
    :param plain: plain cwltool.
    :param memo: the memoizing runner, cold and warm.
    :param store: the one store of all memoizing passes of this mode.
    """

    name: str
    plain: Runner
    memo: Runner
    store: Path


@dataclass(frozen=True)
class MemoPass:
    """A pass of the memoizing runner, held against plain cwltool's.

    :param jobs: how many jobs had which result; None where no store was made.
    :param differences: the tests that say something else than plain cwltool's.
    :param unstable: those of which plain cwltool, asked again, said something else too,
        so that there is nothing to hold a runner to.
    """

    result: PassResult
    jobs: Counter[str] | None
    differences: tuple[Difference, ...]
    unstable: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All passes of one suite in one mode."""

    suite: Suite
    mode: str
    plain: PassResult
    memo: dict[str, MemoPass] = field(default_factory=dict)

    @property
    def different(self) -> int:
        """How many verdicts of memoizing passes are not plain cwltool's."""
        return sum(len(memo.differences) for memo in self.memo.values())

    @property
    def equal(self) -> int:
        """How many verdicts of memoizing passes are plain cwltool's."""
        unstable = sum(len(memo.unstable) for memo in self.memo.values())
        return len(self.memo) * len(self.suite.tests) - self.different - unstable


def compare_suite(
    suite: Suite,
    plan: Plan,
    folder: Path,
    progress: Callable[[str, int, int], None],
    plain: PassResult | None = None,
) -> Comparison:
    """Run a suite by plain cwltool, then by the memoizing runner cold and warm.

    :param folder: a new directory for what the passes leave.
    :param plain: what plain cwltool said in another mode, to hold the runner to; in this
        mode it is then asked only of the tests in which the runner says something else.
    :param progress: told the pass, how many of its tests have begun, and of how many.
    """

    def run(name: str, runner: Runner, tests: Suite) -> PassResult:
        title = f"{suite.path.stem} {plan.name} {name}"
        return run_pass(
            tests, runner, folder / name, lambda done, total: progress(title, done, total)
        )

    plain = plain or run("plain", plan.plain, suite)
    passes: dict[str, MemoPass] = {}
    before = count_jobs(plan.store) or Counter()
    for name in ("cold", "warm"):
        result = run(name, plan.memo, suite)
        after = count_jobs(plan.store)
        jobs = None if after is None else after - before
        before = after or Counter()
        passes[name] = MemoPass(result, jobs, tuple(compare(plain.verdicts, result.verdicts)))
    suspects = {found.number for memo in passes.values() for found in memo.differences}
    if suspects:
        again = run("plain-again", plan.plain, suite.only(suspects))
        passes = {name: _settle(memo, again) for name, memo in passes.items()}
    return Comparison(suite, plan.name, plain, passes)


def is_unstable(difference: Difference, again: PassResult) -> bool:
    """Tell whether plain cwltool differs from itself just as the other runner did from it."""
    return again.verdicts[difference.number].differs_from(difference.plain) == difference.aspect


def _settle(memo: MemoPass, again: PassResult) -> MemoPass:
    unstable = tuple(found for found in memo.differences if is_unstable(found, again))
    differences = tuple(found for found in memo.differences if found not in unstable)
    return MemoPass(memo.result, memo.jobs, differences, unstable)
