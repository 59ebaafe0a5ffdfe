"""The members of a tool and its outputs (sections "tool" and "outputs" of the page)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.golden.independent.loading import Process, short
from tests.golden.independent.sight import may_hold
from tests.golden.independent.value import Values, own, plain

__all__ = ["by_content", "outputs_of", "streams_of", "tool_of"]

_PROSE = {"label", "doc", "id", "intent", "$namespaces", "$schemas"}
_ANYHOW = {"separate": True, "shellQuote": True, "loadContents": False, "position": 0}
_INPUT = ("type", "format", "secondaryFiles", "loadContents", "loadListing", "inputBinding")


def streams_of(process: Process) -> dict[str, Any]:
    """Return the names of the redirected streams, and those that cwltool makes up."""
    body = process.body
    found = {name: body[name] for name in ("stdin", "stdout", "stderr") if body.get(name)}
    for name, value in list(found.items()):
        # The name of cwltool's making stands in no document; here it is never made.
        assert not re.fullmatch("[0-9a-f]{40}", value) or value in process.path.read_text(), name
    for item in body["outputs"]:
        if item["type"] in ("stdout", "stderr"):
            found.setdefault(item["type"], {"made-up": item["type"]})
    for item in body["inputs"]:
        if item["type"] == "stdin":
            found["stdin"] = f"$(inputs.{short(item['id'])}.path)"
    return found


def tool_of(process: Process, types: Mapping[str, Any]) -> dict[str, Any]:
    """Return the field ``tool``, but for the ontology."""
    body = process.body
    base = body.get("baseCommand")
    inputs = {short(item["id"]): _input(item, types) for item in body["inputs"]}
    found = {
        "baseCommand": [] if base is None else base if isinstance(base, list) else [base],
        "arguments": [_argument(item) for item in body.get("arguments") or ()],
        "inputs": inputs,
        **streams_of(process),
    }
    if order := _order(inputs):
        found["inputOrder"] = order
    names = ("successCodes", "temporaryFailCodes", "permanentFailCodes")
    success, *others = (set(body.get(name) or ()) for name in names)
    if not any(0 in codes for codes in others):
        success -= {0}
    for name, codes in zip(names, (success, *others), strict=True):
        if codes:
            found[name] = sorted(codes)
    return found


def outputs_of(process: Process, types: Mapping[str, Any]) -> dict[str, Any]:
    """Return the member ``outputs`` of the outputs section."""
    streams = streams_of(process)
    found = {}
    for item in process.body["outputs"]:
        made = plain(_bare(item))
        if item["type"] in ("stdout", "stderr"):
            made["outputBinding"] = {"glob": streams[item["type"]]}
        is_stream = item["type"] in ("stdout", "stderr")
        made["type"] = "File" if is_stream else _type(item["type"], types)
        found[short(item["id"])] = made
    return found


def _bare(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value
        for name, value in item.items()
        if name not in _PROSE and ":" not in name and value is not None
    }


def _input(item: Mapping[str, Any], types: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in _INPUT:
        value = item.get(name)
        if value is None or value is False:
            continue
        if name == "type":
            found[name] = "File" if value == "stdin" else _type(value, types)
        elif name == "secondaryFiles":
            found[name] = _patterns(value)
        else:
            found[name] = _binding(value) if name == "inputBinding" else plain(value)
    return found


def _patterns(value: Any) -> list[Any]:
    found = []
    for item in value if isinstance(value, list) else [value]:
        made = plain(item)
        if isinstance(made, dict) and made.get("required") in (None, True):
            made.pop("required", None)
        found.append(made)
    return found


def _argument(item: Any) -> Any:
    made = _binding(item)
    return made["valueFrom"] if isinstance(made, dict) and set(made) == {"valueFrom"} else made


def _order(fields: Mapping[str, Any]) -> list[str]:
    names = [name for name, item in fields.items() if may_hold(item["type"], "record")]
    return names if len(names) > 1 else []


def _binding(item: Any) -> Any:
    if not isinstance(item, dict):
        return item
    return {
        name: plain(value)
        for name, value in _bare(item).items()
        if not (name in _ANYHOW and _ANYHOW[name] == value and type(_ANYHOW[name]) is type(value))
    }


def _type(value: Any, types: Mapping[str, Any], above: tuple[str, ...] = ()) -> Any:
    if isinstance(value, list):
        items = [_type(item, types, above) for item in value]
        return items[0] if len(items) == 1 else items
    if isinstance(value, dict):
        return _structure(value, types, above)
    name = short(value)
    if name in above:
        return {"recursive": above[::-1].index(name)}
    return _type(types[name], types, (*above, name)) if name in types else name


def _structure(
    value: Mapping[str, Any], types: Mapping[str, Any], above: tuple[str, ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, item in _bare(value).items():
        if name in ("type", "items"):
            found[name] = _type(item, types, above)
        elif name == "fields":
            found[name] = {short(f["name"]): _structure(f, types, above) for f in item}
            if order := _order(found[name]):
                found["fieldOrder"] = order
        elif name == "symbols":
            found[name] = [short(symbol) for symbol in item]
        elif name == "inputBinding":
            found[name] = _binding(item)
        elif name == "secondaryFiles":
            found[name] = _patterns(item)
        elif name == "default":
            found[name] = by_content(item)
        elif name != "name":
            found[name] = plain(item)
    return found


def by_content(value: Any) -> Any:
    """Return a value of the document, Files in it by content."""
    if isinstance(value, list):
        return [by_content(item) for item in value]
    if not isinstance(value, dict):
        return plain(value)
    if value.get("class") in ("File", "Directory"):
        return Values().of(value, "document")
    return {own(name): by_content(item) for name, item in value.items()}
