"""What is recorded of a job of a run: its entry, its logs, its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import Entry, OutputVariant
from cwl_memo.core.recorded_output import PlainOutput, read_output
from cwl_memo.core.run import REFUSED, JobRecord, RunRecord
from cwl_memo.errors import FormatError, NotKeptError, StoreDamagedError
from cwl_memo.store.catalogue import Catalogue
from cwl_memo.store.lay_out import LaidOut, materialise_tree, read_workspace
from cwl_memo.store.protocol import Store

__all__ = [
    "LOGS",
    "Log",
    "entry_of_job",
    "materialise_outputs",
    "outputs_of_job",
    "read_log",
    "read_run_record",
]

LOGS: Final = ("stdout", "stderr")


def read_run_record(store: Catalogue, run: str) -> RunRecord:
    """Return what became of each job of a run.

    :param run: the whole id, as :meth:`~cwl_memo.store.protocol.Store.runs` gives it.
    :raises NotKeptError: if no run has that id.
    :raises StoreDamagedError: if the record does not have the form of one.
    """
    lines = store.read_run(run)
    if not lines:
        raise NotKeptError(f"no run {run} is recorded")
    try:
        record = RunRecord.from_lines(lines)
        valid = record.run == run and all(_is_sound(job) for job in record.jobs)
    except (TypeError, ValueError, AttributeError):
        valid = False
    if not valid:
        raise StoreDamagedError(f"the record of run {run} is damaged")
    return record


def _is_sound(job: JobRecord) -> bool:
    """Tell whether the fields of a job, read from a file, are of the types they should be."""
    texts = (
        job.name, job.tool, job.result, job.lookup, job.key, job.cause, job.detail, job.nearest,
        job.not_recorded, job.origin_run, job.origin_job, job.started, job.section,
    )  # fmt: skip
    numbers = (job.seconds, job.size)
    return all(isinstance(text, str) for text in (*texts, *job.differs)) and all(
        isinstance(number, (int, float)) for number in numbers
    )


def entry_of_job(store: Store, job: JobRecord) -> Entry:
    """Return the entry that holds what a job gave: its own, or the one that it was reused from.

    :raises NotKeptError: if the job was not recorded, or its entry is gone.
    """
    if job.not_recorded or not job.key:
        raise NotKeptError(f"it was not recorded: {job.not_recorded or job.cause}")
    try:
        entry = store.get_entry(ReuseKey(job.key))
    except FormatError as error:
        raise StoreDamagedError(f"the record of the job is damaged: {error}") from error
    if entry is not None:
        return entry
    if job.result == REFUSED:
        raise NotKeptError(f"it was not recorded: {job.cause}")
    raise NotKeptError("its entry is no longer in the store")


# logs


@dataclass(frozen=True)
class Log:
    """What a job wrote to one of its standard streams.

    :param stream: ``stdout`` or ``stderr``.
    :param name: the file of the workspace that the tool redirects it to; empty for none.
    :param digest: of the bytes.
    :param data: the bytes.
    """

    stream: str
    name: str
    digest: Digest
    data: bytes


def read_log(store: Catalogue, entry: Entry, stream: str) -> Log | None:
    """Return what the job of an entry wrote to a stream; None where nothing was recorded.

    :param stream: ``stdout`` or ``stderr``.
    :raises NotKeptError: if it is no longer kept.
    :raises StoreDamagedError: if it cannot be read.
    """
    name = entry.stdout_name if stream == "stdout" else entry.stderr_name
    digest = entry.stdout if stream == "stdout" else entry.stderr
    if digest is None and name:
        # What the tool redirects is a file of the workspace.
        node = read_workspace(store, entry).find(name)
        digest = None if node is None else node.digest
    if digest is None:
        return None
    sizes = {blob.digest: blob.size for blob in entry.blobs}
    if store.is_evicted(entry.key) or not store.check_blob(digest, sizes.get(digest, -1)):
        raise NotKeptError(f"its {stream} is no longer kept")
    return Log(stream, name, digest, store.read_blob(digest))


# outputs


def outputs_of_job(entry: Entry, job: JobRecord) -> PlainOutput:
    """Return the output object of a job, and the files that it names.

    :raises StoreDamagedError: if it is malformed.
    """
    try:
        return read_output(_variant(entry, job).output, entry.fingerprint)
    except (FormatError, RecursionError) as error:
        raise StoreDamagedError(f"its outputs: {error}") from error


def _variant(entry: Entry, job: JobRecord) -> OutputVariant:
    """Return what the outputs section of the job collected; the latest for an old record."""
    found = [variant for variant in entry.variants if str(variant.section) == job.section]
    if not entry.variants:
        raise NotKeptError("its outputs are no longer in the store")
    return found[0] if found else entry.variants[-1]


def materialise_outputs(
    store: Store, entry: Entry, job: JobRecord, directory: Path
) -> tuple[JSON, LaidOut]:
    """Make the files of a job's output object appear in a new or empty directory.

    :returns: the output object, as cwltool prints it, and what was put there. A File that is
        an input of the job, and whose bytes the store does not have, has no location.
    :raises UsageError: if the directory is neither new nor empty.
    :raises StoreError: as :func:`~cwl_memo.store.lay_out.materialise_workspace` does.
    """
    output = outputs_of_job(entry, job)
    if store.is_evicted(entry.key):
        raise NotKeptError("its files were evicted from the store")
    place = directory.absolute()
    laid_out = materialise_tree(store, output.tree, place)
    return _located(output.value, place, frozenset(laid_out.lost_inputs)), laid_out


def _located(value: Any, place: Path, lost: frozenset[str]) -> JSON:
    if isinstance(value, list):
        return [_located(item, place, lost) for item in value]
    if not isinstance(value, Mapping):
        return value
    fields = {name: _located(item, place, lost) for name, item in value.items()}
    if value.get("class") not in ("File", "Directory") or "path" not in value:
        return fields
    path = fields.pop("path")
    if path in lost:
        return fields
    full = str(place / path)
    return {"location": f"file://{quote(full)}", "path": full, **fields}
