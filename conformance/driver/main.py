"""``python -m conformance`` and ``cwl-memo conformance``: arguments, cases, exit status."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..measurement import at_least_one, concluded, new_folder
from .case import Case, CaseClass
from .drive import Plan, drive
from .errors import DriverError
from .family import SUITE, read_suite
from .report import describe, table, write_json, write_junit
from .template import TEMPLATES, find_template
from .verdict import CaseResult, Verdict

__all__ = ["add_arguments", "main", "run"]

DESCRIPTION: Final = """\
Measure how right a CWL runner's reuse of jobs is: run the cases of the memoization suite
and judge each by what its tools did, never by what the runner says."""

EPILOG: Final = """\
verdicts:
  PASS          as the case asks
  FALSE-HIT     a job was reused where it had to be executed
  WRONG-OUTPUT  a result that the documents do not give
  CRASH         the runner failed where it had to succeed, or the other way round, or hung
  FALSE-MISS    a job was executed though its result was there
  POLICY        another choice than the suite's, where CWL leaves one
  SKIP          runner or machine lack what the case needs

exit status: 0 without flaws, 1 with any, 2 if the suite could not be run

examples:
  python -m conformance                                     cwl-memo, all cases
  python -m conformance cwltool-cachedir --tag core -j 2    another runner, the core alone
  python -m conformance 'my-runner --cache {store} -o {outdir} {options} {document} {job}'
"""


def main(argv: Sequence[str] | None = None, prog: str = "python -m conformance") -> int:
    """Run the suite as the arguments say; return the exit status."""
    parser = argparse.ArgumentParser(
        prog=prog,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return run(parser.parse_args(argv), prog)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the suite's driver."""
    add = parser.add_argument
    add(
        "runner",
        nargs="?",
        default="cwl-memo",
        help=f"one of {', '.join(TEMPLATES)}, or a command line with the places {{store}}, "
        "{outdir}, {document}, {job}, and if it has them {options}, {report}, {scratch} "
        "(default: %(default)s)",
    )
    add("--suite", metavar="PATH", type=Path, action="append", help="other cases: a file, a folder")
    add("--only", metavar="WORD", action="append", help="only cases with this in their id")
    add(
        "--tag", metavar="TAG", action="append", help="only cases with one of these tags or classes"
    )
    add("-j", dest="jobs", metavar="N", type=at_least_one, default=1, help="cases at once")
    add(
        "--timeout",
        metavar="SECONDS",
        type=at_least_one,
        default=120,
        help="of a run, then it hung",
    )
    add("--no-reuse", action="store_true", help="the runner has no cache: judge results alone")
    add(
        "--lacks",
        metavar="WHAT",
        action="append",
        default=[],
        help="an option (--parallel) or ability (javascript) that the runner lacks: skip its cases",
    )
    add(
        "--may-miss",
        action="store_true",
        help="the place where the runner keeps results is known to fail: it may execute needlessly",
    )
    add(
        "--damages",
        metavar="N",
        type=at_least_one,
        help="damage at most N files of a store in turn (default: all)",
    )
    add(
        "--predict",
        action="store_true",
        help="ask the runner before each run what it would do, and hold it to its answer",
    )
    add("--json", metavar="FILE", type=Path, help="write all that was seen as JSON")
    add("--junit", metavar="FILE", type=Path, help="write the verdicts as JUnit XML")
    add("--keep", metavar="DIR", type=Path, help="keep the folders of all cases in this new DIR")
    add("--list", action="store_true", help="list the cases, run none")
    add("--quiet", action="store_true", help="print the table alone")


def run(arguments: argparse.Namespace, prog: str) -> int:
    """Do what parsed arguments say; return the exit status."""
    with _hearing_interrupts():
        return concluded(lambda: _measure(arguments), prog)


@contextmanager
def _hearing_interrupts() -> Iterator[None]:
    """Hear SIGINT though a shell's background does not.

    The runners would be as deaf, and some are interrupted.
    """
    is_deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if is_deaf:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        if is_deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _measure(arguments: argparse.Namespace) -> int:
    cases = _chosen(arguments)
    if arguments.list:
        for case in cases:
            print(f"{case.id}  [{case.kind.value}: {', '.join(case.tags)}]  {case.title}")
        return 0
    return _conclude(arguments, _run_all(arguments, cases))


