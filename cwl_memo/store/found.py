"""What a look through a whole store showed; small, since there may be a million of each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.retention import Candidate, Clock, Victim, density, worth
from cwl_memo.store.entry_file import EntryFiles
from cwl_memo.store.summary import EntrySummary, as_stamp

__all__ = ["Found"]

_REF: Final = 40
"""Bytes of a digest and a size."""


@dataclass
class Found:
    """The entries that are not evicted, and the blobs that are there.

    An entry is known by its place in the order of their keys.

    :param users: how many entries that are not evicted need each blob.
    :param keys: the keys of these entries, one after another.
    :param used: when each was used last, in nanoseconds, or earlier.
    :param seconds: that the job of each took.
    :param refs: the digests of the blobs of each, one after another; those first that its
        outputs and logs need.
    :param ends: where those of each end in ``refs``.
    :param kept: how many of those of each its outputs and logs need.
    :param deadlines: after which second what is intermediate of an entry goes.
    :param sizes: of the blobs of entries that were looked at more closely.
    :param needed: bytes of all blobs that an entry needs.
    :param young: bytes of blobs that no entry needs, and that may yet get one.
    :param orphans: blobs that no entry needs and none will.
    :param later: when entries were used that turned out to be used later than ``used``
        says, and their places.
    :param trimmed: the entries that lose their workspaces now.
    :param gone: the entries that lose everything now.
    """

    began: float
    users: dict[bytes, int]
    held: set[ReuseKey]
    keys: bytearray = field(default_factory=bytearray)
    used: array[int] = field(default_factory=lambda: array("q"))
    seconds: array[float] = field(default_factory=lambda: array("d"))
    refs: bytearray = field(default_factory=bytearray)
    ends: array[int] = field(default_factory=lambda: array("Q"))
    kept: array[int] = field(default_factory=lambda: array("I"))
    deadlines: dict[int, int] = field(default_factory=dict)
    sizes: dict[bytes, int] = field(default_factory=dict)
    needed: int = 0
    young: int = 0
    orphans: list[bytes] = field(default_factory=list)
    later: list[tuple[int, int]] = field(default_factory=list)
    trimmed: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)

    def add(self, key: bytes, summary: EntrySummary, *, trimmed: bool) -> None:
        """Count an entry, with those of its blobs that are there.

        :param trimmed: whether it lost its workspace before.
        """
        kept = 0
        for number, (digest, size) in enumerate(summary.blobs()):
            if trimmed and number >= summary.kept:
                break
            users = self.users.get(digest)
            if users is not None:
                if not users:
                    self.needed += size
                self.users[digest] = users + 1
                self.refs += digest + size.to_bytes(8, "big")
                kept += number < summary.kept
        if summary.keep_until and not trimmed:
            self.deadlines[len(self.used)] = summary.keep_until
        self.keys += key
        self.used.append(summary.used)
        self.seconds.append(summary.seconds)
        self.ends.append(len(self.refs))
        self.kept.append(kept)

    def key(self, at: int) -> bytes:
        """Return the key of an entry by its place."""
        return bytes(self.keys[32 * at : 32 * at + 32])

    def place(self, key: bytes) -> int | None:
        """Return the place of an entry; None where it is not among them."""
        low, high = 0, len(self.used)
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self.used) and self.key(low) == key else None

    def blobs(self, at: int) -> tuple[bytes, ...]:
        """Return the blobs that an entry has now, and have their sizes known."""
        blobs = []
        start = self.ends[at - 1] if at else 0
        end = start + _REF * self.kept[at] if at in self.trimmed else self.ends[at]
        for begin in range(start, end, _REF):
            digest = bytes(self.refs[begin : begin + 32])
            self.sizes[digest] = int.from_bytes(self.refs[begin + 32 : begin + _REF], "big")
            blobs.append(digest)
        return tuple(blobs)

    def spare(self, victim: Victim[bytes]) -> None:
        """Count the blobs of an entry as needed again."""
        self.need(victim.candidate.blobs)

    def need(self, blobs: Iterable[bytes]) -> None:
        """Count blobs as needed by one entry more."""
        for digest in blobs:
            self.users[digest] = self.users.get(digest, 0) + 1

    def candidate(self, at: int, used: int, clock: Clock) -> Candidate[bytes]:
        """Return an entry as one that may lose everything."""
        key = ReuseKey(self.key(at).hex())
        held = key in self.held
        return Candidate(key, used, self.blobs(at), held, self.seconds[at], clock)

    def by_worth(self, entries: EntryFiles, now: float) -> Iterator[Candidate[bytes]]:
        """Yield all entries that stay so far, those of the least worth first.

        A summary may be of before the last use. So the file is looked at when its turn
        comes, and one that was used later waits for its turn again.
        """
        now_ns = int(now * 1e9)
        dense = array("d", (self._density(at) for at in range(len(self.used))))

        def value(at: int, used: int) -> float:
            return worth(dense[at], (now_ns - used) / 1e9)

        values = array("d", map(value, range(len(self.used)), self.used))
        later: list[tuple[float, int, int]] = []
        # Sorted by key already, and equals stay as they are.
        order = sorted(range(len(self.used)), key=self.used.__getitem__)
        order.sort(key=values.__getitem__)
        for at in order:
            while later and later[0] < (values[at], self.used[at], at):
                _, used, place = heappop(later)
                yield self.candidate(place, used, Clock.SIZE)
            if at in self.gone:
                continue
            used = as_stamp(entries.used(ReuseKey(self.key(at).hex())))
            if used > self.used[at]:
                heappush(later, (value(at, used), used, at))
                self.later.append((used, at))
            else:
                yield self.candidate(at, used, Clock.SIZE)
        while later:
            _, used, place = heappop(later)
            yield self.candidate(place, used, Clock.SIZE)

    def _density(self, at: int) -> float:
        start = self.ends[at - 1] if at else 0
        refs, users = self.refs, self.users
        share = 0.0
        for begin in range(start, self.ends[at], _REF):
            size = int.from_bytes(refs[begin + 32 : begin + _REF], "big")
            # None is left of a blob that goes already.
            share += size / (users[bytes(refs[begin : begin + 32])] or 1)
        return density(self.seconds[at], share)
