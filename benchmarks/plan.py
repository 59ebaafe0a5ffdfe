"""What is measured: workloads with their sizes, in three plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from .errors import BenchmarkError
from .workload import WORKLOADS

__all__ = ["PLANS", "Part", "parse_part"]


@dataclass(frozen=True)
class Part:
    """One workload in some sizes.

    :param rounds: how often all is measured.
    :param scenarios: in their order; all of the workload if empty.
    """

    workload: str
    sizes: tuple[int, ...]
    rounds: int = 1
    scenarios: tuple[str, ...] = ()


_HEALTH: Final = (
    Part("W1", (2,), scenarios=("cold", "replay", "input")),
    Part("W2", (3,), scenarios=("cold", "replay")),
    Part("W3", (1,), scenarios=("cold", "replay")),
    Part("W4", (2,), scenarios=("cold", "replay")),
    Part("W5", (5,)),
    Part("W7", (3,), scenarios=("cold", "replay")),
)

_USUAL: Final = (
    Part("W1", (1, 10, 100, 1000), rounds=3),
    Part("W2", (50,), rounds=3),
    Part("W3", (64,), rounds=3),
    Part("W4", (20,), rounds=3),
    Part("W5", (50,), rounds=3),
    Part("W6", (3000,), rounds=3),
    Part("W6-bwa", (20_000,), rounds=3),
    Part("W7", (100, 1000), rounds=3),
)

_TARGETS: Final = (
    Part("W1", (1, 10, 100, 1000), rounds=3),
    # Once, for `--cachedir` takes a minute and more for each of these runs.
    Part("W1", (3000,), scenarios=("cold", "replay", "input", "element")),
    Part("W1", (10_000,), scenarios=("cold", "replay", "input")),
    *(replace(part, sizes=(1024,)) if part.workload == "W3" else part for part in _USUAL[1:-1]),
    Part("W7", (100, 1000), rounds=3),
    Part("W7", (3000,)),
)

PLANS: Final[Mapping[str, Sequence[Part]]] = {
    "health": _HEALTH,
    "usual": _USUAL,
    "targets": _TARGETS,
}
"""``health`` is small and for tests; ``usual`` takes minutes; ``targets`` has all sizes."""


def parse_part(text: str) -> Part:
    """Read ``W1`` or ``W1:10,100``.

    :raises BenchmarkError: if there is no such workload, or a size is no number.
    """
    name, colon, sizes = text.partition(":")
    if name not in WORKLOADS:
        raise BenchmarkError(f"no workload {name!r}; there are {', '.join(WORKLOADS)}")
    usual = next(part for part in _USUAL if part.workload == name)
    if not colon:
        return replace(usual, rounds=1)
    try:
        return replace(usual, sizes=tuple(int(size) for size in sizes.split(",")), rounds=1)
    except ValueError:
        raise BenchmarkError(f"{text}: write sizes as {name}:10,100") from None
