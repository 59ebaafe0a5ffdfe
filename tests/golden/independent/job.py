"""The job that a vector is about: its tool, its input object, what is in force."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from tests.golden.independent.loading import (
    Process,
    as_given,
    load,
    load_job,
    path_of,
    requirements_in,
    short,
)

__all__ = ["Given", "Job", "as_built", "evaluated", "job_of"]

_EXTRAS = ("cwl:requirements", "cwltool:overrides")


@dataclass(frozen=True)
class Given:
    """What a vector gives, laid out.

    :param folder: where its files are.
    :param document: the file that is run, perhaps with the name of a process in it.
    :param secret: the store's key.
    :param inspection: what the container engine says of the image, if it is asked.
    """

    folder: Path
    document: str
    job: Path | None
    options: Mapping[str, Any]
    environment: Mapping[str, str]
    secret: bytes
    inspection: Any


@dataclass
class Job:
    """A tool and its input object.

    :param requirements: those in force, by class; ``library`` the expression library.
    :param is_top: whether the tool is what the user runs.
    """

    tool: Process
    inputs: dict[str, Any]
    requirements: dict[str, Any]
    library: list[str]
    has_javascript: bool
    is_top: bool


def job_of(given: Given) -> Job:
    """Return the first job of a run."""
    inputs = {} if given.job is None else load_job(given.job)
    extras = {name: inputs.pop(name) for name in _EXTRAS if name in inputs}
    process = load(given.document)
    defaults = {short(i["id"]): i["default"] for i in process.body["inputs"] if "default" in i}
    inputs |= {name: value for name, value in defaults.items() if name not in inputs}
    inputs = as_given(inputs)
    tool, is_top = process, True
    if process.body["class"] == "Workflow":
        step = process.body["steps"][0]
        tool, is_top = load(str(process.path.parent / step["run"])), False
        own = [step.get("requirements", []), step.get("hints", [])]
        requirements, hints = process.stack("requirements"), process.stack("hints")
        tool.above = ([*requirements, *own[0]], [*hints, *own[1]])
        inputs = {short(item["id"]): _source(item, inputs) for item in step["in"]}
    requirements = tool.stack("requirements")
    for name, override in extras.get("cwltool:overrides", {}).items():
        if given.job is not None and path_of(urljoin(given.job.as_uri(), name)) == tool.path:
            requirements += requirements_in(override["requirements"], tool)
    requirements += requirements_in(extras.get("cwl:requirements", []), tool)
    in_force: dict[str, Any] = {}
    for item in [*reversed(requirements), *reversed(tool.stack("hints"))]:
        in_force.setdefault(item["class"], item)
    libraries = [r for r in requirements if r["class"] == "InlineJavascriptRequirement"]
    library = libraries[-1].get("expressionLib", []) if libraries else []
    return Job(tool, _formatted(inputs, tool), in_force, library, bool(libraries), is_top)


def _source(item: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    return inputs[item["source"]] if "source" in item else item["default"]


def _formatted(value: Any, tool: Process) -> Any:
    """Return a value with the prefixes of its formats expanded."""
    if isinstance(value, list):
        return [_formatted(item, tool) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: _formatted(item, tool) for name, item in value.items()}
    if found.get("class") == "File" and "format" in found:
        found["format"] = tool.expand(found["format"])
    return found


def evaluated(value: Any, inputs: Mapping[str, Any]) -> Any:
    """Return what a text with references to plain inputs gives; no code is run."""
    if not isinstance(value, str):
        return value
    alone = re.fullmatch(r"\$\(inputs\.(\w+)\)", value)
    if alone:
        return inputs[alone[1]]
    return re.sub(r"\$\(inputs\.(\w+)\)", lambda match: str(inputs[match[1]]), value)


def as_built(inputs: dict[str, Any], kinds: Mapping[str, Any], *, is_top: bool) -> dict[str, Any]:
    """Return the values as cwltool's builder makes them.

    :param kinds: the inputs of the tool, normalised.
    :param is_top: whether secondary files are looked for.
    """

    def patterns_of(item: Mapping[str, Any]) -> list[Any]:
        found = item.get("secondaryFiles", [])
        return found if isinstance(found, list) else [found]

    def build(value: Any, kind: Any, patterns: Any, *above: Any) -> Any:
        if isinstance(kind, list):
            kind = next((item for item in kind if _suits(value, item)), "Any")
        if isinstance(kind, dict) and "recursive" in kind:
            # Right for records that are all named, as they are in the vectors.
            kind = above[kind["recursive"]]
        if kind == "File" and value is not None and is_top:
            return _with_secondary(value, patterns, inputs)
        if not isinstance(kind, dict):
            return value
        if isinstance(value, list):
            return [build(item, kind["items"], patterns, *above) for item in value]
        if isinstance(value, dict):
            return value | {
                name: build(value.get(name), item["type"], patterns_of(item), kind, *above)
                for name, item in kind["fields"].items()
            }
        return value

    return {
        name: build(value, kinds[name]["type"], patterns_of(kinds[name]))
        if name in kinds
        else value
        for name, value in inputs.items()
    }


def _suits(value: Any, kind: Any) -> bool:
    if isinstance(kind, dict):
        wanted = {"array": list, "enum": str}.get(kind.get("type", "record"), dict)
        return isinstance(value, wanted)
    if kind in ("File", "Directory"):
        return isinstance(value, dict) and value.get("class") == kind
    return (value is None) == (kind == "null") and not isinstance(value, (dict, list))


def _with_secondary(
    value: Mapping[str, Any], patterns: list[Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a File with the secondary files that are missing and exist."""
    location = value.get("location", "_:")
    if not patterns or location.startswith("_:"):
        return dict(value)
    primary = value.get("basename", path_of(location).name)
    found = list(value.get("secondaryFiles", []))
    for item in patterns:
        name = _applied(evaluated(item["pattern"], inputs), primary, item["pattern"])
        there = {f.get("basename", path_of(f.get("location", "")).name) for f in found}
        beside = urljoin(location, name)
        if name not in there and path_of(beside).exists():
            found.append({"class": "File", "location": beside, "basename": name})
    return {**value, "secondaryFiles": found}


def _applied(text: str, primary: str, pattern: str) -> str:
    if "$(" in pattern:
        return text
    while text.startswith("^"):
        text, primary = text[1:], primary.rpartition(".")[0] or primary
    return primary + text
