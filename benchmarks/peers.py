"""The ready runners, and why one of them cannot run here."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Final

from .errors import BenchmarkError
from .runner import Runner, find_program, surroundings

__all__ = ["ORACLES", "RUNNERS", "find_runner", "obstacle"]

_MEMO: Final = "cwl-memo run --memo-store {store} --outdir {outdir} {document} {job}"
_SNAKEMAKE: Final = (
    "snakemake --snakefile {document} --directory {outdir} --cores 1 --quiet all --config job={job}"
)
_DOIT: Final = (
    "JOB={job} doit run --file {document} --dir {outdir} --db-file {outdir}/.doit.db --verbosity 0"
)
# On the host by a plug-in of ours: miniwdl itself runs tasks in containers only.
_MINIWDL: Final = (
    "MINIWDL__CALL_CACHE__DIR={store} MINIWDL__CALL_CACHE__GET=true "
    "MINIWDL__CALL_CACHE__PUT=true MINIWDL__SCHEDULER__TASK_CONCURRENCY=1 "
    "MINIWDL__SCHEDULER__CONTAINER_BACKEND=host "
    "miniwdl run {document} --input {job} --dir {outdir}/. --no-color"
)

RUNNERS: Final[Mapping[str, Runner]] = {
    runner.name: runner
    for runner in (
        Runner("cwltool", "cwltool --outdir {outdir} {document} {job}", reuses=False, most=1000),
        Runner(
            "cwltool-cachedir",
            "cwltool --cachedir {store} --outdir {outdir} {document} {job}",
            most=3000,
        ),
        Runner("cwl-memo", _MEMO),
        Runner(
            "cwl-memo-no-replay",
            _MEMO.replace("--outdir", "--no-memo-replay --outdir"),
            option="--no-memo-replay",
        ),
        Runner("snakemake", _SNAKEMAKE, language="snakemake", in_place=True, most=1000),
        Runner(
            "snakemake-cache",
            f"SNAKEMAKE_OUTPUT_CACHE={{store}} {_SNAKEMAKE} --cache",
            language="snakemake",
            most=1000,
        ),
        Runner("doit", _DOIT, language="doit", in_place=True),
        Runner("miniwdl", _MINIWDL, language="wdl", keeps=True, most=1000),
        Runner(
            "ccache",
            "CCACHE_DIR={store} sh {document} {job} {outdir} ccache",
            language="c",
            most=1000,
            needs=("ccache", "gcc"),
        ),
    )
}
"""The ready runners."""

ORACLES: Final[Mapping[str, Runner]] = {
    "cwl": RUNNERS["cwltool"],
    "c": Runner("gcc", "sh {document} {job} {outdir}", language="c", reuses=False, needs=("gcc",)),
}
"""By language, who says what the outputs must be where the workload itself cannot."""

_FROM: Final = {
    "snakemake": "make bench-peers",
    "doit": "make bench-peers",
    "miniwdl": "make bench-peers",
    "ccache": "Debian: apt-get install ccache",
    "gcc": "Debian: apt-get install gcc",
}


def find_runner(name: str) -> Runner:
    """Return a ready runner, or one of ``NAME=COMMAND LINE``.

    :raises BenchmarkError: if it is neither.
    """
    if name in RUNNERS:
        return RUNNERS[name]
    own, equals, command = name.partition("=")
    if not equals or not own.replace("-", "").isalnum() or "{" not in command:
        raise BenchmarkError(
            f"no runner {name!r}; ready are {', '.join(RUNNERS)}; another is NAME=COMMAND LINE "
            "with the places {store}, {outdir}, {document} and {job}"
        )
    runner = Runner(own, command, reuses="{store}" in command)
    runner.check()
    return runner


def obstacle(runner: Runner) -> str:
    """Return why a runner cannot run here; empty if it can."""
    missing = runner.missing()
    if missing:
        where = "; ".join(dict.fromkeys(_FROM[name] for name in missing if name in _FROM))
        return f"not installed: {', '.join(missing)}" + (f" ({where})" if where else "")
    if runner.option and runner.option not in _help(runner.program):
        return f"this {runner.program} has no option {runner.option}"
    return ""


def _help(program: str) -> str:
    path = find_program(program)
    assert path is not None, "asked only of a program that is there"  # noqa: S101
    return subprocess.run(
        [path, "run", "--help"],
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    ).stdout
