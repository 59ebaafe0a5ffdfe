"""W3: four jobs, each with a large file in and a large file out."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import Final

from benchmarks.outputs import Delivered
from benchmarks.runner import Language
from benchmarks.state import State

from .model import Workload, cwl_files, put_documents, put_json

__all__ = ["Large"]

_JOBS: Final = 4
_MIB: Final = 1 << 20


class Large(Workload):
    """Four copies of files of so many MiB."""

    name = "W3"
    title = "four jobs of N MiB in and out"
    unit = "MiB"
    scenarios = ("cold", "replay", "same-outdir", "input")
    languages: frozenset[Language] = frozenset({"cwl", "snakemake", "doit", "wdl"})

    def __init__(self) -> None:
        self._digests: dict[tuple[int, int, int], str] = {}

    def jobs(self, state: State) -> int:  # noqa: ARG002
        """Return four."""
        return _JOBS

    def write(self, folder: Path, state: State) -> None:
        """Write the blocks that are not there as they should be."""
        put_documents("large", folder, state)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        paths = []
        for number, version in enumerate(state.versions(_JOBS)):
            path = folder / "data" / f"b{number}.block"
            mark = path.with_suffix(f".is-{state.size}-{version}")
            if not mark.exists():
                self._write(path, number, version, state.size)
                mark.touch()
            paths.append(path)
        names = [str(path) for path in paths]
        put_json(folder / "job.json", {"blocks": names})
        put_json(folder / "job.cwl.json", {"blocks": cwl_files(paths)})
        put_json(folder / "job.wdl.json", {"main.blocks": names})

    def expected(self, state: State) -> Delivered:
        """Return the blocks, which are copied."""
        return tuple(
            (f"b{number}.copy", self._digests[number, version, state.size])
            for number, version in enumerate(state.versions(_JOBS))
        )

    def _write(self, path: Path, number: int, version: int, mebibytes: int) -> None:
        """Write bytes of which no MiB is like another, so that no file system can share them."""
        noise = random.Random(number).randbytes(_MIB - 32)  # noqa: S311
        digest = hashlib.sha1(usedforsecurity=False)
        with path.open("wb") as file:
            for at in range(mebibytes):
                part = f"{number} {version} {at}".encode().ljust(32) + noise
                digest.update(part)
                file.write(part)
        self._digests[number, version, mebibytes] = digest.hexdigest()
