"""Shows figures: the same cells as plain text, and as Markdown for a README."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .record import Figures, Quantity
from .state import SCENARIOS
from .workload import WORKLOADS

__all__ = ["Table", "figure_tables", "overview_tables"]

_PLAIN: Final = "cwltool"
_CACHE: Final = "cwltool-cachedir"
_HEAD: Final = ("CPU s", "wall s", "peak MB", "read MB", "written MB", "ms/job")


@dataclass(frozen=True)
class Table:
    """A title and rows of cells, the first row being the head."""

    title: str
    rows: Sequence[Sequence[str]]

    def text(self) -> str:
        """Return it for a terminal."""
        widths = [max(len(row[column]) for row in self.rows) for column in range(len(self.rows[0]))]
        lines = (
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in self.rows
        )
        return "\n".join([self.title, *(f"  {line}" for line in lines)])

    def markdown(self) -> str:
        """Return it for a README."""
        head, *rows = (f"| {' | '.join(row)} |" for row in self.rows)
        rule = "|---|" + "---:|" * (len(self.rows[0]) - 1)
        return "\n".join([f"**{self.title}**", "", head, rule, *rows])


def figure_tables(figures: Figures, reference: str | None = None) -> Iterator[Table]:
    """Yield a table for each workload, size and scenario.

    :param reference: the runner that ratios are of; by default plain cwltool where the store
        is empty, else ``cwltool --cachedir``.
    """
    seen = dict.fromkeys((run.workload, run.size, run.scenario) for run in figures.runs)
    order = list(WORKLOADS), list(SCENARIOS)
    for workload, size, name in sorted(
        seen, key=lambda at: (order[0].index(at[0]), at[1], order[1].index(at[2]))
    ):
        scenario = SCENARIOS[name]
        base = reference or (_PLAIN if scenario.cold else _CACHE)
        title = f"{workload} ({WORKLOADS[workload].title}), {WORKLOADS[workload].unit} = {size}"
        head = ("", *_HEAD, f"CPU / {base}", f"wall / {base}", "n")
        rows = list(_rows(figures, (workload, size, name), base))
        yield Table(f"{title}: {name}, {scenario.text}", [head, *rows])


_SHOWN: Final[Mapping[str, Sequence[Quantity]]] = {
    "W1": ("cpu", "peak"),
    "W3": ("cpu", "wall", "read", "written"),
}
_UNITS: Final[Mapping[Quantity, str]] = {
    "cpu": "CPU s",
    "wall": "wall s",
    "peak": "peak MB",
    "read": "read MB",
    "written": "written MB",
}


def overview_tables(figures: Figures) -> Iterator[Table]:
    """Yield a table for each workload and quantity: sizes and scenarios against runners."""
    runners = list(dict.fromkeys(run.runner for run in figures.runs))
    for name, workload in WORKLOADS.items():
        for quantity in _SHOWN.get(name, ("cpu",)):
            rows = [
                (f"{workload.unit} = {size}: {scenario}", *cells)
                for size in figures.sizes(name)
                for scenario in workload.scenarios
                if any(
                    cells := [_shown(figures, (name, size, scenario), r, quantity) for r in runners]
                )
            ]
            if rows:
                title = f"{name} ({workload.title}), {_UNITS[quantity]}"
                yield Table(title, [("", *runners), *rows])


def _shown(figures: Figures, at: tuple[str, int, str], runner: str, quantity: Quantity) -> str:
    value = figures.get(*at, runner, quantity)
    if value is None and figures.flaw(*at, runner):
        return "WRONG"
    return _seconds(value) if quantity in {"cpu", "wall"} else _megabytes(value)


def _rows(figures: Figures, at: tuple[str, int, str], base: str) -> Iterator[Sequence[str]]:
    here = [run for run in figures.runs if (run.workload, run.size, run.scenario) == at]
    for runner in dict.fromkeys(run.runner for run in here):
        count = figures.rounds(*at, runner)
        if not count:
            yield (runner, f"WRONG: {figures.flaw(*at, runner)}", *[""] * (len(_HEAD) + 2))
            continue
        yield (
            runner,
            _seconds(figures.get(*at, runner)),
            _seconds(figures.get(*at, runner, "wall")),
            *(_megabytes(figures.get(*at, runner, q)) for q in ("peak", "read", "written")),
            _milliseconds(figures.slope(*at, runner)),
            *(_times(figures.ratio(*at, runner, base, q)) for q in ("cpu", "wall")),
            str(count),
        )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _megabytes(value: float | None) -> str:
    return "" if value is None else f"{value / 1e6:.0f}"


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value * 1000:.2f}"


def _times(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
