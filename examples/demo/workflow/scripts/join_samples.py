"""Join the samples: a table of each site at which any of them varies.

Beside each VCF lies the sample's consensus sequence. A site counts as core when every sample
has a base there. Depth and quality stay out: the table says what the samples are, not how
well they were read.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def read_consensus(path: Path) -> tuple[str, str]:
    """Return the sample's name and sequence."""
    header, *lines = path.read_text(encoding="ascii").splitlines()
    return header[1:], "".join(lines)


def read_variants(path: Path) -> dict[int, str]:
    """Return the reference base of each position at which the sample varies."""
    variants = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if not line.startswith("#"):
            fields = line.split("\t")
            variants[int(fields[1])] = fields[3]
    return variants


def main() -> None:
    """Write the table to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("calls", type=Path, nargs="+")
    options = parser.parse_args()
    samples: dict[str, str] = {}
    sites: dict[int, str] = {}
    for vcf in options.calls:
        name, sequence = read_consensus(vcf.with_suffix(".consensus.fa"))
        samples[name] = sequence
        sites.update(read_variants(vcf))
    print("position", "reference", *samples, "core", sep="\t")
    for position in sorted(sites):
        bases = [sequence[position - 1] for sequence in samples.values()]
        core = "no" if "N" in bases else "yes"
        print(position, sites[position], *bases, core, sep="\t")


if __name__ == "__main__":
    main()
