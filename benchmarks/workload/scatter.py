"""W1: many small jobs, each of which reads a small file and writes one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.outputs import Delivered, sha1
from benchmarks.runner import Language
from benchmarks.state import State

from .model import Workload, cwl_files, put, put_documents, put_json

__all__ = ["Scatter"]


class Scatter(Workload):
    """A scatter of N jobs that sort a text, and one job beside it that is edited."""

    name = "W1"
    title = "scatter of N small jobs"
    unit = "N"
    scenarios = ("cold", "replay", "same-outdir", "input", "element", "step")
    languages: frozenset[Language] = frozenset({"cwl", "snakemake", "doit", "wdl", "c"})

    def jobs(self, state: State) -> int:
        """Return N, and one."""
        return state.size + state.elements + 1

    def write(self, folder: Path, state: State) -> None:
        """Write a text for each element."""
        put_documents("scatter", folder, state)
        paths = []
        for number, version in enumerate(state.versions(state.size + state.elements)):
            path = folder / "data" / f"t{number:05}.txt"
            put(path, "".join(reversed(_lines(number, version))))
            paths.append(path)
        texts = [str(path) for path in paths]
        put_json(folder / "job.json", {"texts": texts})
        put_json(folder / "job.cwl.json", {"texts": cwl_files(paths)})
        put_json(folder / "job.wdl.json", {"main.texts": texts})

    def expected(self, state: State) -> Delivered:
        """Return the sorted texts, after the edition."""
        versions = state.versions(state.size + state.elements)
        return (
            ("sign.txt", sha1(f"{state.edition}\n".encode())),
            *(
                (f"t{number:05}.sorted", sha1("".join(_lines(number, version)).encode()))
                for number, version in enumerate(versions)
            ),
        )


def _lines(number: int, version: int) -> list[str]:
    # Begun as comments of C, for the compiler that stands in for ccache's jobs.
    return [f"// a {number}\n", f"// b {number} {version}\n", f"// c {number}\n"]
