"""``python -m conformance.cwltool_tests``: arguments, passes, exit status.

Exit status: 0 when no test differs without a reason, 1 when one does or when the warm pass
reused too little to show anything, 2 when the comparison could not be made.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Final

from conformance.cwltool_tests.outcome import (
    PASSES,
    Difference,
    choose,
    compare,
    judge,
    read_exceptions,
)
from conformance.cwltool_tests.passes import ENGINES, PassResult, Plan, path_without, run_pass
from conformance.cwltool_tests.report import describe_choice, describe_judgement, table
from conformance.cwltool_tests.source import installed_version, place_tests
from conformance.errors import ConformanceError
from conformance.measurement import at_least_one, concluded, folder, search_path
from conformance.official.jobs import count_jobs

_PROG: Final = "python -m conformance.cwltool_tests"

_DESCRIPTION: Final = """\
Run cwltool's own tests, from its source distribution, by cwltool; then those of them that
drive it through cwl-memo's entry, cold and warm on one store; compare test by test. Which
tests those are is seen in the first pass: those that call cwltool.main, cwltool.factory or
python -m cwltool. Container engines are hidden from all passes and the network is refused;
tests meant for Docker are run with --no-container, and compared if cwltool passes them so."""

_NEEDED: Final = {
    "arcp": "arcp",
    "bagit": "bagit",
    "pytest": "pytest",
    "pytest_httpserver": "pytest-httpserver",
    "pytest_mock": "pytest-mock",
}
"""What cwltool's tests import, by module, and in which package it comes."""


def main(argv: list[str] | None = None) -> int:
    """Compare as the arguments say; return the exit status."""
    arguments = _parser().parse_args(argv)

    def measure() -> int:
        _demand_packages()
        with folder(arguments.keep, "cwltool-tests-") as place:
            return _compare(arguments, place)

    return concluded(measure, _PROG)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    given = parser.add_mutually_exclusive_group()
    given.add_argument(
        "--sdist",
        metavar="FILE",
        type=Path,
        help="cwltool's source distribution (default: pip fetches that of the installed version)",
    )
    given.add_argument("--source", metavar="DIR", type=Path, help="cwltool's unpacked source")
    add(
        "--timeout",
        metavar="SECONDS",
        type=at_least_one,
        default=60,
        help="after which a test has failed (default: %(default)s)",
    )
    add(
        "--pass-timeout",
        metavar="SECONDS",
        type=at_least_one,
        default=900,
        help="after which a pass is given up (default: %(default)s)",
    )
    add(
        "--min-reused",
        metavar="JOBS",
        type=int,
        default=1,
        help="fail if the warm pass reused fewer jobs (default: %(default)s)",
    )
    add(
        "-j",
        metavar="COUNT",
        type=at_least_one,
        default=min(2, os.cpu_count() or 1),
        help="processes in which a pass is run (default: %(default)s)",
    )
    add("--keep", metavar="DIR", type=Path, help="keep tests, store and logs in this new DIR")
    add(
        "--exceptions",
        metavar="FILE",
        type=Path,
        default=Path(__file__).with_name("exceptions.json"),
        help="tests that may differ, and why (default: the list beside this program)",
    )
    return parser


def _demand_packages() -> None:
    missing = [
        package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise ConformanceError(
            f"cwltool's tests need {', '.join(missing)}: pip install 'cwl-memo[cwltool-tests]'"
        )
    found = importlib.util.find_spec("cwltool.main")
    if found is None or not str(found.origin).endswith(".py"):
        # Its functions then call one another past the module, where ours would stand.
        raise ConformanceError("cwltool is compiled here: its entry cannot be replaced")


def _compare(arguments: argparse.Namespace, place: Path) -> int:
    try:
        exceptions = read_exceptions(arguments.exceptions.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConformanceError(f"exceptions: {error}") from error
    print(f"cwltool {installed_version()}", flush=True)
    plan = Plan(
        place=place_tests(place, sdist=arguments.sdist, source=arguments.source),
        folder=place,
        path=path_without(ENGINES, search_path(), place / "path"),
        test_seconds=arguments.timeout,
        pass_seconds=arguments.pass_timeout,
        processes=arguments.j,
    )
    everything = run_pass("plain", plan)
    chosen = choose(everything.tests)
    if not chosen:
        raise ConformanceError("no test of cwltool's called an entry of it")
    for line in describe_choice(everything, chosen):
        print(line, flush=True)
    passes = {"plain": PassResult(chosen, everything.seconds)}
    jobs: dict[str, Counter[str]] = {}
    differences: list[Difference] = []
    store = place / "store"
    before: Counter[str] = Counter()
    for name in PASSES:
        passes[name] = run_pass(name, plan, store=store, chosen=chosen)
        after = count_jobs(store) or Counter()
        jobs[name], before = after - before, after
        differences += compare(name, chosen, passes[name].tests)
    judgement = judge(differences, exceptions, chosen, {})
    if judgement.unlisted:
        suspects = list(dict.fromkeys(found.test for found in judgement.unlisted))
        again = run_pass("plain-again", plan, chosen=suspects).tests
        judgement = judge(differences, exceptions, chosen, again)
    for line in describe_judgement(judgement):
        print(line)
    print(table(passes, jobs, differences))
    idle = jobs["warm"]["reused"] < arguments.min_reused
    if idle:
        print(f"the warm pass reused fewer jobs than --min-reused {arguments.min_reused}")
    failed = len(judgement.unlisted) + idle
    same = len(PASSES) * len(chosen) - len(differences)
    print(f"comparisons: {same} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
