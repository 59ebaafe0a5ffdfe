"""Runs the tests once, by cwltool or through cwl-memo's entry, in surroundings of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from conformance.cwltool_tests.outcome import TestResult, read_results
from conformance.errors import ConformanceError

__all__ = ["ENGINES", "PassResult", "Plan", "path_without", "run_pass"]

ENGINES: Final = frozenset(
    {"docker", "podman", "singularity", "apptainer", "udocker", "docker-credential-helper"}
)
"""Programs that the tests are not to find: what they would run has to be fetched first."""

_LEFT_OUT: Final = frozenset({"tests/test_udocker.py"})
"""Modules that fetch a container engine before their tests begin."""

_SETTINGS: Final = "[pytest]\nmarkers =\n    flaky: is tried again by a plugin, where that is\n"


@dataclass(frozen=True)
class Plan:
    """What all passes have in common.

    :param place: the folder with the tests.
    :param folder: a folder for what the passes leave.
    :param path: the search path of programs.
    :param test_seconds: after which a test has failed.
    :param pass_seconds: after which a pass is given up.
    :param processes: in which a pass is run.
    """

    place: Path
    folder: Path
    path: str
    test_seconds: int
    pass_seconds: int
    processes: int

    def parts(self) -> list[list[str]]:
        """Return the modules of tests, parted by size; in each part they are in order."""
        found = (self.place / "tests").glob("test_*.py")
        sizes = {f"tests/{path.name}": path.stat().st_size for path in found}
        parts: list[list[str]] = [[] for _ in range(self.processes)]
        for module in sorted(sizes.keys() - _LEFT_OUT, key=lambda name: (-sizes[name], name)):
            min(parts, key=lambda part: sum(sizes[each] for each in part)).append(module)
        return [sorted(part) for part in parts]


@dataclass(frozen=True)
class Part:
    """The tests of one process of a pass.

    :param chosen: their names; None for all of the modules.
    """

    modules: tuple[str, ...]
    chosen: tuple[str, ...] | None


@dataclass(frozen=True)
class PassResult:
    """What became of each test, in the order in which they ran, and how long it took."""

    tests: dict[str, TestResult]
    seconds: float


def path_without(programs: Collection[str], path: str, folder: Path) -> str:
    """Return a search path that lacks some programs.

    A directory that has one of them is replaced by one of links to all the others.

    :param folder: a new folder for those.
    """
    kept = []
    for number, name in enumerate(path.split(os.pathsep)):
        directory = Path(name or os.curdir).absolute()
        if not any((directory / program).exists() for program in programs):
            kept.append(str(directory))
            continue
        links = folder / str(number)
        links.mkdir(parents=True)
        for entry in directory.iterdir():
            if entry.name not in programs:
                (links / entry.name).symlink_to(entry)
        kept.append(str(links))
    return os.pathsep.join(kept)


def run_pass(
    name: str, plan: Plan, *, store: Path | None = None, chosen: Collection[str] | None = None
) -> PassResult:
    """Run the tests, in as many processes as the plan says.

    :param store: of cwl-memo; None for plain cwltool.
    :param chosen: the names of the tests to be run; None for all.
    :raises ConformanceError: if they were not all run.
    """
    folder = plan.folder / name
    parts = [part for part in (_part(each, chosen) for each in plan.parts()) if part.modules]
    begun = time.monotonic()
    with ExitStack() as stack:
        running = [
            stack.enter_context(_running(part, plan, folder / str(number), store))
            for number, part in enumerate(parts)
        ]
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0, begun + plan.pass_seconds - time.monotonic()))
    seconds = time.monotonic() - begun
    tests: dict[str, TestResult] = {}
    for number in range(len(parts)):
        tests |= _read(folder / str(number), plan)
    if chosen is not None and tests.keys() != set(chosen):
        stray = min(tests.keys() ^ set(chosen))
        raise ConformanceError(f"the {name} pass did not run just the tests it was given: {stray}")
    return PassResult(tests, seconds)


def _part(modules: Sequence[str], chosen: Collection[str] | None) -> Part:
    if chosen is None:
        return Part(tuple(modules), None)
    mine = tuple(test for test in chosen if test.partition("::")[0] in modules)
    wanted = {test.partition("::")[0] for test in mine}
    return Part(tuple(module for module in modules if module in wanted), mine)


@contextmanager
def _running(
    part: Part, plan: Plan, folder: Path, store: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run pytest; in the end nothing that it began is left."""
    for place in ("home", "tmp"):
        (folder / place).mkdir(parents=True)
    (folder / "pytest.ini").write_text(_SETTINGS, encoding="utf-8")
    given = {"STORE": store, "REPORT": folder / "report", "SECONDS": plan.test_seconds}
    if part.chosen is not None:
        given["CHOSEN"] = folder / "chosen"
        (folder / "chosen").write_text("\n".join(part.chosen), encoding="utf-8")
    environment = _environment(plan, folder)
    environment |= {f"CWLTOOL_TESTS_{key}": str(value) for key, value in given.items() if value}
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            [*_command(folder), *part.modules],
            cwd=plan.place,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _command(folder: Path) -> list[str]:
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short"]
    command += ["-p", "conformance.cwltool_tests.redirect", "-p", "no:cacheprovider"]
    command += ["-c", str(folder / "pytest.ini"), "--rootdir", "."]
    return [
        *command,
        "--basetemp",
        str(folder / "tmp" / "pytest"),
        "--continue-on-collection-errors",
    ]


def _environment(plan: Plan, folder: Path) -> dict[str, str]:
    """Return the environment without what would change how a runner or a test behaves."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CWL_MEMO", "PYTEST_", "XDG_")) and name != "CWLTOOL_OPTIONS"
    }
    here = str(Path(__file__).resolve().parents[2])
    modules = os.pathsep.join([here, *filter(None, [kept.get("PYTHONPATH")])])
    return {
        **kept,
        "PATH": plan.path,
        "PYTHONPATH": modules,
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
    }


def _read(folder: Path, plan: Plan) -> dict[str, TestResult]:
    try:
        with (folder / "report").open(encoding="utf-8") as lines:
            tests, ended = read_results(lines)
    except FileNotFoundError:
        raise ConformanceError(f"pytest ran no test:\n{_tail(folder)}") from None
    if not ended:
        last = list(tests)[-1] if tests else "none"
        raise ConformanceError(
            f"the tests did not end within {plan.pass_seconds} s; the last that did was {last}:\n"
            + _tail(folder)
        )
    return tests


def _tail(folder: Path) -> str:
    return (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
