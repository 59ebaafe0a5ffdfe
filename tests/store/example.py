"""Entries and blobs for tests."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.entry import BlobRef, Entry, Origin, OutputVariant
from cwl_memo.store.local import LocalStore
from cwl_memo.store.protocol import Store

__all__ = [
    "age",
    "blob",
    "digest",
    "entry",
    "execute",
    "failing",
    "key",
    "path_of",
    "python",
    "record",
]

_ROOT = Path(__file__).parents[2]


def key(number: int) -> ReuseKey:
    return ReuseKey(f"{number:064x}")


def digest(content: bytes) -> Digest:
    return digest_of_bytes(content)


def blob(content: bytes) -> BlobRef:
    return BlobRef(digest(content), len(content))


def entry(number: int, *contents: bytes, tool: str = "sort", seconds: float = 2.0) -> Entry:
    blobs = tuple(dict.fromkeys(blob(content) for content in contents))
    return Entry(
        key=key(number),
        fingerprint={"tool": {"baseCommand": [tool]}, "number": number, "half": 0.5},
        variants=(OutputVariant(digest(b"outputs"), {"out": None}, blobs),),
        exit_code=0,
        tree=blobs[0].digest if blobs else None,
        stdout=None,
        stderr=None,
        blobs=blobs,
        origin=Origin("2026-run", f"{tool}_{number}", tool, "2026-01-01T00:00:00+00:00", seconds),
    )


def record(
    store: Store, number: int, *contents: bytes, used: float | None = None, tool: str = "sort"
) -> Entry:
    """Ingest contents and publish an entry of them; ``used`` is its last use."""
    for content in contents:
        store.ingest_bytes(content)
    made = entry(number, *contents, tool=tool)
    store.publish(made)
    if used is not None:
        store.hold("no such run", made.key, used)
    return made


def age(path: Path, seconds: float) -> None:
    """Make a file look as if written that long ago."""
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start another process that can import cwl_memo and the tests."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def execute(directory: Path, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
    """Do with the index in a directory what its own program would not."""
    with closing(sqlite3.connect(directory / "cache.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def path_of(store: LocalStore, content: bytes) -> Path:
    """Return the file of a blob."""
    return Path(store.location, "blobs", digest(content).hex[:2], digest(content).hex)


def failing(code: int) -> Callable[..., Any]:
    """Return what stands for a call of the system that fails."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(code, os.strerror(code))

    return fail
