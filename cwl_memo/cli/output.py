"""What verbs write, and to where: answers to stdout, remarks to stderr."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable
from datetime import datetime

from cwl_memo.core.canonical import JSON
from cwl_memo.report.table import printable

__all__ = ["moment", "remark", "short_time", "terminal_width", "write_json", "write_lines"]


def write_lines(lines: Iterable[str]) -> None:
    """Write lines of an answer to stdout."""
    for line in lines:
        sys.stdout.write(line + "\n")


def write_json(document: JSON) -> None:
    """Write the one JSON document that is the answer to stdout, in ASCII."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def remark(text: str) -> None:
    """Write a line that is no answer to stderr, after all that was written to stdout before."""
    sys.stdout.flush()
    sys.stderr.write(printable(text) + "\n")


def terminal_width() -> int | None:
    """Return the width of the terminal on stdout; None where stdout is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def moment(text: str) -> float:
    """Return the seconds since the epoch of an ISO 8601 time; 0 for any other text."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def short_time(text: str) -> str:
    """Return an ISO 8601 time as people here read it, to the minute, in local time."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return text
