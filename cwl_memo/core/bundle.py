"""Bundles: what one run used, to be carried to another store; parsed as hostile input.

A bundle is a tar file. Its first member is the inventory, which names every other member with
its size and digest, in the order in which they follow: for each entry, in the order of the
keys, its blobs that have not come yet, then the entry itself; at last the run's record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import PurePath
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import KEY_VERSION, ReuseKey, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.field import finite_float, need
from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.errors import FormatError

__all__ = [
    "BUNDLE_FORMAT",
    "INVENTORY",
    "RECORD",
    "CarriedEntry",
    "Inventory",
    "LeftOut",
    "check_carried",
    "has_secrets",
    "portable_record",
    "read_json",
    "record_from_json",
    "without_workspace",
]

BUNDLE_FORMAT: Final = 1
"""The format of a bundle; one of another format is not read."""

INVENTORY: Final = "bundle.json"
"""The name of the first member."""

RECORD: Final = "run.json"
"""The name of the last member."""

_PROGRAM: Final = "cwl-memo"
_SECRET: Final = re.compile(r"\(secret:[0-9a-f]{64}\)")
_LARGEST: Final = 1 << 62


def _number(data: Any, name: str, path: str) -> float:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > _LARGEST:
        raise FormatError("not a number, or too large", f"{path}.{name}")
    return value


def _blob(data: Any, path: str) -> BlobRef:
    blob = BlobRef.from_json(data, path)
    if blob.size > _LARGEST:
        raise FormatError("too large", f"{path}.size")
    return blob


def read_json(data: bytes, what: str) -> Any:
    """Return the value that JSON from elsewhere stands for.

    :param what: is read, for the message.
    :raises FormatError: if it is not JSON, or nested too deep.
    """
    try:
        text = data.decode("utf-8", "surrogatepass")
        return json.loads(text, parse_constant=_refuse, parse_float=finite_float)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not JSON: {error}", what) from error


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is no number of JSON")


@dataclass(frozen=True)
class CarriedEntry:
    """An entry in a bundle.

    :param key: its reuse key.
    :param tool: label of its tool.
    :param job: name of the job in the run that executed it.
    :param file: digest and size of the member that holds it.
    :param blobs: the blobs that it refers to.
    """

    key: ReuseKey
    tool: str
    job: str
    file: BlobRef
    blobs: tuple[BlobRef, ...]

    @property
    def size(self) -> int:
        """Bytes of its blobs."""
        return sum(blob.size for blob in self.blobs)

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {
            "key": self.key.hex,
            "tool": self.tool,
            "job": self.job,
            "file": self.file.to_json(),
            "blobs": [blob.to_json() for blob in self.blobs],
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> CarriedEntry:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        blobs = need(data, "blobs", list, path)
        return cls(
            ReuseKey(need(data, "key", str, path)),
            need(data, "tool", str, path),
            need(data, "job", str, path),
            _blob(data.get("file"), f"{path}.file"),
            tuple(_blob(blob, f"{path}.blobs[{i}]") for i, blob in enumerate(blobs)),
        )


@dataclass(frozen=True)
class LeftOut:
    """A job of the run of which the bundle has no entry.

    :param job: its name in the run.
    :param why: one sentence without a full stop.
    """

    job: str
    why: str

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {"job": self.job, "why": self.why}

    @classmethod
    def from_json(cls, data: Any, path: str) -> LeftOut:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        return cls(need(data, "job", str, path), need(data, "why", str, path))


@dataclass(frozen=True)
class Inventory:
    """What is in a bundle.

    :param run: id of the run.
    :param workspaces: whether working directories and logs are in it, or only outputs.
    :param entries: in the order of their keys.
    :param left_out: the jobs of the run of which there is no entry.
    :param record: digest and size of the member that holds the run's record.
    """

    run: str
    workspaces: bool
    entries: tuple[CarriedEntry, ...]
    left_out: tuple[LeftOut, ...]
    record: BlobRef

    @property
    def blobs(self) -> dict[BlobRef, None]:
        """Every blob, each once, in the order in which they follow."""
        return {
            blob: None
            for entry in self.entries
            for blob in sorted(entry.blobs, key=lambda blob: blob.digest)
        }

    @property
    def size(self) -> int:
        """Bytes of all members but the inventory."""
        files = sum(entry.file.size for entry in self.entries)
        return sum(blob.size for blob in self.blobs) + files + self.record.size

    def members(self) -> Iterator[tuple[str, BlobRef, CarriedEntry | None]]:
        """Yield name, digest and size of each member but the inventory, in their order.

        With the last member of an entry comes that entry; with any other, None.
        """
        seen: set[BlobRef] = set()
        for entry in self.entries:
            for blob in sorted({*entry.blobs} - seen, key=lambda blob: blob.digest):
                yield f"blobs/{blob.digest.hex}", blob, None
            seen.update(entry.blobs)
            yield f"entries/{entry.key.hex}.json", entry.file, entry
        yield RECORD, self.record, None

    def to_json(self) -> JSON:
        """Return the inventory as JSON."""
        return {
            "program": _PROGRAM,
            "format": BUNDLE_FORMAT,
            "key_version": KEY_VERSION,
            "run": self.run,
            "workspaces": self.workspaces,
            "entries": [entry.to_json() for entry in self.entries],
            "left_out": [job.to_json() for job in self.left_out],
            "record": self.record.to_json(),
        }

    @classmethod
    def from_json(cls, data: Any) -> Inventory:
        """Read an inventory.

        :raises FormatError: if it is malformed, of another format, or of keys that no
            lookup of this program would ask for.
        """
        if need(data, "program", str, "") != _PROGRAM:
            raise FormatError("not a bundle of cwl-memo", "program")
        for name, known in (("format", BUNDLE_FORMAT), ("key_version", KEY_VERSION)):
            found = need(data, name, int, "")
            if found != known:
                raise FormatError(f"{found}, and this program reads {known} only", name)
        entries = tuple(
            CarriedEntry.from_json(entry, f"entries[{i}]")
            for i, entry in enumerate(need(data, "entries", list, ""))
        )
        _check_order(entries)
        return cls(
            run=need(data, "run", str, ""),
            workspaces=need(data, "workspaces", bool, ""),
            entries=entries,
            left_out=tuple(
                LeftOut.from_json(job, f"left_out[{i}]")
                for i, job in enumerate(need(data, "left_out", list, ""))
            ),
            record=_blob(data.get("record"), "record"),
        )


def _check_order(entries: tuple[CarriedEntry, ...]) -> None:
    sizes: dict[str, int] = {}
    last = ""
    for i, entry in enumerate(entries):
        if entry.key.hex <= last:
            raise FormatError("stands twice, or out of order", f"entries[{i}].key")
        last = entry.key.hex
        for blob in entry.blobs:
            if sizes.setdefault(blob.digest.hex, blob.size) != blob.size:
                raise FormatError("a blob has two sizes", f"entries[{i}].blobs")


# entries


def has_secrets(entry: Entry) -> bool:
    """Tell whether the key of an entry has a secret in it, hashed with its store's own key."""
    return _SECRET.search(json.dumps(entry.fingerprint)) is not None


