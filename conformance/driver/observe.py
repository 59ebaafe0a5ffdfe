"""Reads what a run left: its output object with the contents of files, reasons."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["contents_of", "differences", "output_object", "reasons"]

JSON = Any


def output_object(stdout: str) -> JSON:
    """Return the output object that a runner printed: the last JSON object in its stdout.

    :raises ValueError: if there is none.
    """
    decoder = json.JSONDecoder()
    start = stdout.find("{")
    while start >= 0:
        try:
            value, end = decoder.raw_decode(stdout, start)
        except ValueError:
            start = stdout.find("{", start + 1)
            continue
        rest = stdout[end:].strip()
        if not rest:
            return value
        start = stdout.find("{", end)
    if stdout.strip() == "null":
        return None
    raise ValueError("it printed no output object")


def reasons(report: Path) -> list[str]:
    """Return the codes that a runner's report gives for its jobs; empty without a report."""
    try:
        jobs = json.loads(report.read_text(encoding="utf-8")).get("jobs", [])
    except (OSError, ValueError):
        return []
    return [str(job[name]) for job in jobs for name in ("cause", "not_recorded") if job.get(name)]


def differences(expected: JSON, found: JSON, place: str = "outputs") -> Iterator[str]:
    """Yield what is wrong with a value, one sentence each; nothing if it is as expected.

    Expected Files and Directories are CWL objects with ``contents`` or ``listing``, and of
    the other members those that are to be compared; without ``contents`` any will do. Every
    File found has to exist, with the size and checksum that it claims.
    """
    kind = expected.get("class") if isinstance(expected, dict) else None
    if kind in {"File", "Directory"}:
        if not isinstance(found, dict) or found.get("class") != kind:
            yield f"{place}: no {kind} but {_shown(found)}"
        elif kind == "File":
            yield from _file(expected, found, place)
        else:
            yield from _directory(expected, found, place)
    elif isinstance(expected, dict) and isinstance(found, dict):
        yield from _object(expected, found, place)
    elif isinstance(expected, list) and isinstance(found, list):
        yield from _array(expected, found, place)
    # In JSON 1 is 1.0; in Python it is True as well.
    elif expected != found or (type(expected) is bool) is not (type(found) is bool):
        yield f"{place}: {_shown(found)}, not {_shown(expected)}"


def _object(expected: Mapping[str, JSON], found: Mapping[str, JSON], place: str) -> Iterator[str]:
    for name in sorted({*expected, *found}):
        if name not in found:
            yield f"{place}.{name}: is missing"
        elif name not in expected:
            yield f"{place}.{name}: should not be there"
        else:
            yield from differences(expected[name], found[name], f"{place}.{name}")


def _array(expected: Sequence[JSON], found: Sequence[JSON], place: str) -> Iterator[str]:
    if len(expected) != len(found):
        yield f"{place}: has {len(found)} elements, not {len(expected)}"
    for index, (one, other) in enumerate(zip(expected, found, strict=False)):
        yield from differences(one, other, f"{place}[{index}]")


def _file(expected: JSON, found: JSON, place: str) -> Iterator[str]:
    path = _path(found)
    if path is None or not path.is_file():
        yield f"{place}: no file at {found.get('location')}"
        return
    content = path.read_bytes()
    text = content.decode("utf-8", errors="backslashreplace")
    if "contents" in expected and text != expected["contents"]:
        yield f"{place}: holds {_shown(text)}, not {_shown(expected['contents'])}"
    if found.get("size", len(content)) != len(content):
        yield f"{place}: claims {found['size']} bytes, has {len(content)}"
    checksum = f"sha1${hashlib.sha1(content).hexdigest()}"  # noqa: S324 - CWL's checksum
    if found.get("checksum", checksum) != checksum:
        yield f"{place}: claims the checksum {found['checksum']}, has {checksum}"
    if "executable" in expected and os.access(path, os.X_OK) != expected["executable"]:
        yield f"{place}: executable is {not expected['executable']}"
    yield from _members(expected, found, place, path)
    listed = expected.get("secondaryFiles", [])
    have = found.get("secondaryFiles") or []
    by_name = [sorted(files, key=_name) for files in (listed, have)]
    yield from differences(by_name[0], by_name[1], f"{place}.secondaryFiles")


def _directory(expected: JSON, found: JSON, place: str) -> Iterator[str]:
    path = _path(found)
    if path is None or not path.is_dir():
        yield f"{place}: no directory at {found.get('location')}"
        return
    yield from _members(expected, found, place, path)
    if "listing" not in expected:
        return
    # What is on disk counts: a listing need not be given, and may be shallow.
    wanted = {_name(item): item for item in expected["listing"]}
    have = {item.name: item for item in path.iterdir()}
    for name in sorted({*wanted, *have}):
        here = f"{place}/{name}"
        if name not in have:
            yield f"{here}: is missing"
        elif name not in wanted:
            yield f"{here}: should not be there"
        else:
            item = have[name]
            kind = "Directory" if item.is_dir() else "File"
            yield from differences(
                wanted[name], {"class": kind, "path": str(item), "basename": name}, here
            )


def _members(expected: JSON, found: JSON, place: str, path: Path) -> Iterator[str]:
    if "basename" in expected and _name(found) != expected["basename"]:
        yield f"{place}: is called {_shown(_name(found))}, not {_shown(expected['basename'])}"
    if "basename" in expected and path.name != expected["basename"]:
        yield f"{place}: lies in a file called {_shown(path.name)}"
    for name in ("format", "size", "checksum", "nameroot", "nameext"):
        if name in expected and expected[name] != found.get(name):
            yield f"{place}.{name}: {_shown(found.get(name))}, not {_shown(expected[name])}"


def _name(found: JSON) -> str:
    if found.get("basename"):
        return str(found["basename"])
    path = _path(found)
    return path.name if path else ""


def _path(found: JSON) -> Path | None:
    if found.get("path"):
        return Path(found["path"])
    location = urlsplit(str(found.get("location", "")))
    if location.scheme == "file" and not location.fragment:
        return Path(unquote(location.path))
    return None


def contents_of(value: JSON) -> JSON:
    """Return an output object with the contents of its Files, for people to read."""
    if isinstance(value, list):
        return [contents_of(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class") == "File":
        path = _path(value)
        shown = {"class": "File", "basename": _name(value)}
        if path and path.is_file():
            shown["contents"] = path.read_bytes()[:200].decode("utf-8", errors="backslashreplace")
        if value.get("secondaryFiles"):
            shown["secondaryFiles"] = contents_of(value["secondaryFiles"])
        return shown
    return {name: contents_of(item) for name, item in value.items()}


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 200 else f"{text[:200]}…"
