"""What cwl-memo is to reach, each as a ratio of figures of the same run where that can be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .record import Figures, Quantity
from .table import Table

__all__ = ["Target", "target_table", "targets"]

_MEMO: Final = "cwl-memo"
_LONG: Final = "cwl-memo-no-replay"
_PLAIN: Final = "cwltool"
_CACHE: Final = "cwltool-cachedir"
_WARM: Final = ("replay", "input", "element", "step")


@dataclass(frozen=True)
class Target:
    """A figure that is to be at most so large.

    :param measured: None where it was not measured.
    """

    text: str
    limit: float
    measured: float | None
    unit: str = "times"

    @property
    def verdict(self) -> str:
        """Whether it is reached."""
        if self.measured is None:
            return "not measured"
        return "yes" if self.measured <= self.limit else "NO"


def targets(figures: Figures, store: Mapping[str, Any] | None = None) -> list[Target]:
    """Return all targets with what was measured of them.

    :param store: what :mod:`benchmarks.entries` measured.
    """
    kinds = (_replay, _job_by_job, _cold, _large, _memory)
    return [*(target for kind in kinds for target in kind(figures)), *_store(store or {})]


def _grown(figures: Figures, name: str, runner: str) -> float | None:
    """Return how many times the CPU of 1000 jobs those of 10 000 take."""
    large, small = (figures.get("W1", size, name, runner) for size in (10_000, 1000))
    return large / small if large is not None and small else None


def _replay(figures: Figures) -> Iterator[Target]:
    times = figures.ratio
    replay = ("W1", 1000, "replay", _MEMO)
    yield Target("replay, W1 N=1000: CPU of --cachedir's", 1 / 20, times(*replay, _CACHE))
    yield Target("replay, W1 N=1000: CPU of snakemake's no-op", 1 / 3, times(*replay, "snakemake"))
    one = times("W1", 1, "replay", _MEMO, _CACHE)
    yield Target("replay, W1 N=1: CPU of --cachedir's", 0.12 / 0.74, one)
    grown = _grown(figures, "replay", _MEMO)
    yield Target("replay, W1 N=10000: CPU of its own at N=1000", 12, grown)


def _job_by_job(figures: Figures) -> Iterator[Target]:
    times = figures.ratio
    for size, limit in ((1000, 1 / 6), (3000, 1 / 30)):
        for name in _WARM:
            runner = _LONG if name == "replay" else _MEMO
            text = f"job by job, W1 N={size}, {name}: CPU of --cachedir's"
            if size == 1000 or name != "step":
                yield Target(text, limit, times("W1", size, name, runner, _CACHE))
    for name, runner in (("replay", _LONG), ("input", _MEMO)):
        text = f"job by job, W1 N=10000, {name}: CPU of its own at N=1000"
        yield Target(text, 12, _grown(figures, name, runner))
    start = times("W1", 1, "replay", _LONG, _CACHE)
    yield Target("job by job, W1 N=1, start-up: CPU of --cachedir's", 1 / 2, start)
    gathered = figures.get("W7", 3000, "replay", _LONG)
    yield Target("job by job, W7 F=3000: CPU", 1, gathered, "s")
    nested = times("W4", 20, "replay", _LONG, _CACHE)
    yield Target("job by job, W4 20x20: CPU of --cachedir's", 1 / 3, nested)


def _cold(figures: Figures) -> Iterator[Target]:
    times = figures.ratio
    for workload, size in (
        *(("W1", size) for size in (1, 10, 100, 1000)), ("W2", 50), ("W4", 20),
    ):  # fmt: skip
        found = times(workload, size, "cold", _MEMO, _PLAIN)
        limit = 1.0 if (workload, size) == ("W1", 1000) else 1.05
        yield Target(f"cold, {workload} N={size}: CPU of plain cwltool's", limit, found)


def _large(figures: Figures) -> Iterator[Target]:
    times = figures.ratio
    # With small files, the runner's own ones are most of what is read.
    size = max((size for size in figures.sizes("W3") if size >= 256), default=1024)
    cold, warm = ("W3", size, "cold"), ("W3", size, "replay")
    quantities: tuple[tuple[str, Quantity], ...] = (("CPU", "cpu"), ("wall", "wall"))
    for text, quantity in quantities:
        found = times(*cold, _MEMO, _PLAIN, quantity)
        yield Target(f"cold, W3 {size} MiB: {text} of plain cwltool's", 1.3, found)
    yield Target(f"replay, W3 {size} MiB: CPU of --cachedir's", 1 / 20, times(*warm, _MEMO, _CACHE))
    for name, runner in (("replay", _MEMO), ("job by job", _LONG)):
        read = figures.get(*warm, runner, "read")
        found = None if read is None else read / (4 * size * (1 << 20))
        # With the outputs delivered by copies, as where a file system has no reflinks.
        yield Target(f"{name}, W3 {size} MiB: bytes read, of the outputs'", 1.05, found)


def _memory(figures: Figures) -> Iterator[Target]:
    own = figures.get("W1", 10_000, "replay", _MEMO, "peak")
    known = [
        (size, peak)
        for size in figures.sizes("W1")
        if (peak := figures.get("W1", size, "cold", _PLAIN, "peak")) is not None
    ]
    size, peak = known[-1] if known else (10_000, None)
    found = own / peak if own is not None and peak else None
    yield Target(f"memory, W1 N=10000 warm: peak of plain cwltool's at N={size}", 1, found)


def _store(store: Mapping[str, Any]) -> Iterator[Target]:
    entries = store.get("entries", 1_000_000)
    for text, limit, name in (
        ("look-up of an entry", 0.001, "lookup_seconds"),
        ("stats", 10, "stats_seconds"),
        ("gc --dry-run", 10, "gc_seconds"),
    ):
        yield Target(f"store of {entries} entries: {text}", limit, store.get(name), "s")


def target_table(found: Iterable[Target]) -> Table:
    """Return the targets as a table."""
    rows = [
        (
            target.text,
            f"{target.limit:.4g}" + (" s" if target.unit == "s" else ""),
            "" if target.measured is None else f"{target.measured:.4g}",
            target.verdict,
        )
        for target in found
    ]
    return Table("Targets", [("", "at most", "measured", "reached"), *rows])
