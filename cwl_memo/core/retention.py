"""Retention: which entries give up their blobs when a store has grown too large."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cwl_memo.core.digest import Digest, ReuseKey

__all__ = ["Candidate", "Victim", "choose_victims"]


@dataclass(frozen=True)
class Candidate:
    """An entry as retention sees it.

    :param key: of the entry.
    :param used: when it was last used; any number that grows with time.
    :param blobs: the blobs it needs that are there, each once.
    :param held: whether a living run holds it.
    """

    key: ReuseKey
    used: float
    blobs: tuple[Digest, ...]
    held: bool = False


@dataclass(frozen=True)
class Victim:
    """An entry that is evicted, and the bytes that become free when those before it are gone."""

    candidate: Candidate
    freed: int


def choose_victims(
    candidates: Iterable[Candidate], sizes: Mapping[Digest, int], max_size: int
) -> list[Victim]:
    """Return the entries to evict, in order, so that the blobs of the rest fit.

    Least recently used first; never an entry that a living run holds; and none whose
    blobs other entries keep anyway, since that would free nothing. Where the entries
    that are held are too large by themselves, the rest of the store does not fit.

    :param sizes: bytes of each blob.
    :param max_size: bytes that all blobs together may take.
    """
    everything = list(candidates)
    users = Counter(blob for candidate in everything for blob in candidate.blobs)
    total = sum(sizes[blob] for blob in users)
    victims: list[Victim] = []
    for candidate in sorted(everything, key=lambda c: (c.used, c.key)):
        if total <= max_size:
            break
        if candidate.held or not candidate.blobs:
            continue
        users.subtract(candidate.blobs)
        freed = sum(sizes[blob] for blob in candidate.blobs if not users[blob])
        total -= freed
        victims.append(Victim(candidate, freed))
    return [v for v in victims if any(not users[blob] for blob in v.candidate.blobs)]
