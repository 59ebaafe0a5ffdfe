"""The shape of a story of what must miss: one thing changes, and changes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .bench import Bench, Run

__all__ = ["assert_parted", "bound", "file", "show_arguments", "words"]

JSON = Any
_T = TypeVar("_T")


def assert_parted(
    run: Callable[[_T], Run], one: _T, other: _T, texts: tuple[str, str], *, jobs: int = 1
) -> Run:
    """Claim that two ways to run are two jobs, each with its own right result.

    One is run cold, the other then has to be executed too, and the first hits again.

    :param run: makes the change, and runs.
    :param texts: what the output file ``out`` has to hold, one way and the other.
    :param jobs: how many jobs the change reaches.
    :returns: the run after the change.
    """
    cold = run(one)
    assert (cold.code, cold.executed) == (0, jobs), cold.log
    assert cold.text() == texts[0]
    assert not any(cold.not_recorded), cold.log
    changed = run(other)
    assert changed.executed == jobs, changed.log
    assert changed.results.count("executed") == jobs
    assert (changed.code, changed.text()) == (0, texts[1]), changed.log
    back = run(one)
    assert (back.code, back.executed, back.text()) == (0, 0, texts[0]), back.log
    return changed


def file(path: Path | str, **fields: JSON) -> dict[str, JSON]:
    """Return a File object of an input object."""
    return {"class": "File", "path": str(path), **fields}


def bound(kind: JSON, position: int = 1, **fields: JSON) -> dict[str, JSON]:
    """Return an input that stands on the command line."""
    return {"type": kind, "inputBinding": {"position": position, **fields}}


def show_arguments(bench: Bench, inputs: JSON, **fields: JSON) -> Path:
    """Write a tool that prints each of its arguments, with a ``|`` after it."""
    return bench.tool(body="printf '%s|' \"$@\"", inputs=inputs, **fields)


def words(*words: object) -> str:
    """Return what such a tool prints."""
    return "".join(f"{word}|" for word in words)
