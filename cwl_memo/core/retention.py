"""Retention: which entries give up their blobs, and by which clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Generic, TypeVar

from cwl_memo.core.digest import ReuseKey

__all__ = [
    "Candidate",
    "Clock",
    "Evicted",
    "Limits",
    "Victim",
    "choose_victims",
    "density",
    "joined",
    "take_victims",
    "worth",
]

B = TypeVar("B", bound=Hashable)
"""By what a blob is named: a digest, or something smaller where there are a million."""

_LEAST_SECONDS: Final = 0.1
"""What a job is taken to cost at least: to be executed at all."""

_LEAST_BYTES: Final = 4096
"""What an entry is taken to need at least: no file takes less."""

_LEAST_IDLE: Final = 1.0
"""Seconds for which an entry is taken to have been idle at least, whatever clocks say."""


class Clock(str, Enum):
    """By what an entry lost its blobs; the sentence is told where its job misses."""

    SIZE = "size"
    AGE = "age"
    INTERMEDIATE = "intermediate-files"
    INVALIDATED = "invalidated"

    @property
    def sentence(self) -> str:
        """The clock in words."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    Clock.SIZE: "by the size limit",
    Clock.AGE: "not used for so long",
    Clock.INTERMEDIATE: "intermediate files, past the project's hours",
    Clock.INVALIDATED: "after it had been invalidated",
}


@dataclass(frozen=True)
class Evicted:
    """What an entry has lost.

    :param clock: by what; None where that was not written down.
    :param workspace_only: whether what its outputs need is still there.
    """

    clock: Clock | None
    workspace_only: bool = False

    @property
    def sentence(self) -> str:
        """By what, in words; empty where that is not known."""
        return "" if self.clock is None else self.clock.sentence


@dataclass(frozen=True)
class Limits:
    """What a store may hold, and how much work may be made of it.

    :param max_size: bytes that all blobs may take.
    :param now: the time, in seconds since the epoch.
    :param max_age: seconds since the last use after which an entry goes; None for none.
    :param patience: seconds of work after which the rest waits; None for no end.
    """

    max_size: int
    now: float
    max_age: float | None = None
    patience: float | None = None


@dataclass(frozen=True)
class Candidate(Generic[B]):
    """An entry as retention sees it.

    :param key: of the entry.
    :param used: when it was last used, in seconds or any other unit.
    :param blobs: the blobs that it could give up and that are there, each once.
    :param held: whether a living run holds it, or somebody pinned it.
    :param seconds: that its job took.
    :param clock: by what it would lose them.
    :param workspace_only: whether these blobs are those that no output needs.
    """

    key: ReuseKey
    used: float
    blobs: tuple[B, ...]
    held: bool = False
    seconds: float = 0.0
    clock: Clock = Clock.SIZE
    workspace_only: bool = False


@dataclass(frozen=True)
class Victim(Generic[B]):
    """An entry that is evicted, and the bytes that become free when those before it are gone."""

    candidate: Candidate[B]
    freed: int


def density(seconds: float, size: float) -> float:
    """Return the seconds that an entry saves for each byte that it takes.

    :param size: bytes of its blobs; of those that others need too, its share.
    """
    return max(seconds, _LEAST_SECONDS) / max(size, _LEAST_BYTES)


def worth(dense: float, idle: float) -> float:
    """Return what an entry is worth to the store; the least goes first.

    Seconds saved, by byte and by second since the last use: LRU weighed by what is lost, and
    what hyperbolic caching (Blankstein, Sen and Freedman, USENIX ATC 2017) comes to with
    one use. It needs no memory of past evictions, as GreedyDual-Size does.

    :param dense: the :func:`density` of the entry.
    :param idle: seconds since its last use.
    """
    return dense / max(idle, _LEAST_IDLE)


def choose_victims(
    candidates: Iterable[Candidate[B]],
    sizes: Mapping[B, int],
    limits: Limits,
    overdue: Iterable[Candidate[B]] = (),
) -> list[Victim[B]]:
    """Return the entries to evict, in order.

    First those past their time; then, until the blobs of the rest fit, those of the least
    :func:`worth`. Never an entry that is held; and none whose blobs other entries keep
    anyway, since that would free nothing. Where the entries that are held are too large
    by themselves, the rest of the store does not fit.

    :param candidates: all entries, as what they would lose to the size limit.
    :param sizes: bytes of each blob.
    :param overdue: the entries past their time, as what they lose for that.
    """
    everything = list(candidates)
    users = Counter(blob for candidate in everything for blob in candidate.blobs)
    excess = sum(sizes[blob] for blob in users) - limits.max_size
    chosen = {v.candidate.key: v for v in take_victims(overdue, users, sizes, math.inf)}
    excess -= sum(victim.freed for victim in chosen.values())
    left = []
    for candidate in everything:
        lost = chosen[candidate.key].candidate.blobs if candidate.key in chosen else ()
        left.append(replace(candidate, blobs=tuple(b for b in candidate.blobs if b not in lost)))

    def order(candidate: Candidate[B]) -> tuple[float, float, ReuseKey]:
        share = sum(sizes[blob] / users[blob] for blob in candidate.blobs)
        value = worth(density(candidate.seconds, share), limits.now - candidate.used)
        return value, candidate.used, candidate.key

    for victim in take_victims(sorted(left, key=order), users, sizes, excess):
        before = chosen.get(victim.candidate.key)
        chosen[victim.candidate.key] = joined(before, victim) if before else victim
    return list(chosen.values())


def joined(first: Victim[B], second: Victim[B]) -> Victim[B]:
    """Return one victim for an entry that loses its workspace, and then the rest."""
    blobs = (*first.candidate.blobs, *second.candidate.blobs)
    return Victim(replace(second.candidate, blobs=blobs), first.freed + second.freed)


def take_victims(
    ordered: Iterable[Candidate[B]],
    users: MutableMapping[B, int],
    sizes: Mapping[B, int],
    excess: float,
) -> list[Victim[B]]:
    """Return the first candidates of an order without which so many bytes are free.

    No more of the order is asked for than is needed.

    :param users: how many candidates need each blob; afterwards, how many that stay.
    :param sizes: bytes of each blob of the candidates asked for so far.
    :param excess: bytes to free; infinite for all that can be freed.
    """
    victims: list[Victim[B]] = []
    if excess <= 0:
        return victims
    for candidate in ordered:
        if candidate.held or not candidate.blobs:
            continue
        for blob in candidate.blobs:
            users[blob] -= 1
        freed = sum(sizes[blob] for blob in candidate.blobs if not users[blob])
        excess -= freed
        victims.append(Victim(candidate, freed))
        if excess <= 0:
            break
    # Whoever frees nothing keeps what others keep for it.
    chosen = []
    for victim in victims:
        blobs = victim.candidate.blobs
        if any(not users[blob] for blob in blobs):
            chosen.append(victim)
        else:
            for blob in blobs:
                users[blob] += 1
    return chosen
