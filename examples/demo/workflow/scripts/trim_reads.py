"""Trim reads: cut the adapter, then the end of low quality, and drop what is too short.

The adapter is looked for at every offset, with one mismatch allowed in ten bases. The end of
low quality is found as BWA and cutadapt do: where the sum of (threshold - quality) from the
end is greatest.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path


def read_fastq(path: Path) -> Iterator[tuple[str, str, str]]:
    """Yield name, bases and qualities of each read."""
    with path.open(encoding="ascii") as lines:
        for name in lines:
            bases = next(lines).rstrip("\n")
            next(lines)
            yield name.rstrip("\n"), bases, next(lines).rstrip("\n")


def adapter_start(bases: str, adapter: str, overlap: int) -> int:
    """Return where the adapter begins in the read, or the read's length."""
    for start in range(len(bases) - overlap + 1):
        tail = bases[start : start + len(adapter)]
        allowed = len(tail) // 10
        mismatches = sum(map(str.__ne__, tail, adapter))
        if mismatches <= allowed:
            return start
    return len(bases)


def quality_end(qualities: str, threshold: int) -> int:
    """Return the length of the read without its end of low quality."""
    end, total, greatest = len(qualities), 0, 0
    for at in range(len(qualities) - 1, -1, -1):
        total += threshold - (ord(qualities[at]) - 33)
        if total < 0:
            break
        if total > greatest:
            end, greatest = at, total
    return end


def main() -> None:
    """Write the trimmed reads to standard output, counts to standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reads", type=Path)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--quality", type=int, default=20)
    parser.add_argument("--min-length", type=int, default=40)
    options = parser.parse_args()
    seen = kept = 0
    for name, bases, qualities in read_fastq(options.reads):
        seen += 1
        end = adapter_start(bases, options.adapter, overlap=8)
        end = quality_end(qualities[:end], options.quality)
        if end >= options.min_length:
            kept += 1
            sys.stdout.write(f"{name}\n{bases[:end]}\n+\n{qualities[:end]}\n")
    print(f"{options.reads.name}: {kept} of {seen} reads kept", file=sys.stderr)


if __name__ == "__main__":
    main()
