"""W4: a scatter within a scatter, in sub-workflows, with JavaScript."""

from __future__ import annotations

from pathlib import Path

from benchmarks.outputs import Delivered, sha1
from benchmarks.runner import Language
from benchmarks.state import State

from .model import Workload, put_documents, put_json

__all__ = ["Nested"]


class Nested(Workload):
    """N rows of N words; each is written in capitals, then rows and all are joined."""

    name = "W4"
    title = "nested scatter of N x N with JavaScript"
    unit = "N"
    scenarios = ("cold", "replay", "input")
    languages: frozenset[Language] = frozenset({"cwl", "snakemake", "doit", "wdl"})

    def jobs(self, state: State) -> int:
        """Return one for each word, one for each row, and one."""
        return state.size * state.size + state.size + 1

    def write(self, folder: Path, state: State) -> None:
        """Write the words, which are all the data."""
        put_documents("nested", folder, state)
        rows = _rows(state)
        put_json(folder / "job.json", {"rows": rows})
        put_json(folder / "job.cwl.json", {"rows": rows})
        put_json(folder / "job.wdl.json", {"main.rows": rows})

    def expected(self, state: State) -> Delivered:
        """Return all words in capitals."""
        lines = [f"{word.upper()}\n" for row in _rows(state) for word in row]
        return (("all.txt", sha1("".join(lines).encode())),)


def _rows(state: State) -> list[list[str]]:
    versions = state.versions(state.size * state.size)
    words = [f"word{number}v{version}" for number, version in enumerate(versions)]
    return [words[at : at + state.size] for at in range(0, len(words), state.size)]
