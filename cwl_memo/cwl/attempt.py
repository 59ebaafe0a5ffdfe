"""An attempt: one job from the decision about it to what became of it."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cwl_memo.core import policy
from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef, Entry, NodeKind, Origin, Tree
from cwl_memo.core.facts import JobTraits
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Miss, MissCause, Reason, Refusal
from cwl_memo.core.run import EXECUTED, FAILED, LOCAL, REFUSED, REUSED, SHARED, JobRecord, Upstream
from cwl_memo.core.settings import Directories
from cwl_memo.cwl.again import Kept
from cwl_memo.cwl.checksums import Checksums
from cwl_memo.cwl.door import JobBase, PathMapper, RuntimeContext, SecretStore
from cwl_memo.cwl.facts import Gathered
from cwl_memo.cwl.files import UnkeyableError
from cwl_memo.cwl.log import Log
from cwl_memo.cwl.output import directories_in_output, record_output
from cwl_memo.cwl.recheck import Recheck, is_success
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.telltale import secret_files, tell_tale
from cwl_memo.memo import Execution
from cwl_memo.store.clock import now, stamp
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.permission import mode_of_directory
from cwl_memo.store.protocol import Claim, FileDigest
from cwl_memo.store.workspace import Workspace

__all__ = ["Attempt"]

_log = logging.getLogger("cwltool")


class Attempt:
    """One job: looked up, reused or executed, recorded or not, and why.

    :param name: of the job.
    :param traits: by what reuse was allowed or refused.

    ``after`` are the tombstones of its key that its last lookup saw: if it is executed, its
    entry is recorded after them.
    """

    gathered: Gathered
    wanted: Fingerprint
    record: JobRecord | None = None
    """What became of the job, once it has been executed."""

    def __init__(self, session: Session, name: str, traits: JobTraits, job_order: Any) -> None:
        self._session = session
        self.name = name
        self.traits = traits
        self.job_order = job_order
        self.marked = job_order
        """The input object with what marks its values in the research object of the run."""
        self.is_keyed = False
        self.refused: Refusal | None = None
        self.missed: Miss | None = None
        self.upstream: Upstream | None = None
        self.claim: Claim | None = None
        self.recheck: Recheck | None = None
        self.is_shared = False
        self.unusable: Entry | None = None
        """Whether the entry that answers the job comes from a shared store."""
        self.after: tuple[Digest, ...] = ()
        self._not_recorded: Refusal | None = None
        self._execution: Execution | None = None
        self._begun = time.time()
        self._outdir = ""
        self._finished = False
        self._entry: Entry | None = None
        self._said_waiting = False
        self._secrets: SecretStore | None = None

    def key_with(self, gathered: Gathered, wanted: Fingerprint) -> None:
        """Take the facts of the job and its fingerprint."""
        self.gathered = gathered
        self.wanted = wanted
        self.is_keyed = True
        if gathered.awaited:
            self.refused = Refusal(Reason.IMAGE_NOT_PINNED, gathered.awaited)

    def once_more(self, missed: Miss) -> Attempt:
        """Return an attempt at the same job, which was answered by what is no more."""
        fresh = Attempt(self._session, self.name, self.traits, self.job_order)
        fresh.key_with(self.gathered, self.wanted)
        fresh.missed, fresh.after = missed, missed.after
        return fresh

    def take_kept(self, kept: Kept) -> None:
        """Say that the job was executed before the run began again, and gave what was kept."""
        self.record = kept.record
        self._session.finish(kept.record, self.gathered.sources)

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The input object with its defaults."""
        return self.gathered.inputs

    @property
    def recaches(self) -> bool:
        """Tell whether the job is to be executed whatever is recorded."""
        return self.missed is not None and self.missed.cause is MissCause.RECACHE

    def say_waiting(self) -> None:
        """Say in the log, once, that another executes the job."""
        if not self._said_waiting:
            self._said_waiting = True
            _log.info("[job %s] waits: the same job is being executed", self.name)

    def release(self) -> None:
        """Let others execute the job."""
        claim, self.claim = self.claim, None
        if claim is not None:
            claim.release()

    # execution

    def attach(
        self,
        job: JobBase,
        context: RuntimeContext,
        image_that_ran: Callable[[RuntimeContext], JSON],
        *,
        checksums_can_wait: bool,
    ) -> None:
        """Have the job's result taken in as soon as its outputs are collected.

        In the thread that ran it and before it lets go of its directory; outside the
        lock under which cwltool evaluates the workflow.

        :param checksums_can_wait: whether nothing asks for the outputs' checksums before.
        """
        self._session.await_end(self.name, self.finish_rejected)
        # Another file access may lead elsewhere than to files of this machine.
        ours = self.is_keyed and self._session.views.lazy
        wait = ours and checksums_can_wait and context.compute_checksum is not False
        checksums = Checksums(job.collect_outputs, wait=wait)
        self._secrets = context.secret_store

        def collect_and_ingest(outdir: str, rcode: int) -> Any:
            self._outdir = outdir
            memo = self._session.memo
            logs = memo.shield(self._session.logs.end, (None, None))
            # It may have changed a program.
            self._session.programs.forget()
            outputs = checksums.collect(outdir, rcode)

            def take_in() -> Refusal | None:
                self._key_anew(image_that_ran, context)
                self._ingest(job, outdir, rcode, outputs, logs, checksums)
                return self._not_recorded

            if self.is_keyed and is_success(job, rcode):
                unexpected = Refusal(Reason.STORE_FAILED, "unexpected error")
                self._not_recorded = memo.shield(take_in, unexpected)
                if self._not_recorded is not None:
                    self._execution = None
            workspaces = self._session.workspaces
            if workspaces is not None and self._execution is None:
                # The store will not have it, and cwltool is about to take it apart.
                memo.shield(
                    lambda: workspaces.keep(self.name, outdir, secret_files(job, self._secrets)),
                    None,
                )
            checksums.complete(outputs)
            return outputs

        job.collect_outputs = collect_and_ingest

    def _key_anew(
        self, image_that_ran: Callable[[RuntimeContext], JSON], context: RuntimeContext
    ) -> None:
        """Key the job by the image that it ran in, if that is another than was foreseen."""
        facts = self.gathered.facts
        if not self.gathered.container:
            return
        image = image_that_ran(context)
        if image is None:
            self._not_recorded = Refusal(Reason.IMAGE_NOT_PINNED)
        elif image != facts.image:
            # The claim, if any, is for the job as it was foreseen; it keeps nobody out.
            self.wanted = self._session.memo.fingerprint(replace(facts, image=image))

    def _ingest(
        self,
        job: JobBase,
        outdir: str,
        rcode: int,
        outputs: Any,
        logs: tuple[Log, Log],
        checksums: Checksums,
    ) -> None:
        ended = time.time()
        if self._not_recorded is not None or self._session.memo.store is None:
            return
        taken = self._session.memo.shield(
            lambda: self._take(job, outdir, outputs, logs, checksums),
            Refusal(Reason.STORE_FAILED, "unexpected error"),
        )
        if isinstance(taken, Refusal):
            self._not_recorded = taken
            return
        workspace, output, blobs = taken
        begun = self._session.begun(job.name, self._begun)
        stdout, stderr = (
            None if log is None else self._session.memo.ingest_log(log) for log in logs
        )
        self._execution = Execution(
            workspace=workspace,
            output=output,
            output_blobs=blobs,
            exit_code=rcode,
            origin=Origin(
                run=self._session.run,
                job=self.name,
                tool=self.traits.label,
                started=stamp(begun),
                seconds=round(ended - begun, 3),
                host=self._session.host,
                runner=self._session.record.runner,
            ),
            stdout=stdout or _redirected(job.stdout, workspace),
            stderr=stderr or _redirected(job.stderr, workspace),
            stdout_name=str(job.stdout or ""),
            stderr_name=str(job.stderr or ""),
            after=self.after,
        )

    def _take(
        self,
        job: JobBase,
        outdir: str,
        outputs: Any,
        logs: tuple[Log, Log],
        checksums: Checksums,
    ) -> tuple[Workspace, Any, tuple[BlobRef, ...]] | Refusal:
        memo = self._session.memo
        sources = self.gathered.sources
        if not policy.may_record(memo.settings):
            return Refusal(Reason.STORE_READ_ONLY, f"mode {memo.settings.mode.value}")
        if memo.settings.directories is Directories.REFUSE and directories_in_output(outputs):
            return Refusal(Reason.DIRECTORY_OUTPUT)
        self._note_staged(job)
        stranger = self._stranger(job)
        if stranger:
            return Refusal(Reason.INPUT_NOT_IN_KEY, stranger)
        hidden = secret_files(job, self._secrets)
        told = tell_tale(self._secrets, outdir, outputs, hidden, logs)
        if told:
            return Refusal(Reason.SECRET_OUTPUT, told)
        workspace = memo.ingest(Path(outdir), sources.digests(), hidden)
        if isinstance(workspace, Refusal):
            return workspace
        checksums.take(outputs, outdir, workspace)
        try:
            recorded = record_output(
                outputs,
                outdir,
                workspace,
                sources,
                lambda path: memo.ingest_file(Path(path)),
                [os.path.realpath(job.stagedir)] if job.stagedir else [],
                inputs=self.inputs,
            )
        except UnkeyableError as error:
            return error.refusal
        changed = sources.changed(self._session.views.made)
        if changed:
            return Refusal(Reason.INPUT_CHANGED_DURING_RUN, changed[0])
        return workspace, recorded.output, tuple(recorded.blobs.values())

    def _note_staged(self, job: JobBase) -> None:
        """Note where the job was given what stands elsewhere than on this machine."""
        sources = self.gathered.sources
        for mapper in (job.pathmapper, job.generatemapper) if sources.elsewhere else ():
            for location, path in _mapped(mapper):
                sources.stage(location, path)

    def _stranger(self, job: JobBase) -> str:
        """Return a file that the job was given and the key does not know, if any.

        An expression can make a File out of nothing but a path.
        """
        sources = self.gathered.sources
        digests = sources.digests()
        mappers = [job.pathmapper, job.generatemapper]
        for mapper in mappers:
            for location, path in _mapped(mapper):
                real = os.path.realpath(path)
                known = real in digests or real in sources.directories
                if location in sources.remote:
                    digest, _ = self._session.memo.digest_file(path)
                    known = digest.digest == sources.remote[location].digest
                if not known and not any(
                    real.startswith(above + os.sep) for above in sources.directories
                ):
                    return path
        return ""

    # ends

    def digest_of(self, path: str) -> FileDigest | None:
        """Return the digest of a file that the job has made and that was recorded."""
        execution = self._execution
        if execution is None:
            return None
        above, name = os.path.split(path)
        place = os.path.join(os.path.realpath(above), name)
        return execution.workspace.digests.get(
            os.path.relpath(place, os.path.realpath(self._outdir))
        )

    def finish_hit(self, entry: Entry) -> None:
        """Say that the job was answered by an entry."""
        self._session.finish(self.hit_record(entry), self.gathered.sources)

    def hit_record(self, entry: Entry) -> JobRecord:
        """Return what is recorded of the job if an entry answers it."""
        return JobRecord(
            name=self.name,
            tool=self.traits.label,
            result=REUSED,
            lookup="hit",
            key=str(self.wanted.key),
            origin_run=entry.origin.run,
            origin_job=entry.origin.job,
            seconds=entry.origin.seconds,
            size=entry.size,
            started=now(),
            network=self.traits.network,
            section=str(self.wanted.section),
            source=SHARED if self.is_shared else LOCAL,
        )

    def finish(self, status: str) -> None:
        """Say that the job was executed; publish its entry if it succeeded."""
        if self._finished:
            return
        self._finished = True
        begun = self._session.begun(self.name, self._begun)
        seconds = round(time.time() - begun, 3)
        if status == "success" and self._execution is not None:
            seconds = self._execution.origin.seconds
            self._publish(self._execution)
        self.release()
        sources = self.gathered.sources if self.is_keyed else None
        self.record = self._record(status, seconds)
        self._session.finish(self.record, sources)

    def _publish(self, execution: Execution) -> None:
        if self.traits.label in self._session.varying:
            self._not_recorded = Refusal(Reason.NOT_DETERMINISTIC)
            return
        published = self._session.memo.publish(self.wanted, execution)
        if isinstance(published, Refusal):
            self._not_recorded = published
        else:
            self._entry = published
            self._session.note_recorded(self._outdir, self.wanted.key)

    def finish_rejected(self) -> None:
        """Say that the job was rejected, or ended without a word of its outputs."""
        if not self._finished:
            self._finished = True
            self.release()
            self._session.finish(self._record("permanentFail", 0.0))

    def foreseen(self) -> JobRecord:
        """Return what would become of the job if it were executed now, and succeeded."""
        return self._record("success", 0.0)

    def _record(self, status: str, seconds: float) -> JobRecord:
        refused, missed = self.refused, self.missed
        not_recorded = self._not_recorded
        if status != "success":
            not_recorded = Refusal(Reason.FAILED)
        elif refused is not None and self._execution is None:
            not_recorded = None
        cause, detail, lookup = "", "", "miss"
        if refused is not None:
            lookup, cause, detail = "refusal", refused.reason.code, refused.detail
        elif missed is not None:
            cause, detail = missed.cause.code, missed.detail
        if not detail and not_recorded is not None:
            detail = not_recorded.detail
        result = FAILED if status != "success" else REFUSED if refused else EXECUTED
        return JobRecord(
            name=self.name,
            tool=self.traits.label,
            result=result,
            lookup=lookup,
            key=str(self.wanted.key) if self.is_keyed else "",
            cause=cause,
            detail=detail,
            differs=missed.differs if missed is not None else (),
            nearest=str(missed.nearest or "") if missed is not None else "",
            not_recorded="" if not_recorded is None else not_recorded.reason.code,
            seconds=seconds,
            size=0 if self._entry is None else self._entry.size,
            started=stamp(self._session.begun(self.name, self._begun)),
            network=self.traits.network,
            section="" if self._entry is None else str(self.wanted.section),
            upstream=self.upstream,
        )

    # a recorded workspace

    def lay_out(self, tree: Tree, outdir: str, renamed: Mapping[str, str]) -> Workspace:
        """Make a recorded workspace stand in a directory.

        :param renamed: what paths of it are called now.
        :raises StoreError: if a blob is not to be had.
        :raises OSError: if the directory cannot be written.
        """
        memo = self._session.memo
        by_digest = {d.digest: path for path, d in self.gathered.sources.digests().items()}
        digests: dict[str, FileDigest] = {}
        nodes = []
        for node in tree.nodes:
            path = renamed.get(node.path, node.path)
            target = os.path.join(outdir, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if node.kind is NodeKind.DIRECTORY:
                os.makedirs(target, exist_ok=True)
            elif node.kind is NodeKind.SYMLINK:
                os.symlink(node.target, target)
            elif node.kind is NodeKind.INPUT and node.digest in by_digest:
                os.symlink(by_digest[node.digest], target)
            elif node.kind is NodeKind.FILE and node.digest is not None:
                memo.materialise(node.digest, Path(target), mode=node.mode)
            if node.digest is not None and os.path.exists(target):
                digests[path] = hash_file(Path(target))
            nodes.append(type(node)(**{**node.__dict__, "path": path}))
        mode = mode_of_directory(os.stat(outdir))
        return Workspace(Tree(tuple(nodes)), digests, (), mode=mode)


def _redirected(name: str | None, workspace: Workspace) -> BlobRef | None:
    digest = workspace.digests.get(os.path.normpath(name)) if name else None
    return None if digest is None else BlobRef(digest.digest, digest.size)


def _mapped(mapper: PathMapper | None) -> Iterator[tuple[str, str]]:
    """Yield location and path of each file that a job is given."""
    for location, entry in mapper.items() if mapper is not None else ():
        kind = str(entry.type)
        is_made = "Create" in kind or str(entry.resolved).startswith("_:")
        if kind.endswith(("File", "Directory")) and not is_made:
            yield location, entry.resolved
