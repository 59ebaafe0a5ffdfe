"""Runs cases with a runner: each in a folder of its own, several at once."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from .case import Case, Run
from .change import apply
from .damage import copy_store, damage, store_files
from .errors import CaseError
from .execution import Execution, Finished
from .mount import MountError, Mounts
from .observe import contents_of, output_object, reasons
from .prediction import differences_of, footprint, unforeseen
from .template import Template
from .verdict import CaseResult, Observation, RunResult, judge
from .world import World

__all__ = ["Plan", "drive", "why_skip"]

JSON = Any

_KEPT: Final = (
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "SYSTEMROOT",
    "COVERAGE_PROCESS_START",
)


@dataclass(frozen=True)
class Plan:
    """How cases are run.

    :param template: the runner.
    :param timeout: seconds after which a run has hung.
    :param jobs: how many cases run at once.
    :param keep: a folder in which those of the cases are kept; None to remove each when
        its case has passed or been judged.
    :param damages: with damage to each file of the store in turn, at most so many files a
        run; None for all.
    :param predicts: whether the runner is asked before each run what the run would do.
    """

    template: Template
    timeout: float = 120.0
    jobs: int = 1
    keep: Path | None = None
    damages: int | None = None
    predicts: bool = False


def drive(
    cases: Iterable[Case], plan: Plan, told: Callable[[CaseResult], None] = lambda _: None
) -> list[CaseResult]:
    """Run cases; return what became of them, in their order.

    :param told: called with each result as soon as there is one.
    :raises CaseError: if a case asks for what cannot be done.
    """

    def one(case: Case) -> CaseResult:
        result = _drive_case(case, plan)
        told(result)
        return result

    with ThreadPoolExecutor(plan.jobs) as pool:
        futures = [pool.submit(one, case) for case in cases]
        try:
            return [future.result() for future in futures]
        except BaseException:
            # Nothing further is begun; what runs comes to its end.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def why_skip(case: Case, template: Template) -> str:
    """Return why a runner cannot be asked this; empty if it can."""
    asked = {*case.needs}
    if case.touches_store:
        asked.add("store-folder")
    for run in case.runs:
        asked |= {option.partition("=")[0] for option in run.options if option.startswith("-")}
    if lacking := sorted(asked & template.missing):
        return f"the runner lacks {', '.join(lacking)}"
    if asked and "{options}" not in template.command and any(run.options for run in case.runs):
        return "the runner takes no options"
    return ""


def _drive_case(case: Case, plan: Plan) -> CaseResult:
    if why := why_skip(case, plan.template):
        return CaseResult(case, (), why)
    begun = time.monotonic()
    with _folder(case, plan) as folder:
        mounts = Mounts()
        try:
            runs = tuple(_runs(case, plan, World(folder, mounts)))
        except MountError as error:
            return CaseResult(case, (), f"no mount: {error}")
        finally:
            mounts.end()
    return CaseResult(case, runs, seconds=time.monotonic() - begun)


class _folder:  # noqa: N801 - used as a context, as tempfile's own
    """A new folder for a case, with a plain name of its own."""

    def __init__(self, case: Case, plan: Plan) -> None:
        if plan.keep is None:
            self._path = Path(tempfile.mkdtemp(prefix="cwl-reuse-")).resolve()
        else:
            self._path = plan.keep.resolve() / case.id
            self._path.mkdir(parents=True)
        self._keep = plan.keep is not None

    def __enter__(self) -> Path:
        return self._path

    def __exit__(self, *_: object) -> None:
        if not self._keep:
            shutil.rmtree(self._path, onerror=_remove_anyway)


def _remove_anyway(action: Callable[[str], object], path: str, _: object) -> None:
    """Remove what stands in a directory that may not be written to, or is gone already."""
    try:
        Path(path).parent.chmod(0o700)
        action(path)
    except OSError:
        pass  # a runner that was killed may still be ending


def _runs(case: Case, plan: Plan, world: World) -> Iterator[RunResult]:
    for name, content in case.files.items():
        world.write(name, content)
    is_flawed = False
    for number, run in enumerate(case.runs, 1):
        try:
            for change in run.changes:
                if "invalidate" in change:
                    _invalidate(change["invalidate"], run, plan, world, number)
                else:
                    apply(world, change)
        except CaseError:
            if is_flawed:
                return  # what was to be changed is not there, since the runner did not make it
            raise
        if run.store_files is None:
            results = iter([_run(case, run, plan, world, number, "")])
        else:
            results = _damaged(case, run, plan, world, number)
        for result in results:
            is_flawed = is_flawed or result.verdict.is_flaw
            yield result


def _invalidate(tools: JSON, run: Run, plan: Plan, world: World, number: int) -> None:
    """Have the runner take back the results of tools.

    :raises CaseError: if it fails.
    """
    for tool in tools if plan.template.reuses else ():
        asking = replace(plan.template, command=plan.template.invalidation)
        words = asking.words({"store": str(world.store), "tool": tool}, ())
        log = world.folder / "logs" / f"{number}.invalidation"
        execution = Execution(words, world.folder, _environment(run, plan, world), log)
        status = execution.finish(plan.timeout, None, Counter).status
        if status != 0:
            raise CaseError(f"invalidate {tool}: exit status {status}; see {log}.err")


def _damaged(case: Case, run: Run, plan: Plan, world: World, number: int) -> Iterator[RunResult]:
    """Run once for each file of the store, that one damaged and the others as they were."""
    whole = world.folder / "whole-store"
    copy_store(world.store, whole)
    files = [path.relative_to(world.store) for path in store_files(world.store)]
    if plan.damages is not None and len(files) > plan.damages:
        # Spread over all of them: neighbours are of one kind.
        files = [files[i * len(files) // plan.damages] for i in range(plan.damages)]
    for index, name in enumerate(files):
        copy_store(whole, world.store)
        damage(world.store / name, str(run.store_files), world.folder / "outside")
        label = f"{run.store_files} {name}"
        yield _run(case, run, plan, world, number, label, suffix=f"-{index}")


def _run(
    case: Case, run: Run, plan: Plan, world: World, number: int, label: str, suffix: str = ""
) -> RunResult:
    seen = _observe(run, plan, world, f"{number}{suffix}")
    if not plan.template.reuses and not os.path.lexists(world.store):
        world.store.mkdir()  # changes of it are part of cases that validate the suite, too
    verdict, details = judge(case, run, seen, reuses=plan.template.reuses)
    # The files themselves may be gone when somebody asks.
    shown = tuple(
        output if isinstance(output, ValueError) else contents_of(output) for output in seen.outputs
    )
    return RunResult(number, label, verdict, tuple(details), replace(seen, outputs=shown))


def _observe(run: Run, plan: Plan, world: World, name: str) -> Observation:
    predicted = list(_predict(run, plan, world, name))
    before = world.marks()

    def marks() -> Counter[str]:
        return world.marks() - before

    begun: list[tuple[Execution, list[str]]] = []
    several = len(run.started) > 1
    names = [f"{name}.{i + 1}" for i in range(len(run.started))] if several else [name]
    try:
        for one, each in zip(run.started, names, strict=True):
            job = _job(one, world, f"job{each}.json" if several else "job.json")
            words = plan.template.words(
                _places(one, world, job, each), tuple(world.text(option) for option in one.options)
            )
            environment = _environment(one, plan, world)
            if one.after is not None:
                begun[0][0].await_mark(one.after, marks, plan.timeout)
            begun.append(
                (Execution(words, world.folder, environment, world.folder / "logs" / each), words)
            )
    finally:
        # Beside one another: each may have a signal of its own coming.
        with ThreadPoolExecutor(len(run.started)) as pool:
            ends = [
                pool.submit(execution.finish, plan.timeout, one.kill, marks)
                for one, (execution, _) in zip(run.started, begun, strict=False)
            ]
        finished = [end.result() for end in ends]
    told = None
    if plan.template.tells_reasons:
        told = tuple(code for each in names for code in reasons(_report(world, each)))
    return Observation(
        statuses=tuple(one.status for one in finished),
        outputs=tuple(_output(one) for one in finished),
        marks=marks(),
        reasons=told,
        logs=tuple(one.log for one in finished),
        commands=tuple(shlex.join(words) for _, words in begun),
        seconds=sum(one.seconds for one in finished),
        lost=tuple(_lost(run, world)),
        unforeseen=tuple(
            sentence
            for answer, changed in predicted
            for sentence in (
                *changed,
                *unforeseen(
                    answer.stdout, answer.status, _read(_report(world, name)), finished[0].status
                ),
            )
        ),
    )


def _predict(
    run: Run, plan: Plan, world: World, name: str
) -> Iterator[tuple[Finished, tuple[str, ...]]]:
    """Ask the runner what a run would do; yield its answer, and what it changed meanwhile."""
    if not plan.predicts or len(run.started) > 1:
        return
    one = run.started[0]
    job = _job(one, world, "job.json")
    options = tuple(world.text(option) for option in one.options)
    asking = replace(plan.template, command=plan.template.prediction)
    words = asking.words(_places(one, world, job, name), options)
    log = world.folder / "logs" / f"{name}.prediction"
    before, marks = footprint(world.folder), world.marks()
    execution = Execution(words, world.folder, _environment(one, plan, world), log)
    answer = execution.finish(plan.timeout, None, lambda: world.marks() - marks)
    changed = differences_of(before, footprint(world.folder))
    yield answer, tuple(text for text in changed if str(log) not in text)


def _read(report: Path) -> JSON:
    try:
        return json.loads(report.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _lost(run: Run, world: World) -> Iterator[str]:
    for name, text in run.keeps.items():
        try:
            if world.path(name).read_text(encoding="utf-8") != world.text(text):
                yield f"{name} was changed"
        except (OSError, UnicodeDecodeError) as error:
            yield f"{name} is lost: {error}"


def _output(finished: Finished) -> JSON:
    try:
        return output_object(finished.stdout)
    except ValueError as error:
        return error


def _job(run: Run, world: World, name: str) -> str | None:
    """Return the path of the input object, written if the case holds it."""
    if run.job is None or isinstance(run.job, str):
        return run.job
    world.write(name, json.loads(world.text(run.job)))
    return name


def _places(run: Run, world: World, job: str | None, name: str) -> Mapping[str, str | None]:
    return {
        "store": str(world.store),
        "outdir": str(world.folder / f"out{name}"),
        "document": world.text(run.document),
        "job": job,
        "report": str(_report(world, name)),
        "scratch": str(world.folder / "tmp" / f"scratch{name}"),
    }


def _report(world: World, name: str) -> Path:
    return world.folder / "logs" / f"{name}.report.json"


def _environment(run: Run, plan: Plan, world: World) -> dict[str, str]:
    """Return an environment that is the same wherever and by whomever a case is run."""
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
    environment |= {
        "PATH": world.search_path,
        "HOME": str(world.folder / "home"),
        "TMPDIR": str(world.folder / "tmp"),
        "LANG": "C.UTF-8",
    }
    environment |= dict(plan.template.environment)
    known = os.environ
    environment |= {name: known[name] for name in plan.template.variables if name in known}
    for name, value in run.environment.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = world.text(value)
    return environment
