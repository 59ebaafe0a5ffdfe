"""A session: one run of cwltool with memoization, from its first job to its summary."""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, cast

from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.event import Event
from cwl_memo.core.explain import sentence, shared_line, summary_line
from cwl_memo.core.manifest import SeenImage
from cwl_memo.core.run import REUSED, JobRecord, RunRecord, SharedUse
from cwl_memo.core.settings import Settings
from cwl_memo.cwl.again import Beginnings
from cwl_memo.cwl.document import plain
from cwl_memo.cwl.door import (
    FINDS_FIRST_SIF,
    JobExecutor,
    LoadingContext,
    RuntimeContext,
    StdFsAccess,
    versionstring,
)
from cwl_memo.cwl.files import Known, Locate, Sources
from cwl_memo.cwl.final import FinalOutputs
from cwl_memo.cwl.host import HostPrograms
from cwl_memo.cwl.image import Engine, ImageResolver, UnresolvedImage
from cwl_memo.cwl.lineage import Lineage
from cwl_memo.cwl.location import local_path
from cwl_memo.cwl.log import LogTaps
from cwl_memo.cwl.long_lists import LongLists
from cwl_memo.cwl.lookahead import Lookahead
from cwl_memo.cwl.view import Views
from cwl_memo.cwl.view_access import ViewFsAccess
from cwl_memo.cwl.witness import Witness
from cwl_memo.cwl.work_reuse import OfRun
from cwl_memo.cwl.workspaces import Workspaces
from cwl_memo.memo import Memo
from cwl_memo.store.clock import now
from cwl_memo.store.protocol import FileDigest, Store
from cwl_memo.store.run_id import new_run_id

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Session"]

_log = logging.getLogger("cwltool")

WAIT_AT_MOST: Final = 3600.0
"""Seconds to wait for another run that executes the same job, if nobody says otherwise."""


