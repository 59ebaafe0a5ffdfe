"""Make the demo's data: a reference and the reads of four related isolates.

Four isolates descend from the reference by a known tree, ((A, B), (C, D)). Reads are short,
their errors grow towards the end as their qualities say, and some run into the adapter. The
same seed makes the same bytes.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

ADAPTER = "AGATCGGAAGAGCACACGTCTGAACTCCAGTCA"
SAMPLES = ("isolate_A", "isolate_B", "isolate_C", "isolate_D")
READ_LENGTH = 100
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def random_bases(rng: random.Random, length: int) -> str:
    """Return a random sequence."""
    return "".join(rng.choices("ACGT", k=length))


def make_reference(rng: random.Random, length: int) -> str:
    """Return a random genome in which one element of 300 bases stands twice."""
    element = random_bases(rng, 300)
    third = length // 3
    genome = random_bases(rng, length)
    for start in (third, 2 * third):
        genome = genome[:start] + element + genome[start + len(element) :]
    return genome


def substitute(rng: random.Random, genome: str, count: int) -> str:
    """Return the genome with bases exchanged at `count` positions."""
    bases = list(genome)
    for position in rng.sample(range(len(bases)), count):
        bases[position] = rng.choice("ACGT".replace(bases[position], ""))
    return "".join(bases)


def delete(rng: random.Random, genome: str, count: int) -> str:
    """Return the genome without `count` of its bases."""
    bases = list(genome)
    for position in rng.sample(range(len(bases)), count):
        bases[position] = ""
    return "".join(bases)


def make_isolates(rng: random.Random, reference: str) -> dict[str, str]:
    """Return each isolate's genome: two lineages, two isolates in each."""
    share = len(reference) // 500
    left, right = (substitute(rng, reference, share) for _ in range(2))
    genomes = {}
    for sample, lineage in zip(SAMPLES, (left, left, right, right), strict=True):
        genomes[sample] = delete(rng, substitute(rng, lineage, share // 2), 2)
    return genomes


def one_read(rng: random.Random, genome: str) -> tuple[str, str]:
    """Return the bases and qualities of one read of either strand."""
    insert = rng.randint(READ_LENGTH // 4, READ_LENGTH * 3)
    start = rng.randrange(len(genome) - insert)
    fragment = genome[start : start + insert]
    if rng.random() < 0.5:
        fragment = fragment.translate(COMPLEMENT)[::-1]
    template = (fragment + ADAPTER + random_bases(rng, READ_LENGTH))[:READ_LENGTH]
    bases, qualities = [], []
    for cycle, base in enumerate(template):
        quality = max(2, min(40, round(rng.gauss(38 - 26 * (cycle / READ_LENGTH) ** 3, 4))))
        wrong = rng.random() < 10 ** (-quality / 10)
        bases.append(rng.choice("ACGT") if wrong else base)
        qualities.append(chr(quality + 33))
    return "".join(bases), "".join(qualities)


def fastq(rng: random.Random, genome: str, sample: str, count: int) -> str:
    """Return `count` reads of a genome as FASTQ."""
    records = []
    for number in range(1, count + 1):
        bases, qualities = one_read(rng, genome)
        records.append(f"@{sample}.{number}\n{bases}\n+\n{qualities}\n")
    return "".join(records)


def sequence_again(sample: str, seed: int, length: int, depth: int) -> str:
    """Return the reads of a later sampling of an isolate, which has gained mutations."""
    rng = random.Random(seed)  # noqa: S311 -- made-up reads, no secrets
    genome = make_isolates(rng, make_reference(rng, length))[sample]
    evolved = substitute(rng, genome, length // 1000)
    return fastq(rng, evolved, sample, depth * length // READ_LENGTH)


def unusable_reads(count: int) -> str:
    """Return reads of the lowest quality, none of which outlives the trimming."""
    return "".join(
        f"@unusable.{number}\n{'N' * READ_LENGTH}\n+\n{'#' * READ_LENGTH}\n"
        for number in range(1, count + 1)
    )


def write_job(folder: Path) -> None:
    """Write the input object of the workflow, with paths relative to itself."""
    lines = [
        "reference:",
        "  class: File",
        "  location: reference.fa",
        "  format: http://edamontology.org/format_1929  # FASTA",
        f"samples: [{', '.join(SAMPLES)}]",
        "reads:",
    ]
    for sample in SAMPLES:
        lines += [
            "  - class: File",
            f"    location: {sample}.fastq",
            "    format: http://edamontology.org/format_1930  # FASTQ",
        ]
    (folder / "job.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_data(folder: Path, seed: int, length: int, depth: int) -> None:
    """Write the reference, four FASTQ files and the input object.

    :param length: of the reference, in bases.
    :param depth: how many reads lie over a position, on average.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(seed)  # noqa: S311 -- made-up reads, no secrets
    reference = make_reference(rng, length)
    lines = [reference[at : at + 70] for at in range(0, length, 70)]
    (folder / "reference.fa").write_text(">chromosome\n" + "\n".join(lines) + "\n", "utf-8")
    for sample, genome in make_isolates(rng, reference).items():
        reads = fastq(rng, genome, sample, depth * length // READ_LENGTH)
        (folder / f"{sample}.fastq").write_text(reads, encoding="utf-8")
    write_job(folder)


def main() -> None:
    """Write the data into the folder named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--length", type=int, default=16000, help="of the reference, in bases")
    parser.add_argument("--depth", type=int, default=30, help="reads over a position")
    options = parser.parse_args()
    write_data(options.folder, options.seed, options.length, options.depth)


if __name__ == "__main__":
    main()
