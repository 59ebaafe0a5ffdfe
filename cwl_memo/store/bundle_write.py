"""Writing a bundle: what one run used, with the same bytes each time."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from blake3 import blake3

from cwl_memo.core.bundle import (
    INVENTORY,
    RECORD,
    CarriedEntry,
    Inventory,
    LeftOut,
    check_carried,
    has_secrets,
    portable_record,
    without_workspace,
)
from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import ReuseKey, digest_of_bytes
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.outcome import Reason
from cwl_memo.core.run import EXECUTED, REUSED, JobRecord, RunRecord
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError, UsageError
from cwl_memo.store.compressed import Writer, compressing, suffix_of
from cwl_memo.store.entry_file import seal_entry
from cwl_memo.store.protocol import Progress, Store

__all__ = ["Contents", "choose_contents", "export_run", "write_bundle"]

_PART: Final = 1 << 20
"""Bytes of a blob that are held in memory at once."""

_DAMAGED: Final = "its files are damaged; 'cwl-memo verify' sets them aside"


@dataclass(frozen=True)
class Contents:
    """What a bundle is made of.

    :param inventory: its first member.
    :param files: the members that are no blobs, by name.
    """

    inventory: Inventory
    files: dict[str, bytes]


def export_run(
    store: Store,
    run: str,
    path: str | os.PathLike[str],
    *,
    workspaces: bool = True,
    force: bool = False,
    progress: Progress | None = None,
) -> Inventory:
    """Write the entries and blobs that a run used, and its record, to a bundle.

    :param run: id of the run.
    :param path: a file whose name ends in ``.tar.zst``, ``.tar.gz`` or ``.tar``.
    :param workspaces: whether working directories and logs are to be in it; without them
        it has what a hit needs.
    :param force: whether a file of that name may be replaced.
    :param progress: told how many bytes of how many are written.
    :raises UsageError: if the name, or that there is such a file, is against it.
    :raises StoreError: if the store fails, has no sound record of the run, or no entry of it.
    :raises OSError: if the bundle cannot be written; there is none then.
    """
    try:
        record = RunRecord.from_lines(store.read_run(run))
    except (TypeError, ValueError, AttributeError):
        record = RunRecord("")
    if record.run != run:
        raise StoreError(f"run {run} has no record, or a damaged one")
    contents = choose_contents(store, record, workspaces=workspaces)
    write_bundle(store, contents, Path(path), force=force, progress=progress)
    return contents.inventory


# what


def choose_contents(store: Store, record: RunRecord, *, workspaces: bool) -> Contents:
    """Return what a bundle of a run holds; whatever cannot be in it is named.

    :raises StoreError: if none of the run's entries can be in it.
    """
    entries: dict[ReuseKey, CarriedEntry] = {}
    files: dict[str, bytes] = {}
    left_out = []
    for job in record.jobs:
        entry = _entry_of(store, job)
        if isinstance(entry, Entry):
            if entry.key in entries:
                continue
            entry = _carried_entry(store, entry, workspaces=workspaces)
        if isinstance(entry, str):
            left_out.append(LeftOut(job.name, entry))
            continue
        data = seal_entry(entry)
        file = BlobRef(digest_of_bytes(data), len(data))
        origin = entry.origin
        carried = CarriedEntry(entry.key, origin.tool, origin.job, file, entry.blobs)
        try:
            check_carried(entry, carried)
        except FormatError as error:
            # No import would take it.
            left_out.append(LeftOut(job.name, str(error)))
            continue
        entries[entry.key] = carried
        files[f"entries/{entry.key.hex}.json"] = data
    if not entries:
        some = f"; job {left_out[0].job}: {left_out[0].why}" if left_out else ""
        raise StoreError(f"no entry of run {record.run} can be exported{some}")
    data = canonical_bytes(portable_record(record).to_json())
    files[RECORD] = data
    inventory = Inventory(
        run=record.run,
        workspaces=workspaces,
        entries=tuple(entries[key] for key in sorted(entries)),
        left_out=tuple(left_out),
        record=BlobRef(digest_of_bytes(data), len(data)),
    )
    return Contents(inventory, files)


def _entry_of(store: Store, job: JobRecord) -> Entry | str:
    """Return the entry that a job used or made, or why there is none."""
    if job.not_recorded or job.result not in (REUSED, EXECUTED):
        code = job.not_recorded or job.cause
        reason = next((reason for reason in Reason if reason.code == code), None)
        return f"not recorded ({code})" if reason else f"not recorded ({job.result})"
    entry = store.get_entry(ReuseKey(job.key)) if job.key else None
    return entry or "its entry is gone, or was damaged"


def _carried_entry(store: Store, entry: Entry, *, workspaces: bool) -> Entry | str:
    """Return the entry as a bundle has it, or why none may."""
    if has_secrets(entry):
        return "it was given a secret, which only this store's own key stands for"
    if not workspaces:
        entry = without_workspace(entry)
    if store.is_evicted(entry.key):
        return "its files were evicted"
    if not all(store.check_blob(blob.digest, blob.size) for blob in entry.blobs):
        return _DAMAGED
    return entry


# how


def write_bundle(
    store: Store,
    contents: Contents,
    path: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write a bundle, whole or not at all; parameters and errors as of :func:`export_run`."""
    suffix = suffix_of(path.name)
    with (
        _replacing(path, force=force) as file,
        compressing(file, suffix) as writer,
        tempfile.TemporaryDirectory(prefix=".bundle-", dir=path.parent) as scratch,
    ):
        inventory = contents.inventory
        total = inventory.size
        data = canonical_bytes(inventory.to_json())
        _write_bytes(writer, INVENTORY, data)
        done = 0
        for name, member, _ in inventory.members():
            if name in contents.files:
                _write_bytes(writer, name, contents.files[name])
            else:
                _write_blob(writer, name, store, member, Path(scratch))
            done += member.size
            if progress is not None:
                progress(done, total)
        writer.write(bytes(2 * tarfile.BLOCKSIZE))


@contextmanager
def _replacing(path: Path, *, force: bool) -> Iterator[io.BufferedWriter]:
    """Yield a new file that gets its name when the body has ended well."""
    if not force:
        _must_be_new(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # One that a killed process of the same id left behind.
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if not force:
            _must_be_new(path)
        temporary.replace(path)
    except OSError as error:
        # The name of a temporary file says little to the user.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _must_be_new(path: Path) -> None:
    if os.path.lexists(path):
        raise UsageError(f"{path} exists; choose another name, or replace it with --force")


def _write_bytes(writer: Writer, name: str, data: bytes) -> None:
    writer.write(_header(name, len(data)))
    writer.write(data)
    writer.write(_padding(len(data)))


def _write_blob(writer: Writer, name: str, store: Store, blob: BlobRef, scratch: Path) -> None:
    if blob.size <= _PART:
        # Read with its digest checked.
        _write_bytes(writer, name, store.read_blob(blob.digest))
        return
    copy = scratch / "blob"
    store.materialise(blob.digest, copy)
    writer.write(_header(name, blob.size))
    content, size = blake3(), 0
    with copy.open("rb") as file:
        while data := file.read(_PART):
            content.update(data)
            size += len(data)
            writer.write(data)
    copy.unlink()
    if (content.hexdigest(), size) != (blob.digest.hex, blob.size):
        raise StoreDamagedError(f"blob {blob.digest}: {_DAMAGED}")
    writer.write(_padding(size))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    member.mode = 0o644
    # GNU's way to write a size of more than 8 GiB; no name here is too long for any way.
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
