"""How runners are called: command templates with places."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from .errors import BenchmarkError

__all__ = ["Language", "Runner", "find_program", "surroundings"]

Language = Literal["cwl", "snakemake", "doit", "wdl", "c"]

_PLACES: Final = ("store", "outdir", "document", "job")
_ROOT: Final = Path(__file__).parents[1]


@dataclass(frozen=True)
class Runner:
    """A runner's command line with places for what differs from run to run.

    Environment variables stand before the program, as in a shell: ``CACHE={store} runner``.
    Places: ``{store}``, ``{outdir}``, ``{document}``, ``{job}``.

    :param language: of the documents that it runs.
    :param reuses: False for a runner without a cache, of which only cold runs are measured.
    :param in_place: whether it takes what lies in its output directory for its own results of
        the run before; then an unchanged run is one that has nothing to do.
    :param keeps: whether its store holds paths of earlier output directories, not bytes.
    :param most: the greatest number of jobs that it is run with unless asked to.
    :param option: an option that its help has to name, for what not every version can do.
    """

    name: str
    command: str
    language: Language = "cwl"
    reuses: bool = True
    in_place: bool = False
    keeps: bool = False
    most: int | None = None
    option: str = ""
    needs: tuple[str, ...] = ()

    def check(self) -> None:
        """Raise :class:`BenchmarkError` if the template cannot be used."""
        for place in re.findall(r"\{([a-z]*)\}", self.command):
            if place not in _PLACES:
                raise BenchmarkError(f"{self.command!r}: there is no place {{{place}}}")
        store = ("store",) if self.reuses and not self.in_place else ()
        for place in ("outdir", "document", "job", *store):
            if f"{{{place}}}" not in self.command:
                raise BenchmarkError(f"{self.command!r}: the place {{{place}}} is missing")
        words = shlex.split(self.command)
        if _after_variables(words) == len(words):
            raise BenchmarkError("the command is empty")

    @property
    def program(self) -> str:
        """The program's name, as the template has it."""
        words = shlex.split(self.command)
        return words[_after_variables(words)]

    def missing(self) -> list[str]:
        """Return the programs that are needed and not there."""
        return [name for name in (self.program, *self.needs) if find_program(name) is None]

    def words(self, places: Mapping[str, Path]) -> tuple[dict[str, str], list[str]]:
        """Return the variables and the command line of one run."""
        filled = [
            re.sub(r"\{([a-z]+)\}", lambda match: str(places[match[1]]), word)
            for word in shlex.split(self.command)
        ]
        at = _after_variables(filled)
        variables = dict(word.split("=", 1) for word in filled[:at])
        return variables, [find_program(filled[at]) or filled[at], *filled[at + 1 :]]


def _after_variables(words: Sequence[str]) -> int:
    """Return the position of the program, after variables that are set for it."""
    is_variable = (re.match(r"[A-Za-z_][A-Za-z0-9_]*=", word) for word in words)
    return next((i for i, found in enumerate(is_variable) if not found), len(words))


def surroundings() -> dict[str, str]:
    """Return the environment of a run: programs are found, and no setting comes from outside."""
    kept = {name: os.environ[name] for name in ("HOME", "TMPDIR", "LANG") if name in os.environ}
    return kept | {"PATH": _programs()}


def _programs() -> str:
    """Return where programs are looked for: beside this Python, on PATH, among the peers."""
    peers = os.environ.get("BENCH_PEERS", str(_ROOT / ".venv-bench"))
    # The peers last: their environment has a Python of its own, which jobs must not see.
    return os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), f"{peers}/bin"]
    )


def find_program(name: str) -> str | None:
    """Return the path of a program; None where there is none."""
    found = shutil.which(name, path=_programs())
    return None if found is None else str(Path(found).absolute())
