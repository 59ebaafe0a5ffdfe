"""W6: real workflows: the demo's, and variant calling by bwa, samtools and bcftools."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.runner import Language
from benchmarks.state import State

from .model import Document, Workload, cwl_files, put, put_json

__all__ = ["Outbreak", "Variants"]

_ROOT: Final = Path(__file__).parents[2]
_SAMPLES: Final = 3


class Outbreak(Workload):
    """The demo: four isolates of a bacterium, from short reads to their family tree."""

    name = "W6"
    title = "the demo, 15 jobs of Python scripts, a reference of N bases"
    unit = "N"
    scenarios = ("cold", "replay", "input", "step")
    languages: frozenset[Language] = frozenset({"cwl"})

    def jobs(self, state: State) -> int:  # noqa: ARG002
        """Return those of four isolates, and three."""
        return 4 * 3 + 3

    def write(self, folder: Path, state: State) -> None:
        """Write the demo; a change adds reads to one isolate, an edit a comment to a script."""
        demo = _ROOT / "examples" / "demo"
        data = folder / "data"
        if not data.exists():
            words = [str(demo / "simulate.py"), str(data), "--length", str(state.size)]
            subprocess.run([sys.executable, *words, "--depth", "15"], check=True)
            shutil.copytree(demo / "workflow", folder / "workflow")
        script = "scripts/join_samples.py"
        text = (demo / "workflow" / script).read_text(encoding="utf-8")
        put(folder / "workflow" / script, text + "\n# Edited.\n" * state.edits)
        reads = data / "isolate_D.fastq"
        original = data / "isolate_D.original"
        if not original.exists():
            shutil.copyfile(reads, original)
        again = "".join(_read(number) for number in range(state.inputs))
        put(reads, original.read_text(encoding="utf-8") + again)

    def document(self, folder: Path, language: Language) -> Document:  # noqa: ARG002
        """Return the demo's own workflow and input object."""
        return Document(folder / "workflow" / "outbreak.cwl", folder / "data" / "job.yml")


def _read(number: int) -> str:
    bases = "".join(random.Random(number).choices("ACGT", k=100))  # noqa: S311
    return f"@more.{number}\n{bases}\n+\n{'I' * 100}\n"


class Variants(Workload):
    """Joint variant calling of three samples."""

    name = "W6-bwa"
    title = "variant calling by bwa, samtools, bcftools, 13 jobs, a reference of N bases"
    unit = "N"
    scenarios = ("cold", "replay", "input")
    languages: frozenset[Language] = frozenset({"cwl"})

    def obstacle(self) -> str:
        """Name the programs that are missing."""
        programs = ("bwa", "samtools", "bcftools", "wgsim")
        missing = [name for name in programs if shutil.which(name) is None]
        if not missing:
            return ""
        return f"not installed: {', '.join(missing)} (Debian: bwa samtools bcftools)"

    def jobs(self, state: State) -> int:  # noqa: ARG002
        """Return those of three samples, and four."""
        return 3 * _SAMPLES + 4

    def write(self, folder: Path, state: State) -> None:
        """Write a reference, and reads from genomes that vary from it."""
        if not (folder / "workflow").exists():
            shutil.copytree(_ROOT / "tests" / "realworld" / "workflow", folder / "workflow")
        reference = folder / "data" / "reference.fa"
        bases = "".join(random.Random(1).choices("ACGT", k=state.size))  # noqa: S311
        put(reference, f">contig\n{bases}\n")
        ends: tuple[list[Path], list[Path]] = ([], [])
        for sample, version in enumerate(state.versions(_SAMPLES)):
            paths = [folder / "data" / f"s{sample}v{version}_{end}.fastq" for end in (1, 2)]
            if not paths[0].exists():
                _simulate(reference, paths, 1 + sample + _SAMPLES * version, state.size)
            for end, path in zip(ends, paths, strict=True):
                end.append(path)
        put_json(
            folder / "job.cwl.json",
            {
                "reference": cwl_files([reference])[0],
                "samples": [f"sample{sample}" for sample in range(_SAMPLES)],
                "forward": cwl_files(ends[0]),
                "backward": cwl_files(ends[1]),
            },
        )

    def document(self, folder: Path, language: Language) -> Document:  # noqa: ARG002
        """Return the workflow that the project's slow tests run."""
        return Document(folder / "workflow" / "variants.cwl", folder / "job.cwl.json")


def _simulate(reference: Path, ends: list[Path], seed: int, bases: int) -> None:
    options = ["-h", "-N", str(bases // 20), "-1", "100", "-2", "100", "-r", "0.005"]
    words = ["wgsim", *options, "-S", str(seed), str(reference), *map(str, ends)]
    subprocess.run(words, check=True, capture_output=True)
