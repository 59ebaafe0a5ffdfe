"""What a workload is, and how its files are written."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.outputs import Delivered
from benchmarks.runner import Language
from benchmarks.state import State

__all__ = ["Document", "Workload", "cwl_files", "put", "put_documents", "put_json"]

_DOCUMENTS: Final = Path(__file__).parents[1] / "documents"
_MAIN: Final[Mapping[Language, str]] = {
    "cwl": "workflow.cwl",
    "snakemake": "Snakefile",
    "doit": "dodo.py",
    "wdl": "workflow.wdl",
    "c": "compile.sh",
}
_JOBS: Final[Mapping[Language, str]] = {
    "cwl": "job.cwl.json",
    "snakemake": "job.json",
    "doit": "job.json",
    "wdl": "job.wdl.json",
    "c": "job.json",
}


@dataclass(frozen=True)
class Document:
    """What a runner is given: a document in its language, and the inputs."""

    path: Path
    job: Path


class Workload(ABC):
    """Documents and data, both made from a state and from nothing else."""

    name: str
    title: str
    unit: str
    """What its size counts."""
    scenarios: tuple[str, ...]
    languages: frozenset[Language]

    def obstacle(self) -> str:
        """Return why it cannot be run here; empty if it can."""
        return ""

    @abstractmethod
    def jobs(self, state: State) -> int:
        """Return how many jobs it has."""

    @abstractmethod
    def write(self, folder: Path, state: State) -> None:
        """Write documents and data; leave files alone that are as they should be."""

    def expected(self, state: State) -> Delivered | None:  # noqa: ARG002
        """Return what has to be delivered; None where only a run of it can tell."""
        return None

    def document(self, folder: Path, language: Language) -> Document:
        """Return what a runner of a language is given."""
        return Document(folder / _MAIN[language], folder / _JOBS[language])


def put(path: Path, content: str | bytes) -> None:
    """Write a file, unless it holds just that: an untouched file stays untouched."""
    data = content.encode() if isinstance(content, str) else content
    if path.is_file() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def put_json(path: Path, value: Any) -> None:
    """Write a value as JSON."""
    put(path, json.dumps(value, indent=1) + "\n")


def put_documents(name: str, folder: Path, state: State) -> None:
    """Write the documents of a workload in the edition of the state."""
    for path in sorted((_DOCUMENTS / name).iterdir()):
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            put(folder / path.name, text.replace("edition-0", state.edition))


def cwl_files(paths: Iterable[Path]) -> list[dict[str, str]]:
    """Return files as an input object has them."""
    return [{"class": "File", "location": path.as_uri()} for path in paths]
