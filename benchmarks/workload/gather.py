"""W7: one job that gathers many files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.outputs import Delivered, sha1
from benchmarks.runner import Language
from benchmarks.state import State

from .model import Workload, cwl_files, put, put_documents, put_json

__all__ = ["Gather"]


class Gather(Workload):
    """A single job that joins F files."""

    name = "W7"
    title = "one job that gathers F files"
    unit = "F"
    scenarios = ("cold", "replay", "input")
    languages: frozenset[Language] = frozenset({"cwl", "snakemake", "doit", "wdl"})

    def jobs(self, state: State) -> int:  # noqa: ARG002
        """Return one."""
        return 1

    def write(self, folder: Path, state: State) -> None:
        """Write the files."""
        put_documents("gather", folder, state)
        paths = []
        for number, version in enumerate(state.versions(state.size)):
            path = folder / "data" / f"g{number:05}.txt"
            put(path, _text(number, version))
            paths.append(path)
        texts = [str(path) for path in paths]
        names = folder / "names.txt"
        put(names, "\n".join([*texts, ""]))
        put_json(folder / "job.json", {"texts": texts, "names": str(names)})
        put_json(folder / "job.cwl.json", {"texts": cwl_files(paths)})
        put_json(folder / "job.wdl.json", {"main.texts": texts})

    def expected(self, state: State) -> Delivered:
        """Return the files joined."""
        versions = enumerate(state.versions(state.size))
        text = "".join(_text(number, version) for number, version in versions)
        return (("gathered.txt", sha1(text.encode())),)


def _text(number: int, version: int) -> str:
    return f"file {number}, version {version}\n"