def without_workspace(entry: Entry) -> Entry:
    """Return the entry with no more than a hit on one of its outputs sections needs."""
    blobs = dict.fromkeys(blob for variant in entry.variants for blob in variant.blobs)
    return replace(entry, tree=None, stdout=None, stderr=None, blobs=tuple(blobs))


def check_carried(entry: Entry, carried: CarriedEntry) -> None:
    """Hold an entry of a bundle against its fingerprint and against the inventory.

    :raises FormatError: if its key is not that of its fingerprint, it needs a blob that it
        does not list, or the inventory says something else.
    """
    where = f"entry {carried.key.hex}"
    try:
        key = ReuseKey(digest_of_value("reuse-key", entry.fingerprint).hex)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no fingerprint: {error}", where) from error
    if not key == entry.key == carried.key:
        raise FormatError("its key is not that of its fingerprint", where)
    if (entry.blobs, entry.origin.tool, entry.origin.job) != (
        carried.blobs,
        carried.tool,
        carried.job,
    ):
        raise FormatError("the inventory says something else of it", where)
    digests = {blob.digest for blob in entry.blobs}
    whole = {digest for digest in (entry.tree, entry.stdout, entry.stderr) if digest is not None}
    named = {blob for variant in entry.variants for blob in variant.blobs}
    if not whole <= digests or not named <= {*entry.blobs}:
        raise FormatError("it needs a blob that it does not list", where)


# run records


def portable_record(record: RunRecord) -> RunRecord:
    """Return a run's record without what is of one machine only, or may hold a secret.

    These are the arguments of the command line, the store, and where the document lay.
    """
    name = PurePath(record.document).name
    return replace(record, document=name, arguments=(), store="", imported="")


def record_from_json(data: Any) -> RunRecord:
    """Read a run's record from elsewhere; what a newer program has added is left out.

    :raises FormatError: if it is malformed.
    """
    record = RunRecord(need(data, "run", str, ""))
    for name in ("document", "mode", "started", "runner", "ended", "status"):
        setattr(record, name, need(data, name, str, ""))
    for i, job in enumerate(need(data, "jobs", list, "")):
        record.jobs.append(_job(job, f"jobs[{i}]"))
    return record


def _job(data: Any, path: str) -> JobRecord:
    known: dict[str, Any] = {}
    for field in fields(JobRecord):
        if field.default is MISSING:
            known[field.name] = need(data, field.name, str, path)
        elif field.name in data:
            known[field.name] = _like(field.default, data, field.name, path)
    return JobRecord(**{name: value for name, value in known.items() if value is not None})


def _like(default: object, data: Any, name: str, path: str) -> Any:
    """Return a member of a record if it is of the type of its default."""
    if isinstance(default, tuple):
        items = need(data, name, list, path)
        if not all(isinstance(item, str) for item in items):
            raise FormatError("not a list of texts", f"{path}.{name}")
        return tuple(items)
    if isinstance(default, (bool, str)):
        return need(data, name, type(default), path)
    return _number(data, name, path) if isinstance(default, (int, float)) else None
