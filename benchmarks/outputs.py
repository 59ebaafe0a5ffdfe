"""What a run has delivered: names and digests of its final outputs, whoever ran it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["Delivered", "WrongOutputError", "compare", "of_cwl", "of_folder", "of_wdl", "sha1"]

Delivered = tuple[tuple[str, str], ...]
"""Name and SHA-1 of each file, in the order of the outputs' names and of their arrays."""


class WrongOutputError(Exception):
    """A run has not delivered what it must."""


def sha1(data: bytes) -> str:
    """Return the SHA-1 of bytes."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _sha1_of(path: Path) -> str:
    digest = hashlib.sha1(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
    except OSError as error:
        raise WrongOutputError(f"not delivered: {error}") from None
    return digest.hexdigest()


def of_cwl(printed: str, outdir: Path) -> Delivered:
    """Return what an output object names, once it proves true.

    :raises WrongOutputError: if a file is not in the output directory, or not of the size and
        checksum that the object says.
    """
    try:
        outputs = json.loads(printed)
    except ValueError:
        raise WrongOutputError(f"no output object but {printed[:200]!r}") from None
    return tuple(_checked(file, outdir) for file in _files(outputs))


def _files(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for item in value:
            yield from _files(item)
    elif isinstance(value, dict) and value.get("class") == "File":
        yield value
        yield from _files(value.get("secondaryFiles", []))
    elif isinstance(value, dict):
        for name in sorted(value):
            yield from _files(value[name])


def _checked(file: dict[str, Any], outdir: Path) -> tuple[str, str]:
    path = Path(file.get("path") or file["location"].removeprefix("file://"))
    if not path.is_relative_to(outdir):
        raise WrongOutputError(f"{path} is not in the output directory")
    digest = _sha1_of(path)
    if file.get("checksum") != f"sha1${digest}" or file.get("size") != path.stat().st_size:
        raise WrongOutputError(f"{path} is not as the output object says")
    if file.get("basename", path.name) != path.name:
        raise WrongOutputError(f"{path} has the basename {file['basename']}")
    return path.name, digest


def of_wdl(outdir: Path) -> Delivered:
    """Return what miniwdl names in the ``outputs.json`` of its run directory."""
    try:
        outputs = json.loads((outdir / "outputs.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongOutputError(f"no outputs.json: {error}") from None
    paths = [Path(text) for name in sorted(outputs) for text in _texts(outputs[name])]
    return tuple((path.name, _sha1_of(path)) for path in paths)


def _texts(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def of_folder(outdir: Path, names: Iterable[str]) -> Delivered:
    """Return the files of these names."""
    return tuple((name, _sha1_of(outdir / name)) for name in names)


def compare(got: Delivered, expected: Delivered) -> None:
    """Raise :class:`WrongOutputError` where something else was delivered."""
    if got == expected:
        return
    if len(got) != len(expected):
        raise WrongOutputError(f"{len(got)} files were delivered instead of {len(expected)}")
    one, other = next(pair for pair in zip(got, expected, strict=True) if pair[0] != pair[1])
    raise WrongOutputError(f"delivered {one[0]} ({one[1]}) instead of {other[0]} ({other[1]})")
