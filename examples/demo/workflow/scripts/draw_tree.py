"""Draw the samples' family tree: UPGMA on the core sites, with bootstrap support.

Writes tree.nwk and report.html, which holds the tree as SVG and the table of distances.
"""

from __future__ import annotations

import argparse
import html
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Outbreak report</title>
<style>body{{font-family:sans-serif;margin:2em}}td,th{{padding:.2em .8em;text-align:right}}</style>
<h1>Outbreak report</h1>
<p>{sites} core sites vary among {samples} isolates.</p>
<h2>Tree</h2>
{tree}
<p>Numbers: bootstrap support in per cent, of {replicates} replicates.</p>
<h2>Sites that differ</h2>
{table}
</html>
"""


@dataclass(frozen=True)
class Node:
    """A sample, or the join of two nodes at a height."""

    names: frozenset[str]
    height: float
    children: tuple[Node, Node] | None = None

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        yield self
        for child in self.children or ():
            yield from child.walk()


def read_columns(path: Path) -> tuple[list[str], list[str]]:
    """Return the samples, and each core site as the string of their bases."""
    header, *rows = (line.split("\t") for line in path.read_text("ascii").splitlines())
    return header[2:-1], ["".join(row[2:-1]) for row in rows if row[-1] == "yes"]


def count_differences(columns: list[str], samples: list[str]) -> dict[frozenset[str], int]:
    """Return at how many sites each two samples differ."""
    return {
        frozenset((samples[a], samples[b])): sum(column[a] != column[b] for column in columns)
        for a, b in combinations(range(len(samples)), 2)
    }


def grow(samples: list[str], distance: dict[frozenset[str], int]) -> Node:
    """Return the UPGMA tree: the two nearest nodes join, until one is left."""

    def mean(pair: tuple[Node, Node]) -> float:
        left, right = pair
        pairs = [distance[frozenset((a, b))] for a in left.names for b in right.names]
        return sum(pairs) / len(pairs)

    nodes = [Node(frozenset((name,)), 0.0) for name in samples]
    while len(nodes) > 1:
        left, right = min(combinations(nodes, 2), key=mean)
        joined = Node(left.names | right.names, mean((left, right)) / 2, (left, right))
        nodes = [node for node in nodes if node not in (left, right)] + [joined]
    return nodes[0]


def bootstrap(columns: list[str], samples: list[str], replicates: int) -> Counter[frozenset[str]]:
    """Return in how many resampled trees each group of samples is a node."""
    rng = random.Random(1)  # noqa: S311 -- a bootstrap, no secrets
    groups: Counter[frozenset[str]] = Counter()
    for _ in range(replicates):
        resampled = rng.choices(columns, k=len(columns)) if columns else []
        tree = grow(samples, count_differences(resampled, samples))
        groups.update(node.names for node in tree.walk() if node.children)
    return groups


def newick(node: Node, support: dict[frozenset[str], int], above: float) -> str:
    """Return the tree in Newick's notation."""
    length = above - node.height
    if node.children is None:
        return f"{next(iter(node.names))}:{length:g}"
    inner = ",".join(newick(child, support, node.height) for child in node.children)
    return f"({inner}){support[node.names]}:{length:g}"


def svg(root: Node, support: dict[frozenset[str], int]) -> str:
    """Return the tree as SVG, root at the left, a sample a row."""
    marks: list[str] = []
    rows = iter(range(30, 10_000, 40))

    def x(node: Node) -> float:
        return 20 + 380 * (1 - node.height / (root.height or 1))

    def draw(node: Node) -> float:
        if node.children is None:
            y = float(next(rows))
            name = html.escape(next(iter(node.names)))
            marks.append(f'<text x="{x(node) + 8:.1f}" y="{y + 5:.1f}">{name}</text>')
            return y
        ends = [draw(child) for child in node.children]
        middle = sum(ends) / 2
        for child, y in zip(node.children, ends, strict=True):
            marks.append(f'<path d="M{x(node):.1f} {middle:.1f}V{y:.1f}H{x(child):.1f}"/>')
        if node is not root:  # All samples together are a group in every tree.
            label = support[node.names]
            marks.append(f'<text x="{x(node) + 4:.1f}" y="{middle - 4:.1f}">{label}</text>')
        return middle

    draw(root)
    height = 40 * len(root.names) + 20
    style = "path{fill:none;stroke:#357;stroke-width:2}text{font:14px sans-serif}"
    body = "".join(marks)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="540" height="{height}">'
        f"<style>{style}</style>{body}</svg>"
    )


def table(samples: list[str], distance: dict[frozenset[str], int]) -> str:
    """Return the distances as an HTML table."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in samples)
    rows = [f"<tr><th></th>{head}</tr>"]
    for name in samples:
        cells = "".join(
            f"<td>{distance[frozenset((name, other))] if name != other else 0}</td>"
            for other in samples
        )
        rows.append(f"<tr><th>{html.escape(name)}</th>{cells}</tr>")
    return "<table>" + "\n".join(rows) + "</table>"


def main() -> None:
    """Write the tree and the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sites", type=Path)
    parser.add_argument("--replicates", type=int, default=3000)
    options = parser.parse_args()
    samples, columns = read_columns(options.sites)
    distance = count_differences(columns, samples)
    tree = grow(samples, distance)
    groups = bootstrap(columns, samples, options.replicates)
    support = {names: round(100 * n / options.replicates) for names, n in groups.items()}
    support |= {node.names: 0 for node in tree.walk() if node.names not in support}
    text = newick(tree, support, tree.height)
    Path("tree.nwk").write_text(f"{text};\n", encoding="ascii")
    page = PAGE.format(
        sites=len(columns),
        samples=len(samples),
        tree=svg(tree, support),
        replicates=options.replicates,
        table=table(samples, distance),
    )
    Path("report.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
