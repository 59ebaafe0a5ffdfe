"""Documents as cwltool loads them (section "From YAML to JSON" of the page)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor

__all__ = [
    "Process",
    "Text",
    "as_given",
    "load",
    "load_job",
    "path_of",
    "requirements_in",
    "short",
]

# What may be a map, with the member that its names become, and the one for a plain value.
_MAPS = {
    "inputs": ("id", "type"),
    "outputs": ("id", "type"),
    "fields": ("name", "type"),
    "requirements": ("class", ""),
    "hints": ("class", ""),
    "envDef": ("envName", "envValue"),
    "packages": ("package", "specs"),
    "steps": ("id", ""),
    "in": ("id", "source"),
}
_RENAMED = {
    "http://commonwl.org/cwltool#TimeLimit": "ToolTimeLimit",
    "http://arvados.org/cwl#ReuseRequirement": "WorkReuse",
} | {
    f"http://commonwl.org/cwltool#{name}": name
    for name in (
        "WorkReuse",
        "NetworkAccess",
        "InplaceUpdateRequirement",
        "LoadListingRequirement",
    )
}
_OF_V1_0 = [
    {"class": "LoadListingRequirement", "loadListing": "deep_listing"},
    {"class": "NetworkAccess", "networkAccess": True},
]


class Text(float):
    """A float with its text in the YAML."""

    text: str


class _Constructor(SafeConstructor):
    pass


def _float(constructor: Any, node: Any) -> float:
    value = Text(SafeConstructor.construct_yaml_float(constructor, node))
    value.text = str(node.value)
    return value


def _text(constructor: Any, node: Any) -> str:
    return str(constructor.construct_scalar(node))


_Constructor.add_constructor("tag:yaml.org,2002:float", _float)
_Constructor.add_constructor("tag:yaml.org,2002:timestamp", _text)


def short(name: str) -> str:
    """Return a short name."""
    return name.rpartition("#")[2].rpartition("/")[2]


def path_of(location: str) -> Path:
    """Return the path of a location on this machine."""
    return Path(unquote(urlsplit(location).path))


def _read(path: Path) -> Any:
    """Return what a file holds: imports resolved, locations absolute."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    return _resolve(yaml.load(path.read_text(encoding="utf-8")), path)


def _resolve(value: Any, path: Path) -> Any:
    if isinstance(value, list):
        found: list[Any] = []
        for item in value:
            resolved = _resolve(item, path)
            is_list = isinstance(item, dict) and "$import" in item and isinstance(resolved, list)
            found += resolved if is_list else [resolved]
        return found
    if not isinstance(value, dict):
        return value
    if "$import" in value:
        return _read(path.parent / value["$import"])
    if "$include" in value:
        return (path.parent / value["$include"]).read_text(encoding="utf-8")
    result = {name: _resolve(item, path) for name, item in value.items()}
    if result.get("class") in ("File", "Directory"):
        for name in ("location", "path"):
            if name in result:
                result[name] = urljoin(path.as_uri(), result[name])
    return result


@dataclass
class Process:
    """A process of a document.

    :param body: its members, normalised.
    :param above: what workflows and steps hand down: requirements, and hints.
    """

    body: dict[str, Any]
    version: str
    namespaces: dict[str, str]
    path: Path
    triples: list[str] = field(default_factory=list)
    above: tuple[list[Any], list[Any]] = field(default_factory=lambda: ([], []))

    def expand(self, name: str) -> str:
        """Return a name with its prefix expanded."""
        prefix, colon, rest = name.partition(":")
        return self.namespaces[prefix] + rest if colon and prefix in self.namespaces else name

    def stack(self, kind: str) -> list[Any]:
        """Return the requirements or hints, the most specific last."""
        own = list(self.body.get(kind, ()))
        if kind == "hints" and self.version == "v1.0":
            own = _OF_V1_0 + own
        return [*self.above[kind == "hints"], *own]


def load(document: str) -> Process:
    """Return the process that is run.

    :param document: a file, perhaps with the name of a process in it.
    """
    file, _, fragment = document.partition("#")
    path = Path(file)
    whole = _read(path)
    body = whole
    if "$graph" in whole:
        body = next(item for item in whole["$graph"] if short(item["id"]) == (fragment or "main"))
    process = Process({}, whole["cwlVersion"], whole.get("$namespaces", {}), path)
    process.body = _normal(body, process)
    for name in whole.get("$schemas", ()):
        process.triples += _triples(path.parent / name)
    return process


def load_job(path: Path) -> dict[str, Any]:
    """Return what a file with an input object holds."""
    job: dict[str, Any] = _read(path)
    return job


def as_given(value: Any) -> Any:
    """Return a value of the input object of the process that the user runs."""
    if isinstance(value, list):
        return [as_given(item) for item in value]
    if not isinstance(value, dict):
        return value
    result = {name: as_given(item) for name, item in value.items()}
    kind = result.get("class")
    if kind in ("File", "Directory") and "path" in result:
        result["location"] = result.pop("path")
    if kind == "Directory" and "location" in result:
        result.pop("listing", None)
    if kind == "File" and "location" not in result:
        result["size"] = len(result["contents"])
    return result


def _triples(path: Path) -> list[str]:
    """Return the triples of a file of N-Triples, each joined by spaces."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        parts = re.findall(r'<([^>]*)>|"([^"]*)"|(_:)', line)
        if any(blank for *_, blank in parts):
            continue
        found.append(" ".join(iri or literal for iri, literal, _ in parts))
    return found


def _normal(value: Any, process: Process, member: str = "") -> Any:
    """Return a part of a document with its maps as lists and its shorthands written out."""
    if member in _MAPS and isinstance(value, dict):
        value = _as_list(value, *_MAPS[member])
    if member == "type":
        value = _type(value)
    if member == "secondaryFiles":
        return _patterns(value, process)
    if member in ("requirements", "hints"):
        return [_requirement(item, process) for item in value]
    if isinstance(value, list):
        return [_normal(item, process) for item in value]
    if not isinstance(value, dict) or value.get("class") in ("File", "Directory"):
        return value
    result = {
        process.expand(name): item if name == "default" else _normal(item, process, name)
        for name, item in value.items()
    }
    if isinstance(result.get("format"), str):
        result["format"] = process.expand(result["format"])
    return result


def _as_list(value: dict[str, Any], name: str, plain: str) -> list[Any]:
    found: list[Any] = []
    for key in sorted(value):
        item = value[key]
        is_plain = plain and not (isinstance(item, dict) and "class" not in item)
        found.append({plain: item, name: key} if is_plain else {**(item or {}), name: key})
    return found


def requirements_in(value: Any, process: Process) -> list[Any]:
    """Return requirements that stand elsewhere than in the document."""
    found: list[Any] = _normal(value, process, "requirements")
    return found


def _requirement(item: Any, process: Process) -> Any:
    result = _normal(item, process)
    name = process.expand(result["class"])
    result["class"] = _RENAMED.get(name, name) if process.version == "v1.0" else name
    return result


def _type(value: Any) -> Any:
    if isinstance(value, list):
        return [_type(item) for item in value]
    if not isinstance(value, str):
        return value
    bare = value.removesuffix("?")
    found: Any = bare
    if bare.endswith("[]"):
        found = {"type": "array", "items": bare[:-2]}
    return ["null", found] if bare != value else found


def _patterns(value: Any, process: Process) -> Any:
    if process.version == "v1.0":
        return [{"pattern": item} for item in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        return [_patterns(item, process) for item in value]
    if isinstance(value, dict):
        return value
    pattern = value.removesuffix("?")
    return {"pattern": pattern, "required": None if pattern == value else False}
