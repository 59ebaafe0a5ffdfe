"""``python -m conformance.official``: arguments, passes, exit status.

Exit status: 0 when no test differs from plain cwltool, 1 when one does or when the warm
passes reused too little to show anything, 2 when the comparison could not be made.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path
from typing import Final, NamedTuple

from conformance.errors import ConformanceError
from conformance.measurement import at_least_one, concluded, find_program, folder
from conformance.official.comparison import Comparison, Plan, compare_suite
from conformance.official.passes import PassResult, Runner
from conformance.official.report import describe_differences, table, write_junit
from conformance.official.suite import Suite, find_suites, read_suite

_PROG: Final = "python -m conformance.official"

_DESCRIPTION: Final = """\
Run official CWL suites by plain cwltool, then by cwl-memo cold and warm on one store, and
again with --parallel, all through cwltest; compare test by test. No test may differ."""

_WHERE: Final = """\
Suites are found in a directory, or in the directories below it, by their names
(conformance_test*.yaml). To get one:
  git clone https://github.com/common-workflow-language/cwl-v1.2"""


class _Pair(NamedTuple):
    """The command lines of a plain runner and of the memoizing one that is held to it."""

    plain: str
    memo: str


_CWLTOOL: Final = _Pair("cwltool", "cwltool-memo --memo-store {store}")

_OF_TOIL: Final = (
    "--publishWorkflowMetrics no --defaultMemory 100Mi --defaultDisk 100Mi --retryCount 0 "
    "--disableProgress"
)
_TOIL: Final = _Pair(
    f"toil-cwl-runner {_OF_TOIL}", f"cwl-memo-toil --memo-store {{store}} {_OF_TOIL}"
)


def main(argv: list[str] | None = None) -> int:
    """Compare as the arguments say; return the exit status."""
    arguments = _parser().parse_args(argv)

    def measure() -> int:
        with folder(arguments.keep, "cwl-conformance-") as place:
            return _conclude(arguments, _compare(arguments, place))

    return concluded(measure, _PROG)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROG,
        description=_DESCRIPTION,
        epilog=_WHERE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "suite", nargs="*", type=Path, help="suite or directory (default: $CWL_CONFORMANCE)"
    )
    add = parser.add_argument
    add("--tool", metavar="COMMAND", help=f"plain runner (default: {_CWLTOOL.plain})")
    add(
        "--memo-tool",
        metavar="COMMAND",
        help=f"memoizing runner; {{store}} is the store's directory (default: {_CWLTOOL.memo})",
    )
    add(
        "--toil",
        action="store_true",
        help="hold cwl-memo-toil to toil-cwl-runner, one job at a time, unless they are named",
    )
    add("--containers", action="store_true", help="do not pass --no-container to the runners")
    add("--only-serial", action="store_true", help="leave out the passes with --parallel")
    add("-n", metavar="NUMBERS", help="only these tests, as 1,3-6,9")
    add("-N", metavar="NUMBERS", help="all but these tests")
    add("-s", metavar="NAMES", help="only the tests of these names, with commas between")
    add(
        "-j",
        metavar="COUNT",
        type=at_least_one,
        default=os.cpu_count() or 1,
        help="tests at once (default: %(default)s, the number of processors)",
    )
    add(
        "--timeout",
        metavar="SECONDS",
        type=at_least_one,
        default=300,
        help="after which a test has failed (default: %(default)s)",
    )
    add(
        "--min-reused",
        metavar="JOBS",
        type=int,
        default=1,
        help="fail if a warm pass reused fewer jobs (default: %(default)s)",
    )
    add("--keep", metavar="DIR", type=Path, help="keep stores, reports and logs in this new DIR")
    add("--junit", metavar="FILE", type=Path, help="write the comparison as JUnit XML")
    return parser


