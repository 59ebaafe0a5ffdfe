"""Index a FASTA: its k-mers with their positions, and samtools' line index.

Writes REFERENCE.kmi, one line a k-mer: the k-mer, its positions, and `unique` when no other
place of the reference, on either strand, holds it or a k-mer one base away; and REFERENCE.fai.
"""

from __future__ import annotations

import argparse
from pathlib import Path

COMPLEMENT = str.maketrans("ACGT", "TGCA")


def read_fasta(path: Path) -> tuple[str, str]:
    """Return name and sequence of the first record."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    return header[1:].split()[0], "".join(lines).upper()


def positions_of(sequence: str, k: int) -> dict[str, list[int]]:
    """Return the positions of each k-mer of a sequence."""
    places: dict[str, list[int]] = {}
    for position in range(len(sequence) - k + 1):
        places.setdefault(sequence[position : position + k], []).append(position)
    return places


def is_unique(kmer: str, forward: dict[str, list[int]], reverse: dict[str, list[int]]) -> bool:
    """Return whether the k-mer has one place and no neighbour one base away has any."""
    if len(forward[kmer]) > 1 or kmer in reverse:
        return False
    for at, base in enumerate(kmer):
        for other in "ACGT":
            neighbour = kmer[:at] + other + kmer[at + 1 :]
            if other != base and (neighbour in forward or neighbour in reverse):
                return False
    return True


def main() -> None:
    """Write both indexes beside the reference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("--kmer", type=int, default=15)
    options = parser.parse_args()
    name, sequence = read_fasta(options.reference)
    forward = positions_of(sequence, options.kmer)
    reverse = positions_of(sequence.translate(COMPLEMENT)[::-1], options.kmer)
    rows = []
    for kmer in sorted(forward):
        places = ",".join(map(str, forward[kmer]))
        kind = "unique" if is_unique(kmer, forward, reverse) else "repeated"
        rows.append(f"{kmer}\t{places}\t{kind}\n")
    Path(f"{options.reference}.kmi").write_text("".join(rows), encoding="utf-8")
    first = options.reference.read_text(encoding="utf-8").splitlines()[:2]
    index = (name, len(sequence), len(first[0]) + 1, len(first[1]), len(first[1]) + 1)
    Path(f"{options.reference}.fai").write_text("\t".join(map(str, index)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
