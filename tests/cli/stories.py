"""Stores that runs have filled, for tests to look at from the command line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cwl_memo.core.digest import ReuseKey, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry, NodeKind, Origin, OutputVariant, Tree, TreeNode
from cwl_memo.core.run import EXECUTED, FAILED, REFUSED, REUSED, JobRecord, RunRecord
from cwl_memo.store.local import open_store
from cwl_memo.store.protocol import Store

COLD = "2026-11-20-101500-a1b2"
WARM = "2026-11-21-101500-c3d4"


def fingerprint(**inputs: str) -> dict[str, Any]:
    """The fingerprint of an alignment with such input digests."""
    digests = {name: f"blake3:{digit * 64}" for name, digit in inputs.items()}
    return {
        "tool": {"baseCommand": ["align"]},
        "inputs": {name: {"class": "File", "digest": d} for name, d in digests.items()},
        "image": None,
    }


@dataclass(frozen=True)
class Shelf:
    """A local store, open only while a test puts something into it."""

    path: Path

    @contextmanager
    def opened(self) -> Iterator[Store]:
        store = open_store(self.path)
        try:
            yield store
        finally:
            store.close()

    def record(
        self,
        fields: dict[str, Any],
        *,
        tool: str = "align.cwl",
        job: str = "align",
        run: str = COLD,
        started: str = "2026-11-20T10:15:00+00:00",
        seconds: float = 723.0,
        content: bytes = b"aligned\n",
        key: str = "",
        stderr_name: str = "",
    ) -> Entry:
        """Record a job that wrote ``out.bam``, a line to stdout and, maybe, a log file."""
        with self.opened() as store:
            out = BlobRef(store.ingest_bytes(content), len(content))
            said = BlobRef(store.ingest_bytes(b"read 1 \xff\n"), 9)
            log = BlobRef(store.ingest_bytes(b"warned\n"), 7)
            nodes = [TreeNode("out.bam", NodeKind.FILE, out.digest, out.size)]
            if stderr_name:
                nodes.append(TreeNode(stderr_name, NodeKind.FILE, log.digest, log.size))
            data = json.dumps(Tree(tuple(nodes)).to_json()).encode()
            tree = BlobRef(store.ingest_bytes(data), len(data))
            memo = {"workspace": "out.bam", "digest": str(out.digest), "size": out.size}
            memo |= {"sha1": hashlib.sha1(content).hexdigest()}  # noqa: S324  (as CWL has it)
            output = {"bam": {"class": "File", "basename": "out.bam", "memo": memo}}
            section = digest_of_value("outputs-section", {})
            entry = Entry(
                key=ReuseKey(key or digest_of_value("reuse-key", fields).hex),
                fingerprint=fields,
                variants=(OutputVariant(section, output, (out,)),),
                exit_code=0,
                tree=tree.digest,
                stdout=said.digest,
                stderr=None if stderr_name else log.digest,
                blobs=(out, said, log, tree),
                origin=Origin(run, job, tool, started, seconds, "bench", "cwl-memo 0.1.0"),
                stderr_name=stderr_name,
            )
            store.publish(entry)
        return entry

    def append(self, record: RunRecord) -> RunRecord:
        """Add a run as the runner does: a header, each job, and the end if it ended."""
        with self.opened() as store:
            store.append_run(record.run, {"line": "run", **record.header()})
            for job in record.jobs:
                store.append_run(record.run, {"line": "job", **job.to_json()})
            if record.status:
                end = {"line": "end", "ended": record.ended, "status": record.status}
                store.append_run(record.run, end)
        return record


def cold_run() -> RunRecord:
    """A first run: two jobs executed, one refused."""
    return RunRecord(
        run=COLD,
        document="workflows/wf.cwl",
        arguments=("wf.cwl", "job.yml"),
        store="/data/memo",
        mode="readwrite",
        started="2026-11-20T10:15:00+00:00",
        ended="2026-11-20T10:40:00+00:00",
        status="success",
        runner="cwl-memo 0.1.0",
        jobs=[
            JobRecord("align", "align.cwl", EXECUTED, "miss", cause="no-entry", seconds=723.0),
            JobRecord("align_2", "align.cwl", EXECUTED, "miss", cause="no-entry", seconds=60.0),
            JobRecord(
                "index", "index.cwl", REFUSED, "refusal", cause="directory-input",
                detail="inputs.reference", seconds=3.0,
            ),
        ],
    )  # fmt: skip


def warm_run(entry: Entry, nearest: Entry | None = None) -> RunRecord:
    """The next run: one job reused, one executed anew because of an input, one failed."""
    return replace(
        cold_run(),
        run=WARM,
        started="2026-11-21T10:15:00+00:00",
        ended="",
        status="",
        jobs=[
            JobRecord(
                "align", "align.cwl", REUSED, "hit", origin_run=COLD, origin_job="align",
                seconds=723.0, size=1_200_000_000,
            ),
            JobRecord(
                "align_2", "align.cwl", EXECUTED, "miss", key=entry.key.hex, cause="changed",
                differs=("inputs.reads.digest",), seconds=61.0, size=9,
                nearest="" if nearest is None else nearest.key.hex,
                started="2026-11-21T10:15:02+00:00",
            ),
            JobRecord(
                "sort", "sort.cwl", FAILED, "miss", cause="no-entry", not_recorded="failed",
            ),
        ],
    )  # fmt: skip
