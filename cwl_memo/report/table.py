"""Tables of plain text that fit a terminal and stay whole in a pipe."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from cwl_memo.core.printable import printable

__all__ = ["Column", "cut", "printable", "table"]

_GAP = "  "


@dataclass(frozen=True)
class Column:
    """One column of a table.

    :param title: in capitals, as the first line has it.
    :param right: whether its cells stand at the right.
    :param least: the columns of a terminal to which a cell may be cut; 0 for never.
    :param spare: whether the column may be left out where there is no room.
    """

    title: str
    right: bool = False
    least: int = 0
    spare: bool = False


def _width(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    marks = sum(unicodedata.combining(c) != 0 for c in text)
    return len(text) + wide - marks


def cut(text: str, width: int) -> str:
    """Return ``text``, its end replaced by ``…`` where it is wider than ``width``."""
    if _width(text) <= width:
        return text
    while text and _width(text) >= width:
        text = text[:-1]
    return text + "…"


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Return the lines of a table, titles first.

    :param width: columns of the terminal; None for a pipe, where nothing is cut.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    kept = list(range(len(columns)))
    titles = [column.title for column in columns]
    widths = [max(_width(row[i]) for row in [titles, *cells]) for i in kept]
    if width is not None:
        kept = _fit(columns, widths, width)
    return [_line(columns, kept, widths, row) for row in [titles, *cells]]


def _fit(columns: Sequence[Column], widths: list[int], width: int) -> list[int]:
    """Narrow ``widths`` in place until the table fits; return the columns that stay."""
    kept = list(range(len(columns)))
    full = list(widths)
    while True:
        widths[:] = full
        over = sum(widths[i] for i in kept) + len(_GAP) * (len(kept) - 1) - width
        while over > 0:
            loose = [i for i in kept if columns[i].least and widths[i] > columns[i].least]
            if not loose:
                break
            widest = max(loose, key=lambda i: widths[i])
            widths[widest] -= 1
            over -= 1
        spare = [i for i in kept if columns[i].spare]
        if over <= 0 or not spare:
            return kept
        kept.remove(spare[-1])


def _line(
    columns: Sequence[Column], kept: Sequence[int], widths: Sequence[int], cells: Sequence[str]
) -> str:
    parts = []
    for i in kept:
        text = cut(cells[i], widths[i])
        padding = " " * (widths[i] - _width(text))
        parts.append(padding + text if columns[i].right else text + padding)
    return _GAP.join(parts).rstrip()
