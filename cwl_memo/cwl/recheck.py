"""Recheck: the job of a hit, executed again, and its outputs held against the recorded ones.

The entry is only read. Where the outputs are the same, or could not be compared, the run goes
on with those that were recorded; where they differ, with those that were just made, and the
entry is set aside.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cwl_memo.core.canonical import JSON
from cwl_memo.core.comparison import Difference, FileSide, Mismatch, compare_outputs
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.outcome import Reason
from cwl_memo.core.printable import printable
from cwl_memo.core.run import DIFFERS, EXECUTED, FAILED_AGAIN, NOT_COMPARED, SAME
from cwl_memo.core.variation import AT_MOST, first_difference, known_variation
from cwl_memo.cwl.checksums import Checksums
from cwl_memo.cwl.door import JobBase, RuntimeContext
from cwl_memo.cwl.files import UnkeyableError
from cwl_memo.cwl.output import record_output
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.hashing import hash_file

if TYPE_CHECKING:
    from cwl_memo.cwl.attempt import Attempt
    from cwl_memo.cwl.session import Session

__all__ = ["Recheck", "is_success"]

_log = logging.getLogger("cwltool")

Callback = Callable[[Any, str], None]

_TOLD: Final = 20
"""How many differences of one job are told one by one."""

_HINT: Final = """\
    hints:
      WorkReuse: {enableReuse: false}"""
_HINT_OF_V1_0: Final = """\
    $namespaces: {cwltool: "http://commonwl.org/cwltool#"}
    hints:
      cwltool:WorkReuse: {enableReuse: false}"""


@dataclass(frozen=True)
class _Verdict:
    """What came of it.

    :param kind: ``same``, ``differs``, ``failed`` or ``not-compared``.
    :param detail: why it failed, or was not compared.
    """

    kind: str
    detail: str = ""
    differences: tuple[Difference, ...] = ()
    size: int = 0


class Restored(NamedTuple):
    """The outputs of a hit.

    :param variant: as recorded.
    :param outputs: as cwltool is given them.
    :param view: the directory in which their files are to stand.
    """

    variant: OutputVariant
    outputs: Any
    view: str


class Recheck:
    """One hit whose job is executed again.

    :param attempt: the job, keyed.
    :param entry: what was found.
    :param restored: its outputs.
    :param callbacks: to be told the outputs that the run goes on with.
    """

    def __init__(
        self,
        session: Session,
        attempt: Attempt,
        entry: Entry,
        restored: Restored,
        callbacks: Callback,
    ) -> None:
        self._session = session
        self._attempt = attempt
        self._entry = entry
        self._restored = restored
        self._callbacks = callbacks
        self._verdict = _Verdict(FAILED_AGAIN, "it ended without outputs")
        self._told = False
        self._begun = time.time()
        self.tool = ""
        self.cwl_version = ""

    def drop(self) -> None:
        """Take the restored outputs back."""
        self._session.views.drop(self._restored.view)

    # execution

    def attach(
        self,
        job: JobBase,
        context: RuntimeContext,
        image_that_ran: Callable[[RuntimeContext], JSON],
        *,
        checksums_can_wait: bool,
    ) -> None:
        """Have the outputs compared as soon as they are collected, while their files stand."""
        session = self._session
        session.await_end(self._attempt.name, self._give_up)
        wait = session.views.lazy and checksums_can_wait
        wait = wait and context.compute_checksum is not False
        checksums = Checksums(job.collect_outputs, wait=wait)

        def collect_and_compare(outdir: str, rcode: int) -> Any:
            session.memo.shield(session.logs.end, (None, None))
            session.programs.forget()  # it may have changed one
            outputs = checksums.collect(outdir, rcode)
            if is_success(job, rcode):
                self._verdict = session.memo.shield(
                    lambda: self._compare(
                        job, outdir, rcode, outputs, checksums, image_that_ran(context)
                    ),
                    _Verdict(NOT_COMPARED, "unexpected error"),
                )
            else:
                self._verdict = _Verdict(FAILED_AGAIN, f"exit code {rcode}")
            checksums.complete(outputs)
            return outputs

        job.collect_outputs = collect_and_compare
        self._shield(job)

    def _shield(self, job: JobBase) -> None:
        """See that what keeps the job from being executed does not end the run."""
        run = job.run

        def run_or_fail(context: RuntimeContext, *more: Any) -> None:
            try:
                run(context, *more)
            except Exception as error:  # noqa: BLE001  (the run has the recorded outputs)
                with context.workflow_eval_lock or contextlib.nullcontext():
                    self.fail(error)

        # Compiled, cwltool does not let itself be told; the run then ends as that of a miss.
        with contextlib.suppress(AttributeError, TypeError):
            job.run = run_or_fail  # type: ignore[assignment,method-assign]

    def _compare(
        self,
        job: JobBase,
        outdir: str,
        rcode: int,
        outputs: Any,
        checksums: Checksums,
        image: JSON,
    ) -> _Verdict:
        memo, gathered = self._session.memo, self._attempt.gathered
        if gathered.container and image != gathered.facts.image:
            return _Verdict(NOT_COMPARED, "it was executed in another image")
        workspace = memo.measure(Path(outdir), gathered.sources.digests())
        checksums.take(outputs, outdir, workspace)
        try:
            again = record_output(
                outputs,
                outdir,
                workspace,
                gathered.sources,
                lambda path: hash_file(Path(path)),
                [os.path.realpath(job.stagedir)] if job.stagedir else [],
                inputs=gathered.inputs,
            ).output
        except UnkeyableError as error:
            what = f"{error.refusal.reason.code} {error.refusal.detail}".strip()
            return _Verdict(DIFFERS, "", (Difference("outputs", f"cannot be recorded: {what}"),))
        changed = gathered.sources.changed(self._session.views.made)
        if changed:
            return _Verdict(NOT_COMPARED, f"{Reason.INPUT_CHANGED_DURING_RUN.code}: {changed[0]}")
        mismatches = compare_outputs(self._restored.variant.output, again)
        found = [self._told_in_words(m, outdir) for m in mismatches[:_TOLD]]
        if len(mismatches) > _TOLD:
            found.append(Difference("outputs", f"{len(mismatches) - _TOLD} more differences"))
        if rcode != self._entry.exit_code:
            found.append(Difference("exit code", f"{self._entry.exit_code}, now {rcode}"))
        return _Verdict(DIFFERS if found else SAME, "", tuple(found), workspace.size)

    # words

    def _told_in_words(self, mismatch: Mismatch, outdir: str) -> Difference:
        recorded, again = mismatch.recorded, mismatch.again
        if recorded is None or again is None:
            # What the tool gave this time may be a secret, which was never recorded.
            what = "another value" if self._session.has_secrets else mismatch.what
            return Difference(mismatch.output, what)
        what = f"{recorded.size} bytes"
        if recorded.size != again.size:
            what += f", now {again.size}"
        with contextlib.suppress(StoreError, FormatError, OSError):
            place, varies = self._look(recorded, os.path.join(outdir, again.path))
            if place is not None:
                what += f", the first that differs at offset {place}"
            return Difference(mismatch.output, what, varies)
        return Difference(mismatch.output, f"{what}, others than before")

    def _look(self, recorded: FileSide, path: str) -> tuple[int | None, str]:
        """Return where two files begin to differ, and what in them is known to vary."""
        if max(recorded.size, os.stat(path).st_size) > AT_MOST:
            return None, ""
        with tempfile.TemporaryDirectory(prefix="cwl-memo-recheck-") as directory:
            before = Path(directory, "recorded")
            self._session.memo.materialise(Digest.parse(recorded.digest, "digest"), before)
            with before.open("rb") as old, open(path, "rb") as new:
                place = first_difference(old, new)
                old.seek(0)
                new.seek(0)
                return place, known_variation(old, new)

    # ends

    def finished(self, outputs: Any, status: str) -> None:
        """Hand over the outputs that the run goes on with; cwltool calls this."""
        if self._told:
            return
        self._told = True
        verdict = self._verdict
        if status != "success" and verdict.kind != FAILED_AGAIN:
            verdict = _Verdict(FAILED_AGAIN, status)
        self._say(verdict)
        record = replace(
            self._attempt.hit_record(self._entry),
            recheck=verdict.kind,
            detail=verdict.detail,
            differences=verdict.differences,
        )
        if verdict.kind != DIFFERS:
            self._session.finish(record, self._attempt.gathered.sources)
            self._callbacks(self._restored.outputs, "success")
            return
        self._session.varying.add(self._attempt.traits.label)
        begun = self._session.begun(self._attempt.name, self._begun)
        record = replace(
            record,
            result=EXECUTED,
            not_recorded=Reason.NOT_DETERMINISTIC.code,
            seconds=round(time.time() - begun, 3),
            size=verdict.size,
        )
        self.drop()
        self._session.finish(record, self._attempt.gathered.sources)
        self._callbacks(outputs, "success")

    def fail(self, error: Exception) -> None:
        """Say that the job could not even be executed.

        :raises Exception: the same, if it had been: it is not the job's own.
        """
        if self._told:
            raise error
        self._verdict = _Verdict(FAILED_AGAIN, " ".join(str(error).split())[:200])
        self.finished(None, "permanentFail")

    def _give_up(self) -> None:
        """Say that the run ended before it was known what comes of it."""
        if not self._told:
            self._told = True
            record = self._attempt.hit_record(self._entry)
            detail = "the run ended before"
            self._session.finish(replace(record, recheck=NOT_COMPARED, detail=detail))

    def _say(self, verdict: _Verdict) -> None:
        attempt, entry = self._attempt, self._entry
        if verdict.kind == FAILED_AGAIN:
            _log.warning(
                "[job %s] failed when executed again (%s); run %s executed it with success. "
                "Its recorded outputs are used, and its entry stays",
                attempt.name,
                printable(verdict.detail),
                printable(entry.origin.run),
            )
        elif verdict.kind == NOT_COMPARED:
            why = printable(verdict.detail)
            _log.warning("[job %s] executed again, not compared: %s", attempt.name, why)
        elif verdict.kind == DIFFERS:
            for line in self._quarantine(verdict):
                _log.warning("%s", line)

    def _quarantine(self, verdict: _Verdict) -> Iterator[str]:
        """Set the entry aside; yield what the user is to know of it."""
        name, origin = self._attempt.name, self._entry.origin
        lines = [printable(str(difference)) for difference in verdict.differences]
        run = printable(origin.run)
        reason = f"executed again in run {self._session.run}, job {name}: " + "; ".join(lines)
        is_aside = self._session.memo.set_aside(self._entry, reason)
        yield f"[job {name}] executed again, its outputs differ from those of run {run}:"
        yield from (f"[job {name}]     {line}" for line in lines)
        what = "is set aside" if is_aside else "could not be set aside, and is not used in this run"
        yield f"[job {name}] entry {self._entry.key.hex[:12]} {what}"
        if self._attempt.traits.label not in self._session.varying:
            hint = _HINT_OF_V1_0 if self.cwl_version == "v1.0" else _HINT
            yield (
                f"cwl-memo: {self.tool} does not give the same outputs each time. Unless it can be "
                f"made to, add this to it; its jobs are then executed each time:\n{hint}"
            )


def is_success(job: JobBase, rcode: int) -> bool:
    """Tell what cwltool will make of an exit code (CWL v1.2, section 5.7)."""
    if rcode in job.successCodes:
        return True
    failures = (*job.temporaryFailCodes, *job.permanentFailCodes)
    return rcode == 0 and rcode not in failures
