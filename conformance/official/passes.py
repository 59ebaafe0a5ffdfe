"""Runs a suite once through cwltest with one runner."""

from __future__ import annotations

import os
import re
import shlex
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.errors import ConformanceError
from conformance.measurement import find_program, search_path
from conformance.official.group import process_group
from conformance.official.suite import Suite
from conformance.official.verdict import Status, Verdict, output_of

__all__ = ["PassResult", "Runner", "read_verdicts", "run_pass"]

_STARTED: Final = re.compile(r"\s*Test \[\d+/\d+\] ")
_FAILED: Final = re.compile(r"Test (\d+) failed: ")
_TRACEBACK: Final = "Traceback (most recent call last)"


@dataclass(frozen=True)
class Runner:
    """How a CWL runner is called, and how cwltest is told to call it.

    :param command: program and arguments; cwltest adds ``--outdir``, document and job.
    :param jobs: how many tests run at once.
    :param timeout: seconds after which a test is ended.
    :param environment: variables beside those of this process.
    """

    command: tuple[str, ...]
    jobs: int
    timeout: int
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class PassResult:
    """What became of each test, by number, and what that cost in seconds."""

    verdicts: dict[int, Verdict]
    cpu: float
    wall: float


def run_pass(
    suite: Suite, runner: Runner, folder: Path, progress: Callable[[int, int], None]
) -> PassResult:
    """Run the tests of a suite with a runner.

    :param folder: a new directory, for cwltest's report and log and, in ``tmp``, all
        temporary files of the runner.
    :param progress: told how many tests have been started, and of how many.
    :raises ConformanceError: if cwltest did not run all of them.
    """
    temporary = folder / "tmp"
    temporary.mkdir(parents=True)
    suite.write(folder / "suite.json")
    command = [find_program("cwltest"), "--test", str(folder / "suite.json")]
    command += ["--junit-xml", str(folder / "report.xml")]
    command += ["-j", str(runner.jobs), "--timeout", str(runner.timeout)]
    command += ["--tool", runner.command[0], "--", *runner.command[1:]]
    environment = {**_environment(), **dict(runner.environment), "TMPDIR": str(temporary)}
    begun = time.monotonic()
    # In the suite's own folder, as its authors do it: documents then have short names.
    place = suite.path.parent
    with (
        (folder / "log").open("w", encoding="utf-8") as log,
        process_group(command, place, environment, runner.timeout + 2) as group,
    ):
        log.write(shlex.join(command) + "\n")
        started = 0
        for line in group.lines():
            log.write(line)
            if _STARTED.match(line):
                started += 1
                progress(started, len(suite.tests))
        cpu = group.cpu_seconds()
    wall = time.monotonic() - begun
    return PassResult(read_verdicts(suite, folder), cpu, wall)


def _environment() -> dict[str, str]:
    """Return the environment without what would change how a runner behaves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("CWL_MEMO_") and name != "CWLTOOL_OPTIONS"
    }
    return {**kept, "PATH": search_path()}


def read_verdicts(suite: Suite, folder: Path) -> dict[int, Verdict]:
    """Read cwltest's report and log.

    :raises ConformanceError: if they are not about all the tests.
    """
    log = (folder / "log").read_text(encoding="utf-8")
    try:
        report = ET.parse(folder / "report.xml")  # noqa: S314 (cwltest wrote it just now)
    except (OSError, ET.ParseError) as error:
        raise ConformanceError(f"cwltest made no report ({error}):\n{log[-2000:]}") from error
    cases = list(report.iter("testcase"))
    if len(cases) != len(suite.tests):
        ran = f"cwltest ran {len(cases)} of {len(suite.tests)} tests"
        raise ConformanceError(f"{ran}:\n{log[-2000:]}")
    # A run that ought to fail and did not leaves no mark in the report, only in the log.
    failed = {int(number) for number in _FAILED.findall(log)}
    others = [str(place / "tmp") for place in folder.parent.iterdir() if place != folder]
    return {
        test.number: _verdict(case, str(folder / "tmp"), others, failed=position in failed)
        for position, (test, case) in enumerate(zip(suite.tests, cases, strict=True), start=1)
    }


def _verdict(case: ET.Element, temporary: str, others: Collection[str], *, failed: bool) -> Verdict:
    complaint = case.find("failure")
    log = (case.findtext("system-err") or "").strip()
    if failed or complaint is not None:
        status = Status.FAILED
    elif case.find("skipped") is not None:
        status = Status.UNSUPPORTED
    else:
        status = Status.PASSED
    said = (complaint.text or "").strip() if complaint is not None else ""
    return Verdict(
        status=status,
        output=output_of(case.findtext("system-out") or "", temporary, others),
        crashed=_TRACEBACK in log,
        detail="\n".join(text for text in (said, log[-1000:]) if text),
    )