def _chosen(arguments: argparse.Namespace) -> list[Case]:
    places = arguments.suite or [SUITE]
    for place in places:
        if not place.exists():
            raise DriverError(f"--suite {place}: there is no such file or folder")
    cases = read_suite(places)
    known = {tag for case in cases for tag in case.tags} | {kind.value for kind in CaseClass}
    for tag in arguments.tag or ():
        if tag not in known:
            raise DriverError(f"--tag {tag}: no case has it; there are {', '.join(sorted(known))}")
    chosen = [
        case
        for case in cases
        if (not arguments.only or any(word in case.id for word in arguments.only))
        and (not arguments.tag or {*case.tags, case.kind.value} & set(arguments.tag))
    ]
    if not chosen:
        raise DriverError("no case is left; --list names all")
    return chosen


def _run_all(arguments: argparse.Namespace, cases: Sequence[Case]) -> list[CaseResult]:
    for path in (arguments.json, arguments.junit):
        if path is not None and not path.absolute().parent.is_dir():
            raise DriverError(f"{path}: its folder does not exist")
    template = find_template(
        arguments.runner, reuses=not arguments.no_reuse, lacks=frozenset(arguments.lacks)
    )
    if arguments.predict and not template.prediction:
        raise DriverError(f"--predict: {template.name} cannot be asked what a run would do")
    keep = None if arguments.keep is None else new_folder(arguments.keep)
    plan = Plan(
        template, arguments.timeout, arguments.jobs, keep, arguments.damages, arguments.predict
    )
    teller = _Teller(len(cases), quiet=arguments.quiet)
    results = drive(cases, plan, teller.tell)
    teller.end()
    if arguments.json:
        write_json(results, template, arguments.json)
    if arguments.junit:
        write_junit(results, template, arguments.junit)
    return results


def _conclude(arguments: argparse.Namespace, results: Sequence[CaseResult]) -> int:
    print(table(results))
    unexplained = sum(result.is_unexplained for result in results)
    if unexplained:
        print(f"{unexplained} of those that pass were not given the reason that they ask for")
    mispredicted = sum(result.is_mispredicted for result in results)
    if mispredicted:
        print(f"{mispredicted} went otherwise than had been predicted")
    skipped = {result.why_skipped for result in results if result.why_skipped}
    if skipped and not arguments.quiet:
        print("skipped: " + "; ".join(sorted(skipped)))
    missed = sum(result.verdict is Verdict.FALSE_MISS for result in results)
    if arguments.may_miss and missed:
        print(f"{missed} were executed needlessly, as they may be")
    failed = sum(_is_failed(result, may_miss=arguments.may_miss) for result in results)
    left_out = sum(result.verdict is Verdict.SKIP for result in results)
    passed = len(results) - failed - left_out
    print(f"cases: {passed} passed, {failed} failed, {left_out} skipped")
    return 1 if failed else 0


def _is_failed(result: CaseResult, *, may_miss: bool) -> bool:
    if may_miss:
        # Nor is the reason the one that the case asks for.
        return result.verdict.is_flaw and result.verdict is not Verdict.FALSE_MISS
    return result.verdict.is_flaw or result.is_unexplained or result.is_mispredicted


class _Teller:
    """Tells of each case as it ends: flaws in full, the others by a count on a terminal."""

    def __init__(self, total: int, *, quiet: bool) -> None:
        self._total = total
        self._quiet = quiet
        self._done = 0
        self._counts = sys.stderr.isatty() and not quiet
        self._lock = threading.Lock()

    def tell(self, result: CaseResult) -> None:
        with self._lock:
            self._done += 1
            notable = result.verdict.is_flaw or result.is_unexplained or result.is_mispredicted
            if not self._quiet and (notable or result.verdict is Verdict.POLICY):
                self._clear()
                print("\n".join(describe(result)), flush=True)
            if self._counts:
                sys.stderr.write(f"\r{self._done}/{self._total} {result.case.id[:60]:60}")
                sys.stderr.flush()

    def end(self) -> None:
        self._clear()

    def _clear(self) -> None:
        if self._counts:
            sys.stderr.write("\r" + " " * 78 + "\r")
