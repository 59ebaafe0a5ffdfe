"""Call the single-base variants of one haploid sample from its pile-up.

Writes SAMPLE.vcf, and SAMPLE.consensus.fa: the sample's sequence, N where too few reads lie
over a position to tell.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

BASES = "ACGT"
RIGHT = [math.log10(1 - 10 ** (-max(quality, 1) / 10)) for quality in range(94)]
WRONG = [math.log10(10 ** (-max(quality, 1) / 10) / 3) for quality in range(94)]


@dataclass(frozen=True)
class Site:
    """One position: its reference base, its depth, and the call."""

    chromosome: str
    position: int
    reference: str
    depth: int
    call: str
    quality: float
    counts: tuple[int, int]
    both_strands: bool

    def is_variant(self, min_quality: float) -> bool:
        """Return whether the call differs from the reference and is well supported."""
        enough = self.quality >= min_quality and self.both_strands
        return self.call not in (self.reference, "N") and enough

    def vcf(self) -> str:
        """Return the site as a line of VCF."""
        fields = (self.chromosome, self.position, ".", self.reference, self.call)
        sample = f"1:{self.depth}:{self.counts[0]},{self.counts[1]}"
        rest = (f"{self.quality:.1f}", "PASS", f"DP={self.depth}", "GT:DP:AD", sample)
        return "\t".join(map(str, fields + rest))


def judge(line: str, min_depth: int) -> Site:
    """Return the call at one line of the pile-up: the base of the greatest likelihood."""
    chromosome, position, reference, _, symbols, qualities = line.rstrip("\n").split("\t")
    likelihood = dict.fromkeys(BASES, 0.0)
    seen = dict.fromkeys(BASES, 0)
    strands: dict[str, set[bool]] = {base: set() for base in BASES}
    for symbol, quality in zip(symbols, qualities, strict=True):
        base = reference if symbol in ".," else symbol.upper()
        if base not in seen:
            continue
        score = ord(quality) - 33
        seen[base] += 1
        strands[base].add(symbol == "," or symbol.islower())
        for allele in BASES:
            likelihood[allele] += RIGHT[score] if allele == base else WRONG[score]
    depth = sum(seen.values())
    call = max(BASES, key=likelihood.__getitem__) if depth >= min_depth else "N"
    gain = likelihood[call] - likelihood[reference] if call != "N" else 0.0
    counts = (seen[reference], seen.get(call, 0))
    both = len(strands.get(call, ())) == 2
    return Site(chromosome, int(position), reference, depth, call, 10 * gain, counts, both)


def main() -> None:
    """Write the VCF and the consensus sequence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pileup", type=Path)
    parser.add_argument("--sample", required=True)
    parser.add_argument("--min-depth", type=int, default=4)
    parser.add_argument("--min-quality", type=float, default=30)
    options = parser.parse_args()
    with options.pileup.open(encoding="ascii") as lines:
        sites = [judge(line, options.min_depth) for line in lines]
    variants = [site for site in sites if site.is_variant(options.min_quality)]
    header = [
        "##fileformat=VCFv4.2",
        f"##contig=<ID={sites[0].chromosome},length={len(sites)}>",
        '##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">',
        '##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">',
        '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Depth of each allele">',
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{options.sample}",
    ]
    lines_out = header + [site.vcf() for site in variants]
    Path(f"{options.sample}.vcf").write_text("\n".join(lines_out) + "\n", encoding="ascii")
    called = {site.position for site in variants}
    consensus = "".join(
        "N" if site.call == "N" else site.call if site.position in called else site.reference
        for site in sites
    )
    rows = [consensus[at : at + 70] for at in range(0, len(consensus), 70)]
    text = f">{options.sample}\n" + "\n".join(rows) + "\n"
    Path(f"{options.sample}.consensus.fa").write_text(text, encoding="ascii")


if __name__ == "__main__":
    main()