class Session:
    """What the jobs of one run share.

    :param store: where entries are; None for a run without reuse.
    :param settings: the user's choices.
    :param document: what is run, for the record.
    :param arguments: the command line, for the record.
    :param cache: the run cache whose store it is, if it is one's.
    :param behavior: for which runs the store keeps the entries that they make; that of the
        cache unless given, and ``CACHE_ALWAYS`` without a cache.
    :param on_event: told what happens to jobs, as it happens, in the threads in which it does.
    :param workspaces: a new or an empty directory for the working directory of each job.
    :raises UsageError: if ``workspaces`` is neither.
    :param tags: what the user says of the run; its entries can be chosen by them.
    :param engine: what has the jobs executed, where that is not cwltool alone.
    :param run: id of the run, if it has one already.
    :param leads: whether this process keeps the record of the run; another does if not.
    """

    def __init__(  # noqa: PLR0913  (all of them by name)
        self,
        store: Store | None,
        settings: Settings | None = None,
        *,
        document: str = "",
        arguments: Sequence[str] = (),
        cache: RunCache | None = None,
        behavior: CacheBehavior | None = None,
        on_event: Callable[[Event], None] | None = None,
        workspaces: Path | None = None,
        tags: Mapping[str, str] | None = None,
        engine: str = "",
        run: str = "",
        leads: bool = True,
    ) -> None:
        self.workspaces = None if workspaces is None else Workspaces(workspaces)
        self.on_event = on_event
        self.run = run or new_run_id()
        # Each process holds what it uses under an id of its own.
        lease = self.run if leads else new_run_id()
        behavior = behavior or (cache.behavior if cache else CacheBehavior.CACHE_ALWAYS)
        self.memo = Memo(store, settings, run=self.run, behavior=behavior, lease=lease)
        self._images: dict[Engine, ImageResolver] = {}
        self._engines: dict[Engine, JSON] = {}
        self.witness: Witness | None = None
        """What notes all that the run sees, where it may be replayed."""
        self.long_lists: LongLists | None = None
        """What of the input object cwltool has not read."""
        self.programs = HostPrograms(self._note_programs)
        self.logs = LogTaps()
        self.lineage, self.lookahead, self.beginnings = Lineage(), Lookahead(), Beginnings()
        self.views = Views(self.memo, self._make_view_root, lazy=False)
        self.known: Known = self.views
        """What knows digests of inputs that need not be read."""
        self.locate: Locate = local_path
        """Returns the path of a location."""
        self.shared_elsewhere: list[SharedUse] = []
        """What other processes of the run did with the shared store."""
        self.executes_again = True
        """Whether a job is executed whose file was lost after its hit had been announced."""
        self.engine_variables: tuple[str, ...] = ()
        """How the names of variables begin that an engine sets otherwise for each job."""
        self.wait_at_most = WAIT_AT_MOST
        """Seconds to wait for who executes the same job, before executing it too."""
        self.waits_in_line = True
        """Whether who has waited in vain executes the job alone, while others wait for it."""
        self.taps_logs = False
        self.varying: set[str] = set()
        """Labels of the tools that gave other outputs when they were executed again."""
        self.final = FinalOutputs()
        self.work_reuse: OfRun | None = None
        """What the process that the user runs requires; its steps inherit it."""
        self.record = RunRecord(
            run=self.run,
            document=document,
            arguments=tuple(arguments),
            store="" if store is None else store.location,
            mode=self.memo.settings.mode.value,
            started=now(),
            runner=", ".join(filter(None, (f"cwl-memo {_version()}", _cwltool_version(), engine))),
            cache=cache.id if cache else "",
            cache_name=cache.name if cache else "",
            cache_behavior="" if store is None else behavior.value,
            tags=dict(tags or {}),
        )
        self.host = platform.node()
        self._names: dict[str, int] = {}
        self._begun: dict[str, float] = {}
        self._unfinished: dict[str, Callable[[], None]] = {}
        self._context: RuntimeContext | None = None
        self._set_log_dir: Callable[[str, str, str], str] | None = None
        self._adopted = False
        self._lock = threading.Lock()
        self._summarised = False
        self._ended = False
        if leads:
            self.memo.note_run({"line": "run", **self.record.header()})

    def _note_programs(self, search_path: str, programs: dict[str, str], unread: list[str]) -> None:
        self.testify(lambda witness: witness.note_programs(search_path, programs, unread))

    def testify(self, note: Callable[[Witness], None]) -> None:
        """Have the witness note something; a fault of it costs the manifest, never the run."""
        witness = self.witness
        if witness is not None:
            why = "unexpected error"
            if self.memo.shield(lambda: note(witness), why) == why:
                witness.spoil(why)

    # set-up

    def prepare(self, context: RuntimeContext) -> RuntimeContext:
        """Return a runtime context through which logs are kept and views made late.

        A context with file access of its own keeps it; views are then made at once.
        """
        context = context.copy()
        self._context = context
        self._set_log_dir = context.set_log_dir
        if context.make_fs_access in (None, StdFsAccess):
            access = partial(ViewFsAccess, views=self.views, looker=self.witness)
            context.make_fs_access = cast("Any", access)
            self.views.lazy = True
        elif self.witness is not None:
            self.witness.spoil("file access of another make")
        if context.default_stdout is None and context.default_stderr is None:
            # All that cwltool asks of them is what subprocess asks: a file descriptor.
            context.default_stdout = cast("Any", self.logs.stdout)
            context.default_stderr = cast("Any", self.logs.stderr)
            context.set_log_dir = partial(self._begin_job, context.set_log_dir)
            self.taps_logs = True
        return context

    # for embedders

    def runtime_context(self, context: RuntimeContext | None = None) -> RuntimeContext:
        """Return a runtime context for this session, as :meth:`prepare` makes it."""
        # cwltool.main takes the empty default container of a bare context for a name.
        return self.prepare(context or RuntimeContext({"default_container": None}))

    def loading_context(self, context: LoadingContext | None = None) -> LoadingContext:
        """Return a loading context whose CommandLineTools are memoized."""
        from cwl_memo.cwl.factory import make_factory

        context = (context or LoadingContext()).copy()
        context.construct_tool_object = cast("Any", make_factory(self))
        return context

    def serial_executor(self) -> JobExecutor:
        """Return an executor that runs one job at a time."""
        from cwl_memo.cwl.executor import MemoSerialExecutor

        return MemoSerialExecutor(self)

    def parallel_executor(self, context: RuntimeContext, max_parallel: int = 0) -> JobExecutor:
        """Return an executor that runs jobs beside one another, and set the context for it.

        :param context: the runtime context that the executor will be given.
        :param max_parallel: cores to use; 0 for all.
        """
        from cwl_memo.cwl.executor import MemoParallelExecutor

        executor = MemoParallelExecutor(self, max_parallel)
        context.select_resources = executor.select_resources
        return executor

    def _begin_job(
        self, set_log_dir: Callable[[str, str, str], str], outdir: str, log_dir: str, name: str
    ) -> str:
        # cwltool calls this in the thread that runs the job, just before it does.
        self.logs.begin()
        self._begun[name] = time.time()
        return set_log_dir(outdir, log_dir, name)

    def log_directory(self, context: RuntimeContext) -> str:
        """Return where a job's redirected streams are kept for the user; empty for nowhere."""
        if not context.log_dir:
            return ""
        return (self._set_log_dir or context.set_log_dir)("", context.log_dir, context.name)

    def _make_view_root(self) -> str:
        context = self._context or RuntimeContext()
        return context.create_outdir()

    def adopt(self, context: RuntimeContext) -> None:
        """Take the run's own context, as its first job sees it, to make directories with."""
        if not self._adopted:
            self._adopted = True
            self._context = context

    @property
    def has_begun(self) -> bool:
        """Tell whether a job was looked at."""
        return self._adopted

    @property
    def has_secrets(self) -> bool:
        """Tell whether the run was given secrets."""
        secrets = None if self._context is None else self._context.secret_store
        return secrets is not None and bool(secrets.secrets)

    @property
    def keeps_views(self) -> bool:
        """Tell whether the user's outputs stay in the views."""
        return self._context is not None and self._context.move_outputs == "leave"

    def images(self, context: RuntimeContext) -> ImageResolver:
        """Return what finds out about container images in a context, one an engine."""
        engine = Engine.chosen(
            singularity=bool(context.singularity),
            podman=bool(context.podman),
            user_space_docker_cmd=context.user_space_docker_cmd,
        )
        with self._lock:
            if engine not in self._images:
                base_path = getattr(context, "image_base_path", None) or ""
                self._images[engine] = ImageResolver(
                    engine, self._digest, base_path=base_path, first_match=FINDS_FIRST_SIF
                )
                self._engines[engine] = {
                    "singularity": bool(context.singularity),
                    "podman": bool(context.podman),
                    "user_space_docker_cmd": context.user_space_docker_cmd,
                    "base_path": base_path,
                    "first_match": FINDS_FIRST_SIF,
                }
            return self._images[engine]

    def seen_images(self) -> tuple[SeenImage, ...]:
        """Return the container images that jobs were keyed by."""
        return tuple(
            SeenImage(self._engines[engine], plain(requirement), answer.identity)
            for engine, resolver in self._images.items()
            for requirement, answer in resolver.answers.values()
            if not isinstance(answer, UnresolvedImage)
        )

    def _digest(self, path: Path) -> str:
        digest, _ = self.memo.digest_file(path)
        return str(digest.digest)

    # jobs

    def name_job(self, stem: str) -> str:
        """Return a name for a job that no other job of the run has."""
        with self._lock:
            count = self._names[stem] = self._names.get(stem, 0) + 1
        return stem if count == 1 else f"{stem}_{count}"

    def begun(self, name: str, otherwise: float) -> float:
        """Return when a job's process was started, in seconds since the epoch."""
        return self._begun.get(name, otherwise)

    def await_end(self, name: str, give_up: Callable[[], None]) -> None:
        """Say that a job is handed to cwltool, which may never say what became of it.

        :param give_up: called as the run ends, if the job has not been finished.
        """
        with self._lock:
            self._unfinished[name] = give_up

    def finish(self, job: JobRecord, sources: Sources | None = None) -> None:
        """Take what became of a job to the log and the run's record.

        :param sources: the files that decided it; None where it was not keyed.
        """
        with self._lock:
            self._unfinished.pop(job.name, None)
            job, is_anew = self.beginnings.tell(job, self.record)
        self.testify(lambda witness: witness.note_job(job, sources))
        _log.info("[job %s] %s", job.name, sentence(job))
        self.tell(lambda: _event_of(self.run, job))
        line = {"line": "job", **job.to_json()}
        self.memo.note_run({**line, "instead": True} if is_anew else line)

    def begin_again(self) -> None:
        """Have the run go through its document once more, since one of its hits was lost.

        :raises WorkflowException: if it has done what must not be done twice.
        """
        for give_up in list(self._unfinished.values()):
            give_up()
        self.beginnings.begin(self.record)
        self._names.clear()
        self.lookahead, self.lineage = Lookahead(), Lineage()
        self.views.lazy = self.views.lazy and self.beginnings.are_patient
        self.memo.note_run({"line": "again"})

    def tell(self, happened: Callable[[], Event | None]) -> None:
        """Tell what happened, if anybody listens and if it is anything."""
        event = None if self.on_event is None else happened()
        if event is not None and self.on_event is not None:
            self.on_event(event)

    def note_recorded(self, directory: str, key: ReuseKey) -> None:
        """Note where outputs of an entry stand that this run recorded, if it may matter."""
        if self.memo.limits_intermediates:
            self.final.note(directory, key)

    def note_outputs(self, outputs: Any) -> None:
        """Have it known which entries made the outputs of the run."""
        self.memo.shield(lambda: self.memo.mark_final(self.final.find(outputs)), None)

    def hand_over(self, outputs: Any, known: Callable[[str], FileDigest | None]) -> None:
        """Have what the run's other jobs need of an output object where they find it.

        Nothing to do where all of them are on this machine. The object is changed in place,
        as a whole or not at all.

        :param known: returns the digest of a file of the job, by its path.
        :raises StoreError: if it cannot be done.
        :raises OSError: the same.
        """

    # end

    def summarise(self) -> None:
        """Write the lines that close the run, once, and complete what has waited for its end."""
        with self._lock:
            told, self._summarised = self._summarised, True
        if not told and self.record.jobs:
            _log.info("[memo] %s", summary_line(self.record))
            self.memo.shield(self._complete_workspaces, None)

    def end(self, status: str) -> RunRecord:
        """Close the run: summary, record, upkeep of the store. May be called again.

        :param status: ``success`` for a run that ended well, whose entries a store with
            ``CACHE_ON_FAILURE`` does not keep.
        """
        with self._lock:
            if self._ended:
                return self.record
            self._ended = True
        for give_up in list(self._unfinished.values()):
            give_up()
        self.record.status = status
        self.record.ended = now()
        if status == "interrupted":
            self.workspaces = None  # whoever interrupts a run does not wait for them
        self.summarise()
        if status == "success":
            self._take_back()
        self.share(status)
        if self.record.jobs:
            self.memo.tidy()
        self.memo.note_run(
            {
                "line": "end",
                "ended": self.record.ended,
                "status": status,
                "taken_back": self.record.taken_back,
                "shared": None if self.record.shared is None else self.record.shared.to_json(),
                "summary": self.record.summary(),
            }
        )
        self.logs.remove()
        if not self.keeps_views:
            self.views.remove()
        with contextlib.suppress(OSError):
            self.memo.close()
        return self.record

    def _take_back(self) -> None:
        count = self.record.taken_back = self.memo.take_back()
        if count:
            entries = "1 entry is" if count == 1 else f"{count} entries are"
            _log.info("[memo] %s not kept: the run ended well (CACHE_ON_FAILURE)", entries)

    def share(self, status: str) -> None:
        """See to it that what the run recorded is shared; who interrupts it does not wait."""
        keep, wait = status != "success", status != "interrupted"
        try:
            used = self.memo.end_sharing(keep=keep, wait=wait)
        except KeyboardInterrupt:
            self.record.shared = self.memo.end_sharing(keep=keep, wait=False)
            self.memo.close()
            raise
        if used is not None:
            used = reduce(SharedUse.plus, self.shared_elsewhere, used)
        self.record.shared = used
        if used is not None and self.record.jobs:
            _log.info("[memo] %s", shared_line(used))

    def _complete_workspaces(self) -> None:
        if self.workspaces is not None:
            done, undone = self.workspaces.complete(self.memo.store, self.record)
            _log.info("[memo] %s", done)
            for line in undone:
                _log.warning("[memo] %s", line)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end("success" if kind is None else "interrupted")


def _event_of(run: str, job: JobRecord) -> Event | None:
    if job.result == REUSED:
        return Event.hit(now(), run, job)
    return Event.ended(now(), run, job)


def _version() -> str:
    from cwl_memo import __version__

    return __version__


def _cwltool_version() -> str:
    name, _, version = versionstring().rpartition(" ")
    return f"cwltool {version}" if name else f"cwltool {os.path.basename(version)}"
