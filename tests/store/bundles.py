"""Runs, and bundles of them, sound and otherwise, for tests."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import ReuseKey, digest_of_value
from cwl_memo.core.entry import Entry
from cwl_memo.core.run import EXECUTED, REFUSED, REUSED, JobRecord, RunRecord
from cwl_memo.store.bundle_write import export_run
from cwl_memo.store.protocol import Store
from tests.store.example import blob, entry

__all__ = ["LARGE", "RUN", "Members", "changed", "fill", "members", "pack", "record", "sealed"]

RUN = "2026-11-20-101500-a1b2"
LARGE = b"large" * 300_000

Members = list[tuple[str, bytes]]


def record(store: Store, number: int, *contents: bytes, **changes: Any) -> Entry:
    """Record a job that wrote contents, under the key that its fingerprint has."""
    made = replace(entry(number, *contents), **changes)
    made = replace(made, key=ReuseKey(digest_of_value("reuse-key", made.fingerprint).hex))
    for content in contents:
        store.ingest_bytes(content)
    store.publish(made)
    return made


def job_of(made: Entry, result: str = EXECUTED) -> JobRecord:
    lookup = "hit" if result == REUSED else "miss"
    return JobRecord(made.origin.job, made.origin.tool, result, lookup, key=made.key.hex)


def fill(store: Store) -> list[Entry]:
    """Record a run: two jobs executed, one reused, one refused."""
    entries = [record(store, 1, b"one", b"log"), record(store, 2, b"two", b"log", LARGE)]
    entries.append(record(store, 3, b"three"))
    jobs = [job_of(entries[0]), job_of(entries[1]), job_of(entries[2], REUSED)]
    jobs.append(JobRecord("index", "index.cwl", REFUSED, "refusal", cause="directory-input"))
    append(store, RunRecord(
        run=RUN, document="/home/alice/wf.cwl", arguments=("--password", "hush"),
        store="/home/alice/store", mode="readwrite", started="2026-11-20T10:15:00+00:00",
        ended="2026-11-20T10:16:00+00:00", status="success", runner="cwl-memo", jobs=jobs,
    ))  # fmt: skip
    return entries


def append(store: Store, run: RunRecord) -> None:
    store.append_run(run.run, {"line": "run", **run.header()})
    for job in run.jobs:
        store.append_run(run.run, {"line": "job", **job.to_json()})
    store.append_run(run.run, {"line": "end", "ended": run.ended, "status": run.status})


def members(store: Store, path: Path, *, workspaces: bool = True) -> Members:
    """Return name and bytes of each member of a bundle of the run."""
    export_run(store, RUN, path, workspaces=workspaces)
    with tarfile.open(path) as tar:
        found = []
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            found.append((member.name, file.read()))
        return found


def pack(path: Path, parts: Members, changes: Callable[[tarfile.TarInfo], object] = id) -> Path:
    """Write a bundle of any members; ``changes`` is shown the header of each."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, data in parts:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            changes(member)
            tar.addfile(member, io.BytesIO(data))
    path.write_bytes(buffer.getvalue())
    return path


def sealed(payload: Any) -> bytes:
    """Return the bytes of an entry's file, its digest right whatever it says."""
    digest = str(digest_of_value("entry", payload))
    return canonical_bytes({"digest": digest, "entry": payload})


def changed(parts: Members, name: str, change: Callable[[Any], Any]) -> Members:
    """Return members of which one says something else, and the inventory agrees."""
    found = []
    inventory = json.loads(parts[0][1])
    for other, old in parts[1:]:
        data = old
        if other == name:
            value = json.loads(data)
            is_entry = name.startswith("entries/")
            value = change(value["entry"] if is_entry else value)
            data = sealed(value) if is_entry else canonical_bytes(value)
            file = blob(data).to_json()
            if is_entry:
                for carried in inventory["entries"]:
                    if name == f"entries/{carried['key']}.json":
                        carried["file"] = file
            else:
                inventory["record"] = file
        found.append((other, data))
    return [(parts[0][0], canonical_bytes(inventory)), *found]
