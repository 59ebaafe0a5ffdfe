"""Align reads to the reference and write what lies over each position, as samtools mpileup does.

Unique k-mers of a read vote for its place; a banded alignment around that place, gaps
allowed, decides which base lies over which.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

BAND = 4
MATCH, MISMATCH, GAP = 2, -3, -5
FROM_DIAGONAL, FROM_READ, FROM_REFERENCE = range(3)
COMPLEMENT = str.maketrans("ACGTN", "TGCAN")

Pile = list[tuple[list[str], list[str]]]


def read_sequence(path: Path) -> tuple[str, str]:
    """Return name and sequence of the first record of a FASTA."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    return header[1:].split()[0], "".join(lines).upper()


def read_unique_kmers(path: Path) -> dict[str, int]:
    """Return the place of each k-mer that has but one."""
    places = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        kmer, positions, kind = line.split("\t")
        if kind == "unique":
            places[kmer] = int(positions)
    return places


def best_start(bases: str, kmers: dict[str, int], k: int) -> tuple[int, int]:
    """Return votes and start of the place for which most k-mers of the read vote."""
    votes = Counter(
        kmers[kmer] - at
        for at in range(len(bases) - k + 1)
        if (kmer := bases[at : at + k]) in kmers
    )
    if not votes:
        return 0, 0
    start, count = max(votes.items(), key=lambda vote: (vote[1], -vote[0]))
    return count, start


def fill(bases: str, window: str) -> tuple[int, int, list[bytearray]]:
    """Return score, best last column and moves of the banded alignment of a read."""
    width = 2 * BAND + 1
    row = [0] * width
    moves = []
    for i, base in enumerate(bases):
        above, row, move = row, [0] * width, bytearray(width)
        for d in range(width):
            best = above[d] + (MATCH if window[i + d] == base else MISMATCH)
            if d + 1 < width and above[d + 1] + GAP > best:
                best, move[d] = above[d + 1] + GAP, FROM_READ
            if d and row[d - 1] + GAP > best:
                best, move[d] = row[d - 1] + GAP, FROM_REFERENCE
            row[d] = best
        moves.append(move)
    score = max(row)
    return score, row.index(score), moves


def trace(column: int, moves: list[bytearray]) -> list[tuple[int, int | None]]:
    """Return pairs of (offset in the window, offset in the read, or None where it has a gap)."""
    pairs: list[tuple[int, int | None]] = []
    i = len(moves) - 1
    while i >= 0:
        move = moves[i][column]
        if move == FROM_READ:
            i, column = i - 1, column + 1
        elif move == FROM_REFERENCE:
            pairs.append((i + column, None))
            column -= 1
        else:
            pairs.append((i + column, i))
            i -= 1
    return pairs[::-1]


def place(bases: str, qualities: str, reference: str, kmers: dict[str, int], pile: Pile) -> bool:
    """Add a read to the pile; return whether it was aligned."""
    k = len(next(iter(kmers)))
    turned = bases.translate(COMPLEMENT)[::-1]
    forward, backward = best_start(bases, kmers, k), best_start(turned, kmers, k)
    is_reverse = backward > forward
    if is_reverse:
        bases, qualities = turned, qualities[::-1]
    votes, start = max(forward, backward)
    begin, end = start - BAND, start + len(bases) + BAND
    if votes < 3 or begin < 0 or end > len(reference):
        return False
    window = reference[begin:end]
    score, column, moves = fill(bases, window)
    if score < len(bases):
        return False
    for offset, at in trace(column, moves):
        symbol, quality = "*", "!"
        if at is not None:
            same = bases[at] == window[offset]
            symbol = (
                ("," if is_reverse else ".")
                if same
                else (bases[at].lower() if is_reverse else bases[at])
            )
            quality = qualities[at]
        pile[begin + offset][0].append(symbol)
        pile[begin + offset][1].append(quality)
    return True


def main() -> None:
    """Write the pile-up to standard output, counts to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", type=Path)
    parser.add_argument("reads", type=Path)
    options = parser.parse_args()
    name, reference = read_sequence(options.reference)
    kmers = read_unique_kmers(Path(f"{options.reference}.kmi"))
    pile: Pile = [([], []) for _ in reference]
    lines = options.reads.read_text(encoding="ascii").splitlines()
    reads = list(zip(lines[1::4], lines[3::4], strict=True))
    aligned = sum(place(*read, reference, kmers, pile) for read in reads)
    for position, (symbols, qualities) in enumerate(pile):
        sys.stdout.write(
            f"{name}\t{position + 1}\t{reference[position]}\t{len(symbols)}"
            f"\t{''.join(symbols) or '*'}\t{''.join(qualities) or '*'}\n"
        )
    print(f"{options.reads.name}: {aligned} of {len(reads)} reads aligned", file=sys.stderr)


if __name__ == "__main__":
    main()
