"""What a shared store's server may do wrong, and when: a policy for the faulty proxy."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["EVERY_KIND", "LIST", "Call", "Fault", "Kind", "Policy"]

LIST: Final = "LIST"
"""The method of a call that lists objects, by HTTP a GET."""


class Kind(str, Enum):
    """One way to misbehave."""

    ERROR = "error"
    """500, whatever is asked."""
    SLOW_DOWN = "slow-down"
    """503, as a server says that has too much to do."""
    REDIRECT = "redirect"
    """A redirection to itself."""
    RESET = "reset"
    """The connection ends before an answer; of an upload, when half of it is sent."""
    CUT = "cut"
    """The connection ends when half of an answer is sent."""
    DELAY = "delay"
    """An answer that takes its time."""
    HANG = "hang"
    """No answer."""
    STALL = "stall"
    """Half of an answer, and then nothing."""
    TRUNCATED = "truncated"
    """Half of the bytes, as if they were all."""
    FLIPPED = "flipped"
    """One bit of the bytes is another."""
    SWAPPED = "swapped"
    """The bytes of another object of the same folder."""
    LOST = "lost"
    """404, or not in the list, though it is there."""
    FORBIDDEN = "forbidden"
    """403 for whoever writes."""
    FULL = "full"
    """507 for whoever writes."""
    CREATE_IGNORED = "create-ignored"
    """``If-None-Match: *`` without effect: what is there is written over."""
    UNWRITTEN = "unwritten"
    """A success is told, and nothing was done."""
    TWICE = "twice"
    """What is written arrives twice, and the second answer is told."""
    LATE = "late"
    """What was written arrives once more, later."""
    CLOCK = "clock"
    """All times of the server are hours off."""


_READS: Final = frozenset({"GET", "HEAD", LIST})
_BODIES: Final = frozenset({"GET", LIST})
_WRITES: Final = frozenset({"PUT", "POST", "DELETE"})
_ALL: Final = _READS | _WRITES

_CALLS: Final[Mapping[Kind, frozenset[str]]] = {
    Kind.CUT: _BODIES,
    Kind.STALL: _BODIES,
    Kind.TRUNCATED: _BODIES,
    Kind.FLIPPED: _BODIES,
    Kind.SWAPPED: frozenset({"GET"}),
    Kind.LOST: _READS,
    Kind.FORBIDDEN: _WRITES,
    Kind.FULL: frozenset({"PUT", "POST"}),
    Kind.CREATE_IGNORED: frozenset({"PUT"}),
    Kind.UNWRITTEN: _WRITES,
    Kind.TWICE: frozenset({"PUT", "DELETE"}),
    Kind.LATE: frozenset({"PUT", "DELETE"}),
}
"""Which calls a kind is a fault of; the others are of all."""

EVERY_KIND: Final = tuple(Kind)


@dataclass(frozen=True)
class Call:
    """One request.

    :param method: of HTTP, or LIST.
    :param name: of the object, after its bucket; for a list, the prefix asked for.
    :param query: of the request.
    """

    method: str
    name: str
    query: str = ""

    @classmethod
    def of(cls, method: str, target: str) -> Call:
        """Read the first line of a request whose path begins with the name of the bucket."""
        parts = urlsplit(target)
        name = unquote(parts.path).lstrip("/").partition("/")[2]
        asked = parse_qs(parts.query, keep_blank_values=True)
        if method == "GET" and not name:
            return cls(LIST, asked.get("prefix", [""])[0], parts.query)
        return cls(method, name, parts.query)

    @property
    def folder(self) -> str:
        """What stands in the name before a shard or the last part: objects of one kind."""
        names = self.name.split("/")
        return "/".join(names[:-2] if len(names) > 2 and len(names[-2]) == 2 else names[:-1])


@dataclass(frozen=True)
class Fault:
    """What goes wrong, and with which calls.

    :param kinds: one of them, of those that there can be with a call.
    :param rate: of calls, from 0 to 1.
    :param methods: of calls; none for all.
    :param names: a regular expression, found in the names of objects.
    :param after: calls of these methods and names that go well before.
    :param most: how often at most.
    :param seconds: of a delay, until something arrives late, or by which the clock is wrong.
    """

    kinds: tuple[Kind, ...]
    rate: float = 1.0
    methods: frozenset[str] = frozenset()
    names: str = ""
    after: int = 0
    most: int | None = None
    seconds: float = 1.0

    def is_about(self, call: Call) -> bool:
        """Whether a call is of those that may go wrong."""
        if self.methods and call.method not in self.methods:
            return False
        return re.search(self.names, call.name) is not None

    def possible(self, call: Call) -> tuple[Kind, ...]:
        """Return the kinds of fault that there can be with a call."""
        return tuple(kind for kind in self.kinds if call.method in _CALLS.get(kind, _ALL))


@dataclass
class Policy:
    """Faults that are injected now; others may be put there at any time.

    What is drawn for a call depends on its name and on how often it was made, not on which
    thread comes first: one seed gives the same faults with the same calls.
    """

    seed: int = 0
    calls: list[tuple[Call, Kind | None]] = field(default_factory=list)
    """What was asked for, and what was done wrong."""
    _faults: tuple[Fault, ...] = ()
    _met: Counter[Fault] = field(default_factory=Counter)
    _done: Counter[Fault] = field(default_factory=Counter)
    _made: Counter[Call] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def inject(self, *faults: Fault | Kind) -> None:
        """Have these faults from now on, and no others; none for a server in good health."""
        with self._lock:
            self._faults = tuple(
                Fault((fault,)) if isinstance(fault, Kind) else fault for fault in faults
            )
            self._met.clear()
            self._done.clear()

    def choose(self, call: Call) -> tuple[Fault, Kind] | None:
        """Return what is to go wrong with a call; the first fault that is about it counts."""
        with self._lock:
            self._made[call] += 1
            chance = random.Random(f"{self.seed} {call} {self._made[call]}")
            found = next(filter(None, (self._draw(f, call, chance) for f in self._faults)), None)
            self.calls.append((call, found[1] if found else None))
            return found

    def _draw(self, fault: Fault, call: Call, chance: random.Random) -> tuple[Fault, Kind] | None:
        kinds = fault.possible(call)
        if not kinds or not fault.is_about(call):
            return None
        self._met[fault] += 1
        if self._met[fault] <= fault.after or chance.random() >= fault.rate:
            return None
        if fault.most is not None and self._done[fault] >= fault.most:
            return None
        self._done[fault] += 1
        return fault, chance.choice(kinds)

    def count(self, *kinds: Kind) -> int:
        """Return how often something went wrong, in these ways or in any."""
        with self._lock:
            done: Sequence[Kind | None] = [kind for _, kind in self.calls]
        return sum(kind is not None and (not kinds or kind in kinds) for kind in done)
