"""A bench for stories: write documents and data, run them, ask what became of each job.

A story's runs go through the same entry as the command line, in this process. Whether a
job was executed is told by a counter file that the tool itself appends to, never by the
runner's word alone.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.plan import PlannedJob, PlanRecord
from cwl_memo.core.run import RunRecord
from cwl_memo.cwl import plan as planning
from cwl_memo.cwl import runner

__all__ = ["Bench", "Plan", "Run", "fields", "namespaces"]

JSON = Any


def fields(document: Mapping[str, JSON]) -> dict[str, Any]:
    """Return fields of a document whose names are no Python names, for :meth:`Bench.tool`."""
    return dict(document)


def namespaces(value: JSON) -> dict[str, Any]:
    """Return the field of a document that declares its namespaces."""
    return {"$namespaces": value}


@dataclass
class Run:
    """One run of the runner.

    :param code: its exit code.
    :param output: the output object; None where none was printed.
    :param record: its run record.
    :param log: what it logged.
    :param marks: what the tools that were executed wrote into the counter file.
    :param outdir: where the user's outputs were to go.
    """

    code: int
    output: JSON
    record: RunRecord
    log: str
    marks: list[str] = field(default_factory=list)
    outdir: Path = Path()

    @property
    def results(self) -> list[str]:
        """What became of the jobs, in order of their names."""
        return [job.result for job in sorted(self.record.jobs, key=lambda job: job.name)]

    @property
    def causes(self) -> list[str]:
        """Why, in order of the jobs' names."""
        return [job.cause for job in sorted(self.record.jobs, key=lambda job: job.name)]

    @property
    def not_recorded(self) -> list[str]:
        """Why jobs were not recorded, in order of their names."""
        return [job.not_recorded for job in sorted(self.record.jobs, key=lambda job: job.name)]

    @property
    def executed(self) -> int:
        """How many jobs were executed, by the marks that they left."""
        return len(self.marks)

    def text(self, *path: str | int) -> str:
        """Return the text of an output file, as ``run.text("out", 0)``."""
        value = self.output
        for part in path or ("out",):
            value = value[part]
        return Path(value["path"]).read_text()

    def text_of_all(self, name: str = "out") -> list[str]:
        """Return the texts of an array of output files."""
        return [Path(item["path"]).read_text() for item in self.output[name]]


@dataclass
class Plan:
    """What a plan said.

    :param code: cwltool's exit code.
    :param record: the plan; None where the document or the input object was rejected.
    :param log: what it logged.
    """

    code: int
    record: PlanRecord | None
    log: str

    @property
    def jobs(self) -> dict[str, PlannedJob]:
        """The planned jobs by their names."""
        assert self.record is not None, self.log
        found = {job.name: job for job in self.record.jobs if isinstance(job, PlannedJob)}
        assert len(found) == len(self.record.jobs)
        return found

    @property
    def predicted(self) -> dict[str, str]:
        """What is predicted of each job."""
        return {name: job.predicted for name, job in self.jobs.items()}


