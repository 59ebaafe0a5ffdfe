"""Random small workflows of which it is known what comes out: no runner is asked for that."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

__all__ = ["FAILS", "Drawn", "draw", "write_documents"]

FAILS: Final = "fail"
"""A job that is given this word fails."""

_WORDS: Final = ("oak", "elm", "ash", "yew", "fir")
_SIZES: Final = (0, 10, 3_000, 60_000, 2_000_000)
"""Bytes of the inputs: from nothing, over what fits an envelope, to what is stored apart."""

# The bytes that a tool gives are told by its inputs alone. It takes a while, so that runners
# are killed, and others wait, in the midst of a job.
_SCRIPT: Final = (
    f'[ "$2" != {FAILS} ] || exit 3; sleep 0.$3; cat "$1"; echo "+$2"; printf "%s" "$2" > word.txt'
)


def _tool(*, reusable: bool) -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "CommandLineTool",
        "requirements": {} if reusable else {"WorkReuse": {"enableReuse": False}},
        "baseCommand": ["sh", "-c"],
        "arguments": [_SCRIPT, "tool"],
        "inputs": {
            "text": {"type": "File", "inputBinding": {"position": 1}},
            "word": {"type": "string", "inputBinding": {"position": 2}},
            "tenths": {"type": "int", "default": 1, "inputBinding": {"position": 3}},
        },
        "outputs": {
            "out": {"type": "stdout"},
            "said": {"type": "File", "outputBinding": {"glob": "word.txt"}},
        },
        "stdout": "out.txt",
    }


_GATHER: Final = {
    "cwlVersion": "v1.2",
    "class": "CommandLineTool",
    "baseCommand": "cat",
    "inputs": {"texts": {"type": "File[]", "inputBinding": {"position": 1}}},
    "outputs": {"out": "stdout"},
    "stdout": "all.txt",
}


@dataclass(frozen=True)
class Drawn:
    """A workflow with its input object.

    :param name: says what it is; equal names are equal workflows on equal inputs.
    :param expected: what each output has to be: the SHA-256 of each of its files, in their
        order. None where the run has to fail.
    """

    name: str
    document: Mapping[str, Any]
    job: Mapping[str, Any]
    expected: Mapping[str, tuple[str, ...]] | None


def write_documents(folder: Path, seed: int) -> None:
    """Write the tools, and the input files, into a new folder."""
    folder.mkdir(parents=True)
    for name, tool in (
        ("append.cwl", _tool(reusable=True)),
        ("again.cwl", _tool(reusable=False)),
        ("gather.cwl", _GATHER),
    ):
        (folder / name).write_text(json.dumps(tool))
    for size in _SIZES:
        (folder / f"{size}.txt").write_bytes(_content(size, seed))


def _content(size: int, seed: int) -> bytes:
    """Return bytes that are hard to compress in their first half, and easy in the other."""
    hard = random.Random(f"{seed} {size}").randbytes(size // 2)
    return hard + b"easy" * ((size - len(hard)) // 4)


def draw(chance: random.Random, folder: Path, seed: int) -> Drawn:
    """Return a random workflow; so few are different that they come again and again.

    :param folder: as :func:`write_documents` has filled it, which may be another for each
        machine.
    """
    size = chance.choice(_SIZES)
    words = [chance.choice(_WORDS) for _ in range(chance.choice((1, 2, 3, 5)))]
    if chance.random() < 0.1:
        words[-1] = FAILS
    tool = "again.cwl" if chance.random() < 0.15 else "append.cwl"
    make = chance.choice((_chain, _scatter))
    content = _content(size, seed)
    text = {"class": "File", "path": str(folder / f"{size}.txt")}
    name = f"{make.__name__.strip('_')} {size} {tool.removesuffix('.cwl')} {' '.join(words)}"
    return make(name, str(folder / tool), str(folder / "gather.cwl"), text, content, words)


def _workflow(inputs: Any, outputs: Any, steps: Any, *features: str) -> dict[str, Any]:
    return {
        "cwlVersion": "v1.2",
        "class": "Workflow",
        "requirements": {feature: {} for feature in features},
        "inputs": inputs,
        "outputs": outputs,
        "steps": steps,
    }


def _chain(name: str, tool: str, _: str, text: Any, content: bytes, words: list[str]) -> Drawn:
    """Each job appends its word to what the one before has written."""
    steps: dict[str, Any] = {}
    for number, word in enumerate(words):
        source = "text" if number == 0 else f"s{number - 1}/out"
        steps[f"s{number}"] = {
            "run": tool,
            "in": {"text": source, "word": {"default": word}},
            "out": ["out", "said"],
        }
        content += f"+{word}\n".encode()
    last = f"s{len(words) - 1}"
    document = _workflow(
        {"text": "File"},
        {
            "out": {"type": "File", "outputSource": f"{last}/out"},
            "said": {"type": "File", "outputSource": f"{last}/said"},
        },
        steps,
    )
    expected = {"out": (_digest(content),), "said": (_digest(words[-1].encode()),)}
    return Drawn(name, document, {"text": text}, None if FAILS in words else expected)


def _scatter(
    name: str, tool: str, gather: str, text: Any, content: bytes, words: list[str]
) -> Drawn:
    """A job for each word, and one that puts together what they have written."""
    document = _workflow(
        {"text": "File", "words": "string[]"},
        {
            "all": {"type": "File", "outputSource": "gather/out"},
            "each": {"type": "File[]", "outputSource": "one/out"},
        },
        {
            "one": {
                "run": tool,
                "scatter": "word",
                "in": {"text": "text", "word": "words"},
                "out": ["out", "said"],
            },
            "gather": {"run": gather, "in": {"texts": "one/out"}, "out": ["out"]},
        },
        "ScatterFeatureRequirement",
    )
    parts = [content + f"+{word}\n".encode() for word in words]
    expected = {
        "all": (_digest(b"".join(parts)),),
        "each": tuple(_digest(part) for part in parts),
    }
    job = {"text": text, "words": words}
    return Drawn(name, document, job, None if FAILS in words else expected)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
