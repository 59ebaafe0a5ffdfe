"""A hit of which a file is lost after it was announced: its job is executed once more.

Once a hit, however many of its files are lost. Where that execution gives what the entry
promised, the lost files are taken from it and the run goes on. Where it gives anything else, files
of two executions would meet: other jobs were keyed by the first, values and the shape of a scatter
may come of it, and cwltool holds all of these. Then the run begins again from its top, with the
outputs of the new execution in place of the hit; what else was executed is found recorded.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.comparison import compare_outputs
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.outcome import Miss, MissCause
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, JobRecord, RunRecord
from cwl_memo.cwl.door import JobBase, RuntimeContext, WorkflowException
from cwl_memo.cwl.files import UnkeyableError
from cwl_memo.cwl.location import path_of
from cwl_memo.cwl.output import record_output
from cwl_memo.cwl.recheck import Restored
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.hashing import hash_file

if TYPE_CHECKING:
    from cwl_memo.cwl.attempt import Attempt
    from cwl_memo.cwl.session import Session

__all__ = ["Again", "Beginnings", "Kept"]

_log = logging.getLogger("cwltool")

Callback = Callable[[Any, str], None]

_LAZY_TIMES: Final = 2
"""How often a run waits with files until they are needed; after that none of them can be lost."""


@dataclass(frozen=True)
class Kept:
    """What a job gave that was executed since files of its entry were lost.

    :param record: what became of it.
    """

    outputs: Any
    record: JobRecord


class Beginnings:
    """How often a run has begun, and what one beginning hands on to the next."""

    def __init__(self) -> None:
        self._why = ""
        self._hindrance = ""
        self._count = 1
        self._kept: dict[ReuseKey, Kept] = {}
        self._names: set[str] = set()
        self._executed: dict[tuple[str, str], JobRecord] = {}
        self._lock = threading.Lock()

    @property
    def is_asked_for(self) -> bool:
        """Whether the run has to begin again before it may end."""
        return bool(self._why)

    @property
    def are_patient(self) -> bool:
        """Whether files may still wait until they are needed."""
        return self._count <= _LAZY_TIMES

    def hinder(self, why: str) -> None:
        """Say that what the run has done cannot be done twice."""
        self._hindrance = self._hindrance or why

    def ask(self, why: str) -> WorkflowException:
        """Ask for the run to begin again; return what ends what it is about."""
        self._why = self._why or why
        return WorkflowException(f"{why}: the run begins again")

    def keep(self, key: ReuseKey, kept: Kept) -> None:
        """Keep the outputs of a job for the next beginning."""
        with self._lock:
            self._kept[key] = kept

    def take(self, key: ReuseKey) -> Kept | None:
        """Return the outputs that were kept for a job, once: they are its own."""
        if not self._kept:
            return None
        with self._lock:
            return self._kept.pop(key, None)

    def begin(self, record: RunRecord) -> None:
        """Begin again: what was told of the jobs until now is told anew.

        :raises WorkflowException: if that would do twice what must be done once.
        """
        why, self._why = self._why, ""
        if self._hindrance:
            raise WorkflowException(f"{why}, and {self._hindrance}: run it again")
        _log.warning("cwl-memo: %s: the run begins again, and reuses what it has recorded", why)
        self._count += 1
        for job in record.jobs:
            if job.result in (EXECUTED, REFUSED):
                self._executed[job.name, job.key] = job
        record.jobs.clear()
        self._names.clear()

    def tell(self, job: JobRecord, record: RunRecord) -> tuple[JobRecord, bool]:
        """Put what became of a job into the run's record.

        :returns: what is told of it, and whether that takes the place of what was told before.
        """
        if job.result == REUSED and job.origin_run == record.run:
            # Executed before the run began again.
            job = self._executed.pop((job.name, job.key), job)
        if job.name not in self._names:
            self._names.add(job.name)
            record.jobs.append(job)
            return job, False
        names = [other.name for other in record.jobs]
        record.jobs[names.index(job.name)] = job
        return job, True


class Again:
    """The files of one hit, should some be lost.

    :param attempt: the job.
    :param entry: what answered it.
    :param execute: executes an attempt with a context: yields jobs, and tells a callback.

    ``restored`` are the outputs that were announced; known before anybody asks for a file.
    """

    restored: Restored

    def __init__(
        self,
        session: Session,
        attempt: Attempt,
        entry: Entry,
        context: RuntimeContext,
        execute: Callable[[Attempt, Callback, RuntimeContext], Iterator[Any]],
    ) -> None:
        self._session = session
        self._attempt = attempt
        self._entry = entry
        self._context = context
        self._execute = execute
        self._is_same = False
        self._kept: Kept | None = None
        self._places: dict[str, str] | None = None
        self._lock = threading.RLock()

    def place_of(self, path: str) -> str:
        """Return where a file with the bytes of a lost one stands; its job is executed for it.

        :param path: where the lost one should stand.
        :raises StoreDamagedError: where no job may be executed for that.
        :raises WorkflowException: if it gave anything else, and the run has to begin again.
        """
        if not self._session.executes_again:
            raise StoreDamagedError(f"{path} cannot be made any more")
        with self._lock:
            if self._places is None:
                self._places = self._make()
            place = self._places.get(path)
            if place is None:
                if self._kept is not None:
                    self._session.beginnings.keep(self._entry.key, self._kept)
                raise self._session.beginnings.ask(self._what("gave other outputs"))
            return place

    def _what(self, happened: str) -> str:
        return (
            f"job {self._attempt.name} was executed since a file of its entry was lost after "
            f"the job had been answered, and {happened}"
        )

    def _make(self) -> dict[str, str]:
        """Execute the job; return where each file that was announced stands now."""
        session, context = self._session, self._context.copy()
        missed = Miss(self._entry.key, MissCause.LOST, after=self._entry.after)
        fresh = self._attempt.once_more(missed)
        ended: list[tuple[Any, str]] = []
        jobs = self._execute(fresh, lambda *told: ended.append(told), context)
        session.memo.lose(self._entry.key)
        session.testify(lambda witness: witness.spoil("a file of an entry was lost"))
        context.research_obj = None  # it has been told that the job was reused
        context.outdir = session.views.new_directory()
        os.makedirs(context.outdir)
        try:
            for job in jobs:
                self._watch(job)
                job.run(context)
        except WorkflowException as error:
            _log.debug("[job %s] not executed: %s", fresh.name, error)
        outputs, status = ended[-1] if ended else (None, "permanentFail")
        if status != "success":
            # It may need an input that came out otherwise, for which that was asked before.
            raise session.beginnings.ask(self._what("failed"))
        if fresh.record is not None:
            self._kept = Kept(outputs, fresh.record)
        return dict(_pairs(self.restored.outputs, outputs)) if self._is_same else {}

    def _watch(self, job: JobBase) -> None:
        """Have the outputs compared as soon as they are collected, while their files stand."""
        collect = job.collect_outputs

        def collect_and_compare(outdir: str, rcode: int) -> Any:
            outputs = collect(outdir, rcode)
            memo = self._session.memo
            self._is_same = memo.shield(
                lambda: self._compare(job, outdir, outputs), otherwise=False
            )
            return outputs

        job.collect_outputs = collect_and_compare

    def _compare(self, job: JobBase, outdir: str, outputs: Any) -> bool:
        sources = self._attempt.gathered.sources
        workspace = self._session.memo.measure(Path(outdir), sources.digests())
        stages = [os.path.realpath(job.stagedir)] if job.stagedir else []
        try:
            again = record_output(
                outputs,
                outdir,
                workspace,
                sources,
                lambda path: hash_file(Path(path)),
                stages,
                inputs=self._attempt.inputs,
            )
        except UnkeyableError:
            return False
        return not compare_outputs(self.restored.variant.output, again.output)


def _pairs(old: Any, new: Any) -> Iterator[tuple[str, str]]:
    """Yield the paths of each File in two output objects that are equal but for these.

    They are told apart by where they stand in the object: their names may be of the day.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        if old.get("class") == "File":
            before, now = str(old.get("location", "")), str(new.get("location", ""))
            if before.startswith("file:") and now.startswith("file:"):
                yield path_of(before), path_of(now)
        for name in old.keys() & new.keys():
            yield from _pairs(old[name], new[name])
    elif isinstance(old, list) and isinstance(new, list):
        for was, now_is in zip(old, new, strict=True):
            yield from _pairs(was, now_is)
