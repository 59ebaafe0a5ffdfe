"""Tables of plain text."""

from __future__ import annotations

import pytest

from cwl_memo.report.table import Column, cut, printable, table

COLUMNS = (Column("NAME", least=6), Column("SIZE", right=True), Column("RUN", spare=True))
ROWS = [["align.cwl", "1.2 GB", "2026-11-20"], ["s", "9 bytes", "2026-11-21"]]


def test_columns_line_up_and_numbers_stand_at_the_right() -> None:
    assert table(COLUMNS, ROWS, None) == [
        "NAME          SIZE  RUN",
        "align.cwl   1.2 GB  2026-11-20",
        "s          9 bytes  2026-11-21",
    ]


def test_a_table_without_rows_is_its_titles() -> None:
    assert table(COLUMNS, [], 80) == ["NAME  SIZE  RUN"]


def test_a_long_cell_is_cut_before_a_column_is_left_out() -> None:
    assert table(COLUMNS, ROWS, 28) == [
        "NAME        SIZE  RUN",
        "align.…   1.2 GB  2026-11-20",
        "s        9 bytes  2026-11-21",
    ]


def test_a_spare_column_is_left_out_where_there_is_no_room() -> None:
    assert table(COLUMNS, ROWS, 20) == [
        "NAME          SIZE",
        "align.cwl   1.2 GB",
        "s          9 bytes",
    ]


@pytest.mark.parametrize("width", range(15, 40))
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, table(COLUMNS, ROWS, width))) <= width


def test_a_pipe_gets_every_cell_whole() -> None:
    assert "x" * 300 in table(COLUMNS, [["x" * 300, "", ""]], None)[1]


def test_wide_characters_take_two_columns() -> None:
    assert table((Column("NAME"), Column("N")), [["整列", "1"], ["ab", "2"]], None) == [
        "NAME  N",
        "整列  1",
        "ab    2",
    ]
    assert cut("整列整列", 5) == "整列…"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("two\nlines", r"two\nlines"),
        ("evil\u202egnp.exe", r"evil\u202egnp.exe"),
        ("bytes\udcff", r"bytes\udcff"),
        ("größe 整列", "größe 整列"),
    ],
)
def test_no_name_can_steer_a_terminal(name: str, shown: str) -> None:
    assert printable(name) == shown
    assert table((Column("N"),), [[name]], None)[1] == shown
