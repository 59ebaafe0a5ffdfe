"""Retention: which entries give up their blobs when a store has grown too large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from cwl_memo.core.digest import ReuseKey

__all__ = ["Candidate", "Victim", "choose_victims", "take_victims"]

B = TypeVar("B", bound=Hashable)
"""By what a blob is named: a digest, or something smaller where there are a million."""


@dataclass(frozen=True)
class Candidate(Generic[B]):
    """An entry as retention sees it.

    :param key: of the entry.
    :param used: when it was last used; any number that grows with time.
    :param blobs: the blobs it needs that are there, each once.
    :param held: whether a living run holds it.
    """

    key: ReuseKey
    used: float
    blobs: tuple[B, ...]
    held: bool = False


@dataclass(frozen=True)
class Victim(Generic[B]):
    """An entry that is evicted, and the bytes that become free when those before it are gone."""

    candidate: Candidate[B]
    freed: int


def choose_victims(
    candidates: Iterable[Candidate[B]], sizes: Mapping[B, int], max_size: int
) -> list[Victim[B]]:
    """Return the entries to evict, in order, so that the blobs of the rest fit.

    Least recently used first; never an entry that a living run holds; and none whose
    blobs other entries keep anyway, since that would free nothing. Where the entries
    that are held are too large by themselves, the rest of the store does not fit.

    :param sizes: bytes of each blob.
    :param max_size: bytes that all blobs together may take.
    """
    everything = list(candidates)
    users = Counter(blob for candidate in everything for blob in candidate.blobs)
    excess = sum(sizes[blob] for blob in users) - max_size
    ordered = sorted(everything, key=lambda c: (c.used, c.key))
    return take_victims(ordered, users, sizes, excess)


def take_victims(
    ordered: Iterable[Candidate[B]],
    users: MutableMapping[B, int],
    sizes: Mapping[B, int],
    excess: int,
) -> list[Victim[B]]:
    """Return the first candidates of an order without which so many bytes are free.

    No more of the order is asked for than is needed.

    :param users: how many candidates need each blob; afterwards, how many that stay.
    :param sizes: bytes of each blob of the candidates asked for so far.
    :param excess: bytes to free.
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
