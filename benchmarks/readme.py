"""Puts results into the README as tables, between two marks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .errors import BenchmarkError
from .record import Figures, load_runs
from .table import Table, overview_tables
from .targets import target_table, targets

__all__ = ["README", "figures_text", "update"]

README: Final = Path(__file__).with_name("README.md")
_BEGIN: Final = "<!-- figures: python -m benchmarks readme FILE -->"
_END: Final = "<!-- end of figures -->"


def update(data: dict[str, Any], path: Path = README) -> None:
    """Replace the figures in the README by those of results.

    :raises BenchmarkError: if the marks are not there.
    """
    before, begin, rest = path.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise BenchmarkError(f"{path}: the marks around the figures are missing")
    parts = [before + _BEGIN, figures_text(data), _END + after]
    path.write_text("\n\n".join(parts), encoding="utf-8")


def figures_text(data: dict[str, Any]) -> str:
    """Return all figures as Markdown."""
    return "\n\n".join(_parts(data))


def _parts(data: dict[str, Any]) -> Iterator[str]:
    where = data["machine"]
    yield (
        f"Seen on {where['date']}: {where['processors']} processors, {where['memory_gib']} GiB, "
        f"{where['system']}, {where['implementation']} {where['python']}, load average "
        f"{where['load']} (a machine with nothing else to do has less than 1)."
    )
    figures = Figures(load_runs(data))
    yield target_table(targets(figures, data.get("entries"))).markdown()
    for table in overview_tables(figures):
        yield table.markdown()
    for name in ("entries", "hashing"):
        if rows := data.get(name, {}).get("table"):
            yield _grid(rows)
    if absent := data.get("absent"):
        yield "\n".join(f"- left out: {name}: {why}" for name, why in absent.items())


def _grid(rows: list[list[str]]) -> str:
    title, *cells = rows
    return Table(title[0], cells).markdown()
