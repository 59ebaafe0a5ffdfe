"""Ways through a shared store: entry by entry, many requests at once, few of them in memory."""

from __future__ import annotations

import json
import math
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import ENTRY_FORMAT
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError, StoreUnreadableError
from cwl_memo.store.shared.bucket import Bucket, ObjectMeta
from cwl_memo.store.shared.envelope import ENVELOPE_LIMIT, SharedEntry, open_envelope
from cwl_memo.store.shared.layout import ENTRIES, PROBES, entry_name, key_of_name
from cwl_memo.store.shared.tombstone import SharedTombstones
from cwl_memo.store.workers import Workers

__all__ = [
    "Condition",
    "Look",
    "ahead",
    "entries_of",
    "look_at",
    "looks",
    "read_tombstones",
    "server_time",
]

T = TypeVar("T")
R = TypeVar("R")

_THREADS: Final = 16
_WAITING: Final = 64
"""Results that may wait for those before them."""

_HELD: Final = 32 << 20
"""Bytes that they may hold together, or one of them alone."""


def ahead(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    most: int = _WAITING,
    weigh: Callable[[T], int] = lambda _: 0,
) -> Iterator[tuple[T, R]]:
    """Yield each item with what the work gives for it, in order, several at work at once.

    :param most: items that are at work, or whose results wait, at once.
    :param weigh: tells how many bytes the result of an item may hold.
    """
    # Not Python's own threads: a process that is ended in the middle would wait for them.
    with Workers(_THREADS, "cwl-memo upkeep") as pool:
        waiting: deque[tuple[T, int, Future[R]]] = deque()
        held = 0
        try:
            for item in items:
                weight = weigh(item)
                while waiting and (len(waiting) >= most or held + weight > _HELD):
                    first, its, result = waiting.popleft()
                    yield first, result.result()
                    held -= its
                waiting.append((item, weight, pool.submit(work, item)))
                held += weight
            while waiting:
                first, _, result = waiting.popleft()
                yield first, result.result()
        finally:
            for _, _, result in waiting:
                result.cancel()


def server_time(bucket: Bucket) -> float:
    """Return the present time by the clock of the server, in seconds since the epoch.

    Ages of objects are told by that clock alone; that of this machine may be wrong.

    :raises StoreError: if nothing may be written there, and so no time is known.
    """
    name = f"{PROBES}{secrets.token_hex(16)}"
    bucket.put(name, b"")
    try:
        found = bucket.head(name)
    finally:
        bucket.delete([name])
    if found is None:
        raise StoreError(f"{bucket.url}: what was just written is not there")
    return found.modified


class Condition(Enum):
    """What an upkeep finds under the name of an entry."""

    SOUND = "sound"
    GONE = "gone"
    """It was there when it was listed."""
    NEWER = "newer"
    """Made by a newer program: it is another's, and what it needs is not known."""
    DAMAGED = "damaged"
    UNREADABLE = "unreadable"
    """Not read, by this user or this time: what is in it is not known."""


@dataclass(frozen=True)
class Look:
    """An entry's object, as it was found.

    :param shared: what is in it; None where it is not sound.
    :param problem: what is wrong with one that is damaged, or why it was not read.
    """

    condition: Condition
    shared: SharedEntry | None = None
    problem: str = ""


def looks(
    bucket: Bucket, wanted: Callable[[ReuseKey, ObjectMeta], bool] = lambda _key, _meta: True
) -> Iterator[tuple[ReuseKey, ObjectMeta, Look]]:
    """Yield every entry with what the place tells of its object, and what is in it.

    :param wanted: tells which to read.
    """
    listed = (
        (key, meta)
        for meta in bucket.list(ENTRIES)
        if (key := key_of_name(meta.name)) is not None and wanted(key, meta)
    )
    read = ahead(
        lambda item: _read(bucket, item[1].name),
        listed,
        weigh=lambda item: min(item[1].size, ENVELOPE_LIMIT),
    )
    for (key, meta), data in read:
        yield key, meta, _look(data, key)


def look_at(bucket: Bucket, name: str, key: ReuseKey) -> Look:
    """Look at the object of an entry.

    :raises StoreError: if the place does not answer; that is not damage.
    """
    return _look(_read(bucket, name), key)


def entries_of(
    bucket: Bucket, keys: Iterable[ReuseKey]
) -> Iterator[tuple[ReuseKey, SharedEntry | None]]:
    """Yield what stands under keys, in their order; None where nothing sound does."""
    # How large they are, only a look at each would tell.
    for key, data in ahead(lambda key: _read(bucket, entry_name(key)), keys, most=_THREADS):
        yield key, _look(data, key).shared


def _read(bucket: Bucket, name: str) -> bytes | Look | None:
    """Return the bytes of an entry's object, or why there are none."""
    try:
        return bucket.get(name, ENVELOPE_LIMIT)
    except StoreUnreadableError as error:
        return Look(Condition.UNREADABLE, problem=str(error))
    except StoreDamagedError as error:
        return Look(Condition.DAMAGED, problem=str(error))


def _look(data: bytes | Look | None, key: ReuseKey) -> Look:
    # Not by those who read ahead: parsed, an entry may take many times its bytes.
    if isinstance(data, Look):
        return data
    if data is None:
        return Look(Condition.GONE)
    try:
        shared = open_envelope(data, key)
    except FormatError as error:
        if _is_newer(data):
            return Look(Condition.NEWER)
        return Look(Condition.DAMAGED, problem=str(error))
    return Look(Condition.NEWER) if shared is None else Look(Condition.SOUND, shared)


def _is_newer(data: bytes) -> bool:
    """Tell whether an envelope holds an entry of a newer format than this program knows."""
    try:
        head: Any = json.loads(data.partition(b"\n")[0])
        number = head["entry"]["format"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return False
    return isinstance(number, int) and number > ENTRY_FORMAT


def read_tombstones(bucket: Bucket) -> SharedTombstones:
    """Return the tombstones of a shared store as they are now, however long the way takes."""
    return SharedTombstones(bucket, fresh=math.inf)
