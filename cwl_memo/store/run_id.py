"""Ids of runs: when a run began, and what no other run has."""

from __future__ import annotations

import datetime as dt
import re
import secrets
from typing import Final

from cwl_memo.errors import StoreError

__all__ = ["check_run", "is_run", "new_run_id"]

_RUN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+:-]{0,127}")


def is_run(text: str) -> bool:
    """Tell whether a text can be the id of a run, and so the name of a file."""
    return _RUN.fullmatch(text) is not None


def check_run(run: str) -> str:
    """Return the id of a run if it can be the name of a file.

    :raises StoreError: if it cannot.
    """
    if not is_run(run):
        raise StoreError(f"not the id of a run: {run[:200]!r}")
    return run


def new_run_id() -> str:
    """Return an id for a run: when it began, and something no other run has.

    Runs of the same second are told apart, and sorted, by the fraction of it.
    """
    begun = dt.datetime.now().astimezone()
    fraction = begun.microsecond * 0x10000 // 10**6
    return f"{begun:%Y-%m-%d-%H%M%S}-{fraction:04x}{secrets.token_hex(1)}"