class Bench:
    """A folder with documents, data, a store, and a counter of executions."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.counter = folder / "counter"
        self._monkeypatch = monkeypatch
        self._count = 0

    def write(self, name: str, content: str | bytes | Mapping[str, JSON] | list[JSON]) -> Path:
        """Write a file: text, bytes, or JSON (which is YAML, and so CWL)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content)
        else:
            path.write_text(json.dumps(content, indent=1))
        return path

    def script(self, body: str) -> list[JSON]:
        """Return arguments that leave a mark and then run a shell script.

        For tools with ``baseCommand: [sh, -c]``. The script sees the command line's
        other words as ``$1``, ``$2`` and so on.
        """
        return [f"echo ran >> {self.counter}\n{body}", "tool"]

    def tool(self, name: str = "tool.cwl", body: str = "cat $1", **fields: JSON) -> Path:
        """Write a CommandLineTool that leaves a mark and runs a shell script.

        By default: one File input ``f``, bound; its standard output is ``out``.
        ``fields`` replace or add fields of the document; None takes a field away.
        """
        document: dict[str, JSON] = {
            "cwlVersion": "v1.2",
            "class": "CommandLineTool",
            "baseCommand": ["sh", "-c"],
            "arguments": [
                {"position": -2, "valueFrom": text}
                if i == 0
                else {"position": -1, "valueFrom": text}
                for i, text in enumerate(self.script(body))
            ],
            "inputs": {"f": {"type": "File", "inputBinding": {"position": 1}}},
            "outputs": {"out": {"type": "File", "outputBinding": {"glob": "out.txt"}}},
            "stdout": "out.txt",
        }
        document.update(fields)
        return self.write(name, {k: v for k, v in document.items() if v is not None})

    def run(
        self,
        document: str | Path,
        job: Mapping[str, JSON] | str | Path | list[str] | None = None,
        *options: str,
        env: Mapping[str, str] | None = None,
        store: Path | None = None,
        cache: str = "",
        ext: bool = False,
        container: bool = False,
    ) -> Run:
        """Run a document on an input object; every run has an outdir of its own.

        :param job: the input object, or a file that holds it, or words of a command line.
        :param options: of cwltool or the memoization group, before the document.
        :param env: environment variables for this run.
        :param cache: the run cache to use, by name or id, in place of a store.
        :param container: whether containers are used; the options name an engine then.
        :param ext: whether cwltool's extensions are on (slow: it reads its schemas anew).
        """
        self._count += 1
        outdir = self.folder / f"outdir{self._count}"
        options = (
            *(() if container else ("--no-container",)),
            *(("--enable-ext",) if ext else ()),
            *options,
        )
        place = ["--memo-cache", cache] if cache else ["--memo-store", str(store or self.store)]
        words = self._words(document, job, (*place, *options), outdir)
        before = self._marks()
        records: list[RunRecord] = []
        log = io.StringIO()
        printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
        handler = logging.StreamHandler(log)
        logger = logging.getLogger("cwltool")
        with self._monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setenv("CWL_MEMO_REPORT", str(self.folder / "report.json"))
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["cwl-memo"])
            if not ext:
                # Reading CWL's schemas anew for each run takes longer than all the rest.
                patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
            logger.addHandler(handler)
            try:
                with redirect_stdout(printed):
                    code = runner.run(
                        words,
                        prog="cwl-memo run",
                        write_report=lambda _, record: records.append(record),
                    )
            finally:
                logger.removeHandler(handler)
        printed.seek(0)
        text = printed.read()
        return Run(
            code=code,
            output=json.loads(text) if text.startswith("{") else None,
            record=records[0] if records else RunRecord(run=""),
            log=log.getvalue(),
            marks=self._marks()[len(before) :],
            outdir=outdir,
        )

    def plan(
        self,
        document: str | Path,
        job: Mapping[str, JSON] | str | Path | list[str] | None = None,
        *options: str,
        store: Path | None = None,
        ext: bool = False,
    ) -> Plan:
        """Plan a run of a document on an input object."""
        outdir = self.folder / f"outdir{self._count + 1}"
        place = ("--memo-store", str(store or self.store), "--no-container")
        options = (*place, *(("--enable-ext",) if ext else ()), *options)
        words = self._words(document, job, options, outdir)
        log = io.StringIO()
        handler = logging.StreamHandler(log)
        logger = logging.getLogger("cwltool")
        with self._monkeypatch.context() as patch:
            patch.chdir(self.folder)
            patch.setattr(sys, "argv", ["cwl-memo"])
            if not ext:
                patch.setattr("cwl_memo.cwl.schema_cache.setup_schema", lambda *_: None)
            logger.addHandler(handler)
            try:
                code, record = planning.plan(planning.asked_for(words, "cwl-memo plan"))
            finally:
                logger.removeHandler(handler)
        return Plan(code, record, log.getvalue())

    def _words(
        self,
        document: str | Path,
        job: Mapping[str, JSON] | str | Path | list[str] | None,
        options: tuple[str, ...],
        outdir: Path,
    ) -> list[str]:
        if isinstance(job, Mapping):
            job = self.write("job.json", job)
        return [
            "--outdir",
            str(outdir),
            *options,
            str(self.folder / document),
            *(job if isinstance(job, list) else [] if job is None else [str(self.folder / job)]),
        ]

    def _marks(self) -> list[str]:
        return self.counter.read_text().split("\n")[:-1] if self.counter.exists() else []

    def old(self, path: Path, seconds: float = 3600) -> Path:
        """Make a file look as if it was last changed a while ago."""
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))
        return path