def _compare(arguments: argparse.Namespace, place: Path) -> list[Comparison]:
    suites = [_chosen(read_suite(path), arguments) for path in _paths(arguments.suite)]
    serial = arguments.only_serial or arguments.toil  # Toil has no --parallel
    modes = {"serial": ()} if serial else {"serial": (), "parallel": ("--parallel",)}
    comparisons = []
    plain: dict[Path, PassResult] = {}
    for mode, flags in modes.items():
        plan = _plan(arguments, mode, flags, place / f"store-{mode}")
        for number, suite in enumerate(suites, start=1):
            own = place / f"{mode}-{number}-{suite.path.stem}"
            found = compare_suite(suite, plan, own, _show_progress, plain.get(suite.path))
            plain.setdefault(suite.path, found.plain)
            comparisons.append(found)
    return comparisons


def _paths(named: list[Path]) -> list[Path]:
    if not named and (default := os.environ.get("CWL_CONFORMANCE")):
        named = [Path(default)]
    if not named:
        raise ConformanceError(f"no suite named, and CWL_CONFORMANCE is not set.\n{_WHERE}")
    return [suite for path in named for suite in find_suites(path)]


def _chosen(suite: Suite, arguments: argparse.Namespace) -> Suite:
    numbers = {test.number for test in suite.tests}
    if arguments.n:
        numbers &= _numbers("-n", arguments.n)
    if arguments.s:
        names = set(arguments.s.split(","))
        numbers &= {test.number for test in suite.tests if test.name in names}
    if arguments.N:
        numbers -= _numbers("-N", arguments.N)
    if not numbers:
        raise ConformanceError(f"-n, -N and -s leave no test of {suite.path}")
    return suite.only(numbers)


def _numbers(option: str, text: str) -> set[int]:
    numbers: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers.update(range(int(first), int(last or first) + 1))
    except ValueError:
        raise ConformanceError(f"{option} {text}: write numbers as 1,3-6,9") from None
    return numbers


def _plan(arguments: argparse.Namespace, mode: str, flags: tuple[str, ...], store: Path) -> Plan:
    flags = (*(() if arguments.containers else ("--no-container",)), *flags)

    def runner(template: str) -> Runner:
        words = [word.replace("{store}", str(store)) for word in shlex.split(template)]
        if not words:
            raise ConformanceError("--tool and --memo-tool need a program")
        command = (find_program(words[0]), *words[1:], *flags)
        environment = (("CWL_MEMO_STORE", str(store)),)
        return Runner(command, arguments.j, arguments.timeout, environment)

    pair = _TOIL if arguments.toil else _CWLTOOL
    plain, memo = arguments.tool or pair.plain, arguments.memo_tool or pair.memo
    return Plan(mode, runner(plain), runner(memo), store)


def _show_progress(title: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{title}: {done}/{total} ", end=end, file=sys.stderr, flush=True)
    elif done in {1, total} or done % 100 == 0:
        print(f"{title}: {done}/{total}", file=sys.stderr, flush=True)


def _conclude(arguments: argparse.Namespace, comparisons: list[Comparison]) -> int:
    for found in comparisons:
        for text in describe_differences(found):
            print(text)
    print(table(comparisons))
    if arguments.junit:
        write_junit(comparisons, arguments.junit)
    equal = sum(found.equal for found in comparisons)
    different = sum(found.different for found in comparisons)
    idle = _idle(comparisons, arguments.min_reused)
    for text in idle:
        print(text)
    print(f"comparisons: {equal} passed, {different + len(idle)} failed")
    return 1 if different or idle else 0


def _idle(comparisons: list[Comparison], least: int) -> list[str]:
    """Name the modes whose warm passes reused so little that they show nothing."""
    reused: dict[str, int] = {}
    for found in comparisons:
        jobs = found.memo["warm"].jobs
        reused[found.mode] = reused.get(found.mode, 0) + (jobs["reused"] if jobs else 0)
    return [
        f"{mode}: the warm pass reused {count} jobs, fewer than --min-reused {least}"
        for mode, count in reused.items()
        if count < least
    ]


if __name__ == "__main__":
    sys.exit(main())
