"""The tool that looks its jobs up before it executes them.

:class:`MemoMixin` goes over cwltool's CommandLineTool, or an engine's subclass of it.
It overrides ``job()``, whose signature has stood since 2018, and touches nothing else.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from cwl_memo.core import policy
from cwl_memo.core.entry import Entry, OutputVariant, check_workspace_path
from cwl_memo.core.event import Event
from cwl_memo.core.facts import JobTraits
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.mode import Mode
from cwl_memo.core.outcome import Hit, Miss, MissCause, Reason, Refusal
from cwl_memo.core.printable import printable
from cwl_memo.cwl.again import Again
from cwl_memo.cwl.attempt import Attempt
from cwl_memo.cwl.checksums import can_wait
from cwl_memo.cwl.declared import check_declared
from cwl_memo.cwl.door import (
    ORIGINAL_CWLVERSION,
    CommandLineTool,
    JobBase,
    RuntimeContext,
    ValidationException,
    WorkflowException,
    check_adjust,
    shortname,
    visit_class,
)
from cwl_memo.cwl.facts import Gathered, ToolFacts
from cwl_memo.cwl.files import UnkeyableError
from cwl_memo.cwl.output import record_output, restore_output
from cwl_memo.cwl.provenance import Listings, profile_of, tell_reuse, unmarked, with_marks
from cwl_memo.cwl.recheck import Recheck, Restored
from cwl_memo.cwl.session import Session
from cwl_memo.cwl.surroundings import without_directories
from cwl_memo.cwl.view import ViewFile
from cwl_memo.cwl.wait import WaitJob
from cwl_memo.errors import FormatError, NotGivenError, StoreDamagedError, StoreError
from cwl_memo.memo import Unclaimed
from cwl_memo.store.clock import now
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.protocol import Claim, FileDigest

__all__ = ["Callback", "MemoCommandLineTool", "MemoMixin"]

_log = logging.getLogger("cwltool")

Callback = Callable[[Any, str], None]


class MemoMixin:
    """``job()`` with a lookup before and a record after the execution."""

    memo_session: Session
    _memo_facts: ToolFacts | None = None

    @property
    def memo_facts(self) -> ToolFacts:
        """What gathers the facts of this tool's jobs."""
        if self._memo_facts is None:
            session = self.memo_session
            self._memo_facts = ToolFacts(
                self,  # type: ignore[arg-type]
                session.memo,
                session.known,
                session.images,
                session.programs,
                session.locate,
                session.engine_variables,
            )
        return self._memo_facts

    def job(
        self,
        job_order: Any,
        output_callbacks: Callback,
        runtimeContext: RuntimeContext,  # noqa: N803
    ) -> Generator[Any, None, None]:
        """Yield the jobs that have to be executed: none for a hit."""
        session = self.memo_session
        context = runtimeContext.copy()
        identifier = str(self.tool.get("id", "job"))  # type: ignore[attr-defined]
        context.name = session.name_job(context.name or shortname(identifier))
        session.adopt(runtimeContext)
        if context.validate_only:
            yield from super().job(job_order, output_callbacks, runtimeContext)  # type: ignore[misc]
            return
        marked = job_order
        if context.research_obj is not None:
            job_order = unmarked(job_order)
        attempt = self._attempt(job_order, context)
        attempt.marked = marked
        if not attempt.is_keyed:
            yield from self._execute(attempt, job_order, output_callbacks, context)
            return
        attempt.claim = yield from self._hit_or_claim(attempt, output_callbacks, context)
        if attempt.claim is None and attempt.recheck is None:
            return
        try:
            session.views.ensure_in(job_order)
        except Exception:
            attempt.release()
            raise
        if attempt.recheck is not None:
            yield from self._execute_again(attempt.recheck, job_order, context)
        else:
            yield from self._execute(attempt, job_order, output_callbacks, context)

    # deciding

    def _attempt(self, job_order: Any, context: RuntimeContext) -> Attempt:
        """Return what is to be tried for a job: a lookup, or an execution and why."""
        memo = self.memo_session.memo
        unknown = Attempt(
            self.memo_session, context.name, JobTraits(self.memo_facts.label), job_order
        )
        unknown.refused = Refusal(Reason.STORE_FAILED, "unexpected error")
        return memo.shield(
            lambda: self._judge(job_order, context),
            unknown,
            # What cwltool says of a document or an input object is for the user to hear.
            passing=(WorkflowException, ValidationException),
        )

    def _judge(self, job_order: Any, context: RuntimeContext) -> Attempt:
        session, facts = self.memo_session, self.memo_facts
        traits = facts.traits(job_order, context, session.work_reuse)
        attempt = Attempt(session, context.name, traits, job_order)
        refused = policy.refusal(traits, session.memo.settings)
        if context.research_obj is not None and profile_of(self) is None:  # type: ignore[arg-type]
            # cwltool has nowhere to write it: with --parallel, of a tool that is run by itself.
            refused = refused or Refusal(Reason.PROVENANCE_UNSUPPORTED)
        if refused is None:
            gathered = facts.gather(traits, job_order, context)
            if isinstance(gathered, Gathered):
                attempt.key_with(gathered, session.memo.fingerprint(gathered.facts))
                return attempt
            refused = gathered
        attempt.refused = refused
        return attempt

    def _hit_or_claim(
        self, attempt: Attempt, callbacks: Callback, context: RuntimeContext
    ) -> Generator[Any, None, Claim | None]:
        """Answer the job from the store, or return the right to execute it.

        None where it is answered, or is to be executed again to see whether it varies.
        """
        memo = self.memo_session.memo
        key = attempt.wanted.key
        if attempt.refused is not None:
            return Unclaimed()  # its image will be known once it has run
        if memo.is_far:
            yield from self._look_ahead(attempt)
        deadline = time.monotonic() + self.memo_session.wait_at_most
        claim: Claim | None = None
        waited = False
        while not self._is_answered(attempt, callbacks, context):
            if claim is not None or attempt.recaches:
                if claim is not None and waited and not self.memo_session.waits_in_line:
                    claim.release()
                    return Unclaimed()
                return claim or memo.claim(key) or Unclaimed()
            claim = memo.claim(key)
            if claim is None:
                if time.monotonic() > deadline:
                    return Unclaimed()
                waited = True
                attempt.say_waiting()
                yield from self._wait(attempt.wanted, context)
            # Looked up once more: another may have published before the claim was free.
        if claim is not None:
            claim.release()
        return None

    def _look_ahead(self, attempt: Attempt) -> Iterator[Any]:
        """Have other jobs looked up while this one is, in a store that is far away."""
        lookahead = self.memo_session.lookahead
        if lookahead.is_on:
            memo = self.memo_session.memo
            yield from lookahead.wait_for(memo.look_ahead(attempt.wanted, claim=lookahead.claims))

    def _is_answered(self, attempt: Attempt, callbacks: Callback, context: RuntimeContext) -> bool:
        """Look a job up and hand its outputs over, if they are there."""
        memo = self.memo_session.memo
        if attempt.refused is not None:
            return False
        kept = self.memo_session.beginnings.take(attempt.wanted.key)
        if kept is not None:
            attempt.take_kept(kept)
            callbacks(kept.outputs, "success")
            return True
        found = memo.lookup(attempt.wanted, attempt.traits.label)
        if isinstance(found, Miss):
            # The first look tells why; by the second, what was damaged is already gone.
            attempt.missed = attempt.missed or found
            attempt.after = found.after
            return False
        hit = found
        if hit.entry == attempt.unusable:
            return False  # by the second look, too
        attempt.is_shared = hit.is_shared
        restored = memo.shield(lambda: self._restore(attempt, hit, context), None)
        if restored is None:
            edited = found.variant is None
            cause = MissCause.OUTPUTS_CHANGED if edited else MissCause.DAMAGED
            attempt.missed = Miss(attempt.wanted.key, cause)
            attempt.after = found.entry.after
            return False
        if context.research_obj is not None and not memo.shield(
            lambda: self._tell_reuse(attempt, hit, restored.outputs, context), otherwise=False
        ):
            attempt.refused = Refusal(Reason.PROVENANCE_UNSUPPORTED)
            return False
        session, rate = self.memo_session, memo.settings.recheck
        # A research object would tell of an execution whose outputs nobody goes on with.
        rate = rate if context.research_obj is None else 0.0
        if rate and policy.is_rechecked(rate, session.run, attempt.name, hit.entry.key.hex):
            attempt.recheck = Recheck(session, attempt, hit.entry, restored, callbacks)
            return True
        attempt.finish_hit(found.entry)
        callbacks(restored.outputs, "success")
        return True

    def _tell_reuse(
        self, attempt: Attempt, hit: Hit, outputs: Any, context: RuntimeContext
    ) -> bool:
        """Write into the research object that the job is reused; tell whether that worked."""
        try:
            inputs = with_marks(attempt.inputs, attempt.marked)
            tell_reuse(self, context, inputs, outputs, hit.entry)  # type: ignore[arg-type]
        except (ValueError, OSError) as error:
            _log.warning("[job %s] provenance not written: %s", context.name, error)
            return False
        return True

    def _wait(self, wanted: Fingerprint, context: RuntimeContext) -> Iterator[Any]:
        """Let other jobs go on while another run, or another thread, executes this one."""
        memo = self.memo_session.memo
        if context.select_resources is None:
            time.sleep(WaitJob.SLICE)  # serial: there is nothing else to go on with
        elif memo.is_claimed_here(wanted.key):
            yield None
        else:
            waiting = WaitJob()
            yield waiting.job
            while not waiting.done:
                yield None

    # a hit

    def _restore(self, attempt: Attempt, hit: Hit, context: RuntimeContext) -> Restored | None:
        """Return the output object of a hit, its files in a view; None if that failed."""
        session = self.memo_session
        view = session.views.new_directory()
        try:
            variant = hit.variant or self._collect_anew(attempt, hit.entry, context)
            if variant is None:
                return None

            again = Again(session, attempt, hit.entry, context, self._execute_lost)
            # All that a research object tells of is read at once.
            at_once = context.research_obj is not None or not session.views.lazy
            wanted: list[str] = []

            def add(path: str, digest: FileDigest, mode: Mode, /, *, now: bool) -> None:
                session.views.add(path, ViewFile(digest, mode, partial(again.place_of, path)))
                if now or at_once:
                    wanted.append(path)

            outputs = restore_output(
                variant.output,
                view,
                attempt.inputs,
                add,
                checksums=context.compute_checksum is not False,
                sha1_of=self._sha1_of,
                make=lambda: session.views.make(wanted),
            )
            check_declared(self.names, outputs)  # type: ignore[attr-defined]
            ports = [shortname(port["id"]) for port in self.tool["outputs"]]  # type: ignore[attr-defined]
            ordered = {**{name: outputs[name] for name in ports if name in outputs}, **outputs}
            session.hand_over(ordered, session.views.digest_of)
            self._deliver_logs(hit.entry, context)
            if hit.entry.origin.run == session.run:
                session.note_recorded(view, hit.entry.key)
        except (FormatError, StoreError, OSError) as error:
            attempt.unusable = hit.entry
            # A store that others share has said by itself, and once in a run, that it fails.
            is_told = hit.is_shared and isinstance(error, StoreDamagedError)
            is_quiet = is_told or isinstance(error, NotGivenError)
            level = logging.INFO if is_quiet else logging.WARNING
            said = printable(str(error))  # names of it are whoever's
            _log.log(level, "[job %s] entry not usable: %s", context.name, said)
            session.views.drop(view)
            if isinstance(error, FormatError):
                # Nobody executed that: no other run is to find it, nor to be told of it again.
                session.memo.withdraw(hit.entry, str(error))
            return None
        again.restored = Restored(variant, ordered, view)
        return again.restored

    def _sha1_of(self, path: str) -> str:
        known = self.memo_session.known.digest_of(path)
        return known.sha1 if known is not None and known.sha1 else hash_file(path).sha1

    def _deliver_logs(self, entry: Entry, context: RuntimeContext) -> None:
        """Put redirected streams where the user wants to find them, as an execution does."""
        session = self.memo_session
        directory = session.log_directory(context)
        if not directory:
            return
        renamed = self._renamed_streams(entry)
        streams = {entry.stdout_name: entry.stdout, entry.stderr_name: entry.stderr}
        for name, digest in streams.items():
            if not name or digest is None:
                continue
            path = os.path.normpath(renamed.get(name, name))
            target = Path(directory, check_workspace_path(path, name))
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # of a run before, which was given the same directory
            session.memo.materialise(digest, target)

    def _execute_lost(
        self, attempt: Attempt, callbacks: Callback, context: RuntimeContext
    ) -> Iterator[Any]:
        """Execute the job of a hit of which a file was lost."""
        return self._execute(attempt, attempt.job_order, callbacks, context)

    def _collect_anew(
        self, attempt: Attempt, entry: Entry, context: RuntimeContext
    ) -> OutputVariant | None:
        """Collect outputs from the recorded workspace, by cwltool's own code."""
        memo = self.memo_session.memo
        tree = memo.tree(entry)
        if tree.partial:
            return None
        outdir = os.path.realpath(context.create_outdir())
        try:
            workspace = attempt.lay_out(tree, outdir, self._renamed_streams(entry))
            outputs = self._collect(attempt, entry, outdir, context)
            if outputs is None:
                return None
            recorded = record_output(
                outputs,
                outdir,
                workspace,
                attempt.gathered.sources,
                _ingest_nothing,
                inputs=attempt.inputs,
            )
        except UnkeyableError:
            return None
        finally:
            shutil.rmtree(outdir, ignore_errors=True)
        variant = OutputVariant(
            attempt.wanted.section, recorded.output, tuple(recorded.blobs.values())
        )
        memo.publish_variant(entry, variant)
        return variant

    def _renamed_streams(self, entry: Entry) -> dict[str, str]:
        """Return what names of the recorded workspace are called in today's document."""
        today = self.memo_facts.stream_names
        recorded = {"stdout": entry.stdout_name, "stderr": entry.stderr_name}
        return {recorded[n]: today[n] for n in today if recorded[n] and recorded[n] != today[n]}

    def _collect(self, attempt: Attempt, entry: Entry, outdir: str, context: RuntimeContext) -> Any:
        tool: Any = self
        context = without_directories(context, outdir)
        self.memo_facts.forget_types()
        try:
            self.memo_session.views.ensure_in(attempt.job_order)
            builder = tool._init_job(attempt.job_order, context)  # noqa: SLF001
            builder.pathmapper = tool.make_path_mapper(
                builder.files, builder.stagedir, context, separateDirs=True
            )
            # An output may be an input, which is known by the path it would have had.
            adjust = partial(check_adjust, tool.path_check_mode.value, builder)
            visit_class([builder.files, builder.bindings], ("File", "Directory"), adjust)
            return tool.collect_output_ports(
                tool.tool["outputs"],
                builder,
                outdir,
                entry.exit_code,
                compute_checksum=context.compute_checksum is not False,
                jobname=context.name,
                readers={},
            )
        except WorkflowException as error:
            # The execution will fail in the same way, with its log.
            _log.debug("[job %s] outputs not collected anew: %s", context.name, error)
            return None

    # an execution

    def _tell_execution(self, attempt: Attempt) -> None:
        """Tell that a job is about to be executed, and why."""
        session, found = self.memo_session, attempt.refused or attempt.missed
        if found is not None:
            key = str(attempt.wanted.key) if attempt.is_keyed else ""
            label = attempt.traits.label
            session.tell(lambda: Event.begun(now(), session.run, attempt.name, label, key, found))

    def _trace(self, attempt: Attempt, callbacks: Callback) -> None:
        """Find the first cause of a miss upstream."""
        missed, session = attempt.missed, self.memo_session
        if missed is not None and missed.differs:
            attempt.upstream = session.memo.shield(
                lambda: session.lineage.first_cause(missed.differs, attempt.inputs, callbacks), None
            )

    def _execute(
        self, attempt: Attempt, job_order: Any, callbacks: Callback, context: RuntimeContext
    ) -> Iterator[Any]:
        session = self.memo_session
        self._tell_execution(attempt)
        if attempt.traits.inplace_update:
            session.beginnings.hinder(f"job {attempt.name} has changed its inputs in place")
        session.views.ensure_in(job_order, owned=attempt.traits.inplace_update)
        self.memo_facts.forget_types()

        listings = Listings()
        self._trace(attempt, callbacks)

        def finished(outputs: Any, status: str) -> None:
            attempt.finish(status)
            record = attempt.record
            if record is not None:
                lineage = session.lineage
                session.memo.shield(lambda: lineage.note(record, outputs, callbacks), None)
            listings.take_off()
            if status == "success":
                session.memo.shield(lambda: session.hand_over(outputs, attempt.digest_of), None)
            callbacks(outputs, status)

        try:
            for job in super().job(job_order, finished, context):  # type: ignore[misc]
                if isinstance(job, JobBase):
                    attempt.attach(
                        job,
                        context,
                        self.memo_facts.image_that_ran,
                        checksums_can_wait=can_wait(self.tool["outputs"]),  # type: ignore[attr-defined]
                    )
                    if context.research_obj is not None:
                        listings.watch(job)
                        # Nothing but the provenance is made of it.
                        job.joborder = with_marks(job.joborder, attempt.marked)
                yield job
        except Exception:
            # Rejected: nobody is to wait for this job.
            attempt.finish_rejected()
            raise

    def _execute_again(
        self, recheck: Recheck, job_order: Any, context: RuntimeContext
    ) -> Iterator[Any]:
        """Execute the job of a hit, as that of a miss, to compare its outputs."""
        self.memo_facts.forget_types()
        recheck.tool = str(self.tool.get("id", "")).removeprefix("file://")  # type: ignore[attr-defined]
        recheck.cwl_version = str(self.metadata.get(ORIGINAL_CWLVERSION) or "")  # type: ignore[attr-defined]
        try:
            for job in super().job(job_order, recheck.finished, context):  # type: ignore[misc]
                if isinstance(job, JobBase):
                    recheck.attach(
                        job,
                        context,
                        self.memo_facts.image_that_ran,
                        checksums_can_wait=can_wait(self.tool["outputs"]),  # type: ignore[attr-defined]
                    )
                yield job
        except Exception as error:  # noqa: BLE001  (the run has the recorded outputs)
            recheck.fail(error)


def _ingest_nothing(_path: str) -> FileDigest | None:
    return None


class MemoCommandLineTool(MemoMixin, CommandLineTool):
    """cwltool's CommandLineTool, memoized."""

    def __str__(self) -> str:
        """Return what cwltool's own says: what the document is, not which class runs it."""
        return f"CommandLineTool: {self.tool['id']}"
