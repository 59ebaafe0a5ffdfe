"""The census: every entry of a store, without reading every file.

The names in the directories say which entries there are and which were evicted; the
summary of each, kept in the index, says the rest. A summary counts while it names the
inode of the entry's file. Where there is none, the file is read: all of them once, after
an index was lost.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.errors import FormatError
from cwl_memo.store.blob import shards
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.failure import reading
from cwl_memo.store.index import Index
from cwl_memo.store.layout import Layout
from cwl_memo.store.protocol import Progress
from cwl_memo.store.regular import is_regular
from cwl_memo.store.summary import EntrySummary, summary_of

__all__ = ["Census", "Counted", "Steps", "blobs_of", "kept_of", "outputs_of", "run_of"]

_DIGITS: Final = frozenset("0123456789abcdef")

_TOLD: Final = 1000
"""How many times at most long work tells how far it is."""

_KEPT: Final = 1000
"""How many summaries are written to the index at once."""


class Counted(NamedTuple):
    """One entry of a census; its key is 32 bytes."""

    key: bytes
    summary: EntrySummary
    evicted: bool
    trimmed: bool


class Steps:
    """Counts steps of long work and tells of them, a thousand times at most."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._told = 0

    def step(self) -> None:
        """Count a step."""
        self._done += 1
        if self._progress is not None and (
            self._done == self._total or (self._done - self._told) * _TOLD >= self._total
        ):
            self._told = self._done
            self._progress(self._done, self._total)


@dataclass(frozen=True)
class Census:
    """Counts the entries of a local store; its parameters are the store's parts."""

    layout: Layout
    entries: EntryFiles
    index: Index

    def take(self, progress: Progress | None = None) -> Iterator[Counted]:
        """Yield all entries, in the order of their keys; damaged ones are set aside.

        An entry that is published meanwhile may be among them or not.
        """
        with reading("list the entries"):
            self.index.flush()
            self.index.trust_summaries()
            directories = self.shards()
            total = 0
            if progress is not None:
                total = sum(len(self.entries.list_shard(path).inodes) for path in directories)
            steps = Steps(progress, total)
            for directory in directories:
                yield from self._take_shard(directory, steps.step)

    def shards(self) -> list[Path]:
        """Return the directories that can hold an entry."""
        return [path for path in shards(self.layout.entries) if _DIGITS.issuperset(path.name)]

    def _take_shard(self, directory: Path, step: Callable[[], None]) -> Iterator[Counted]:
        known = self.index.summaries(bytes.fromhex(directory.name))
        shard = self.entries.list_shard(directory)
        fresh: dict[bytes, EntrySummary] = {}
        for key in sorted(shard.inodes):
            summary = known.get(key)
            if summary is None or summary.inode != shard.inodes[key]:
                summary = self.read(key, shard.inodes[key])
                if summary is not None and summary.inode:
                    fresh[key] = summary
                    if len(fresh) >= _KEPT:
                        self.index.keep_summaries(fresh)
                        fresh = {}
            step()
            if summary is not None:
                yield Counted(key, summary, key in shard.evicted, key in shard.trimmed)
        self.index.keep_summaries(fresh, known.keys() - shard.inodes.keys())

    def read(self, key: bytes, inode: int) -> EntrySummary | None:
        """Return the summary of an entry from its file; None if that is damaged or gone.

        :param inode: as the directory names it, which some file systems do otherwise
            than ``stat``; in the summary it is 0 if the file was another one meanwhile.
        """
        name = ReuseKey(key.hex())
        before = self.entries.look(name)
        payload = self.entries.payload(name)
        after = self.entries.look(name)
        if payload is None or before is None or after is None:
            return None
        if before.st_ino != after.st_ino:
            inode = 0
        tool = _tool(payload)
        sizes = ((blob, self._size(blob, size)) for blob, size in blobs_of(payload))
        seconds, until = _seconds(payload), _keep_until(payload)
        return summary_of(inode, after.st_mtime_ns, seconds, tool, sizes, kept_of(payload), until)

    def _size(self, blob: Digest, said: int) -> int:
        # What an entry says of a blob that is there is not needed.
        found = is_regular(self.layout.blob(blob))
        return said if found is None else found.st_size


# An entry of a newer format is read as far as it looks familiar: its blobs are needed.


def blobs_of(payload: dict[str, Any]) -> Iterator[tuple[Digest, int]]:
    """Yield the digest and size of each blob that an entry of any format refers to."""
    blobs = payload.get("blobs")
    for blob in blobs if isinstance(blobs, list) else ():
        if isinstance(blob, dict):
            size = blob.get("size")
            with contextlib.suppress(FormatError):
                yield Digest.parse(blob.get("digest")), size if isinstance(size, int) else 0


def outputs_of(payload: dict[str, Any]) -> frozenset[Digest]:
    """Return the blobs that the outputs of an entry of any format need.

    All of its blobs where that does not look familiar: nothing of it is of the workspace.
    """
    variants: Any = payload.get("variants")
    try:
        outputs = [blob["digest"] for variant in variants for blob in variant["blobs"]]
        return frozenset(Digest.parse(digest) for digest in outputs)
    except (TypeError, KeyError, FormatError):
        return frozenset(digest for digest, _ in blobs_of(payload))


def kept_of(payload: dict[str, Any]) -> frozenset[Digest]:
    """Return the blobs that the outputs and logs of an entry of any format need."""
    logs = []
    for name in ("stdout", "stderr"):
        with contextlib.suppress(FormatError):
            logs.append(Digest.parse(payload.get(name)))
    return outputs_of(payload).union(logs)


def run_of(payload: dict[str, Any]) -> str:
    """Return the run that recorded an entry of any format; empty where it does not say."""
    return str(_origin(payload, "run") or "")


def _keep_until(payload: dict[str, Any]) -> int:
    until = payload.get("keep_until")
    return until if type(until) is int else 0


def _origin(payload: dict[str, Any], name: str) -> Any:
    origin = payload.get("origin")
    return origin.get(name) if isinstance(origin, dict) else None


def _tool(payload: dict[str, Any]) -> str:
    return str(_origin(payload, "tool") or "")


def _seconds(payload: dict[str, Any]) -> float:
    seconds = _origin(payload, "seconds")
    with contextlib.suppress(OverflowError):
        return float(seconds) if isinstance(seconds, int | float) else 0.0
    return 0.0
