"""What a runner made of a test, and where two runners differ. Pure: no files, no programs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = ["Difference", "Status", "Verdict", "compare", "output_of"]


class Status(Enum):
    """What cwltest says of a test."""

    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True)
class Verdict:
    """What a runner made of a test.

    :param status: what cwltest says.
    :param output: the output object that the runner printed, freed of the names of
        temporary directories; the bare text where it is not JSON.
    :param crashed: whether a Python traceback stands in the runner's log. A test that
        ought to fail passes by any failure, a crash too.
    :param detail: cwltest's complaint, if any, and the end of the runner's log.
    """

    status: Status
    output: Any = None
    crashed: bool = False
    detail: str = ""

    def differs_from(self, plain: Verdict) -> str:
        """Return in what this differs from plain cwltool's verdict; empty if in nothing."""
        if self.status is not plain.status:
            return "status"
        if self.crashed and not plain.crashed:
            return "crash"
        # What a failed or refused run printed, if anything, nobody is meant to read.
        if self.status is Status.PASSED and self.output != plain.output:
            return "output object"
        return ""


@dataclass(frozen=True)
class Difference:
    """One test of which a pass says something else than plain cwltool."""

    number: int
    aspect: str
    plain: Verdict
    memo: Verdict


def compare(plain: Mapping[int, Verdict], memo: Mapping[int, Verdict]) -> list[Difference]:
    """Return the tests, by number, of which a pass says something else than plain cwltool.

    :raises KeyError: if the two are not of the same tests.
    """
    if plain.keys() != memo.keys():
        raise KeyError(*sorted(plain.keys() ^ memo.keys()))
    return [
        Difference(number, aspect, plain[number], memo[number])
        for number in sorted(plain)
        if (aspect := memo[number].differs_from(plain[number]))
    ]


def output_of(text: str, temporary: str, others: Collection[str] = ()) -> Any:
    """Return the output object that a runner printed.

    :param temporary: the directory under which the runner made its directories of
        random names; each becomes ``TMP``, so that output objects can be compared.
    :param others: those of other passes. A tool may print where it ran, and prints the same
        when its job is reused; that becomes ``TMP`` too. No File may lie there.
    """
    text = re.sub(_random(temporary), "TMP", text)
    try:
        value = json.loads(text) if text.strip() else None
    except ValueError:
        return text
    return _freed(value, re.compile("|".join(map(_random, others)))) if others else value


def _random(directory: str) -> str:
    return re.escape(directory) + r"/[^/\"\s]+"


def _freed(value: Any, random: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return random.sub("TMP", value)
    if isinstance(value, list):
        return [_freed(item, random) for item in value]
    if isinstance(value, dict):
        return {
            name: item if name in {"location", "path"} else _freed(item, random)
            for name, item in value.items()
        }
    return value
