"""The latest entries of each tool, in a table: what a miss is held against."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from typing import Final

from cwl_memo.core.digest import ReuseKey, digest_of_value
from cwl_memo.errors import FormatError
from cwl_memo.store.table import Table
from cwl_memo.store.unfailing_table import value_of

__all__ = ["RECENT", "read_latest", "write_latest"]

RECENT: Final = 64
"""How many of a tool's latest entries are at hand."""


def read_latest(table: Table, tool: str) -> list[ReuseKey]:
    """Return the keys of a tool's latest entries, newest first."""
    return [key for _, key in _known(table, _name(tool))]


def write_latest(
    table: Table, latest: Iterable[tuple[str, float, ReuseKey]], mark: str = ""
) -> None:
    """Put entries among the latest of their tools, in one transaction.

    :param latest: tool, time and key of each.
    :param mark: a name that is set with it.
    """
    tools: dict[str, list[tuple[float, ReuseKey]]] = {}
    for tool, when, key in latest:
        tools.setdefault(tool, []).append((when, key))
    with table.transact():
        for tool, added in tools.items():
            name = _name(tool)
            table.set(name, _as_text([*_known(table, name), *added]))
        if mark:
            table.set(mark, "true")


def _name(tool: str) -> str:
    # A label may be of any length.
    return f"recent:{digest_of_value('tool-label', tool).hex}"


def _known(table: Table, name: str) -> list[tuple[float, ReuseKey]]:
    value = value_of(table, name)
    latest = []
    for item in value if isinstance(value, list) else ():
        match item:
            case [int(when) | float(when), str(key)]:
                with contextlib.suppress(FormatError):
                    latest.append((when, ReuseKey(key)))
    return latest


def _as_text(latest: list[tuple[float, ReuseKey]]) -> str:
    kept: dict[str, float] = {}
    for when, key in sorted(latest, reverse=True):
        kept.setdefault(key.hex, when)
    return json.dumps([[when, key] for key, when in list(kept.items())[:RECENT]])
