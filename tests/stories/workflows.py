"""Small workflows for stories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .bench import Bench

__all__ = ["chain", "scatter", "step", "wrap"]

JSON = Any


def wrap(bench: Bench, name: str, steps: JSON, outputs: JSON, **fields: JSON) -> Path:
    """Write a workflow with one File input ``f``."""
    document: dict[str, JSON] = {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "inputs": {"f": "File"},
        "outputs": outputs,
        "steps": steps,
    }
    document.update(fields)
    return bench.write(name, {k: v for k, v in document.items() if v is not None})


def step(tool: JSON, source: str, *out: str, **fields: JSON) -> JSON:
    """Return a step that feeds its tool's input ``f`` from a source."""
    run = str(tool) if isinstance(tool, (str, Path)) else tool
    return {"run": run, "in": {"f": source}, "out": list(out or ("out",)), **fields}


def chain(bench: Bench, *bodies: str, name: str = "wf.cwl", **fields: JSON) -> Path:
    """Write a workflow whose steps ``s1``, ``s2`` … each work on what the one before gave."""
    steps: dict[str, JSON] = {}
    source = "f"
    for i, body in enumerate(bodies, 1):
        steps[f"s{i}"] = step(bench.tool(f"t{i}.cwl", body), source)
        source = f"s{i}/out"
    outputs = {"out": {"type": "File", "outputSource": source}}
    return wrap(bench, name, steps, outputs, **fields)


def scatter(bench: Bench, tool: Path, **fields: JSON) -> Path:
    """Write a workflow that scatters a tool over its input ``f``."""
    return wrap(
        bench,
        "scatter.cwl",
        {"s": step(tool, "f", scatter="f")},
        {"out": {"type": "File[]", "outputSource": "s/out"}},
        inputs={"f": "File[]"},
        requirements={"ScatterFeatureRequirement": {}},
        **fields,
    )
