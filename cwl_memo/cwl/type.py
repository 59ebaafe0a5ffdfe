"""What the inputs and outputs of a normalised tool document may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.expression import strings_in

__all__ = [
    "binding_texts",
    "formats_in",
    "is_staged",
    "kind_at",
    "loads_contents",
    "may_hold",
    "secondary_patterns",
]


def may_hold(kind: JSON, names: Sequence[str]) -> bool:
    """Tell whether a normalised type may hold a value of one of the named types."""
    return any(
        text == name or text.endswith(f".{name}") for text in _type_names(kind) for name in names
    )


def _type_names(kind: JSON) -> list[str]:
    if isinstance(kind, str):
        return [kind]
    if isinstance(kind, list):
        return [text for item in kind for text in _type_names(item)]
    if isinstance(kind, dict):
        found = [str(kind["type"])] if isinstance(kind.get("type"), str) else []
        if not found and "type" in kind:
            found = _type_names(kind["type"])
        found += _type_names(kind.get("items")) if "items" in kind else []
        for item in (kind.get("fields") or {}).values():
            found += _type_names(item.get("type"))
        return found
    return []


def kind_at(inputs: Mapping[str, Any], parts: Sequence[str]) -> JSON:
    """Return the type of what ``inputs.a.b`` leads to; ``Any`` where that is not plain.

    :param inputs: the inputs of a normalised tool document.
    :param parts: names and positions, as ``["a", "b"]``.
    """
    name, *below = parts
    kind: JSON = inputs.get(name, {}).get("type", "Any")
    for part in below:
        if isinstance(kind, list):
            some = [item for item in kind if item != "null"]
            kind = some[0] if len(some) == 1 else "Any"
        if kind in ("File", "Directory"):
            return "string"  # one of its fields
        if not isinstance(kind, dict):
            return "Any"
        if part.isdigit() and "items" in kind:
            kind = kind["items"]
        else:
            kind = (kind.get("fields") or {}).get(part, {}).get("type", "Any")
    return kind


def is_staged(kind: JSON) -> bool:
    """Tell whether cwltool stages all values of a type as files, and writes none as JSON."""
    if isinstance(kind, list):
        return all(map(is_staged, kind))
    if isinstance(kind, dict):
        items = kind.get("items")
        single = items if isinstance(items, list) else [items]
        return kind.get("type") == "array" and all(k in ("File", "Directory") for k in single)
    return kind in ("File", "Directory", "null")


def loads_contents(item: Mapping[str, Any]) -> bool:
    """Tell whether an input has ``loadContents: true``, in its binding as in v1.0 or beside it."""
    binding = item.get("inputBinding") or {}
    return item.get("loadContents") is True or binding.get("loadContents") is True


def secondary_patterns(item: Any) -> list[str]:
    """Return every secondaryFiles pattern of an input, wherever in its type it stands."""
    found: list[str] = []
    if isinstance(item, dict):
        for name, value in item.items():
            if name == "secondaryFiles" and value:
                found.extend(strings_in(value))
            else:
                found.extend(secondary_patterns(value))
    elif isinstance(item, list):
        for value in item:
            found.extend(secondary_patterns(value))
    return found


def binding_texts(item: Any) -> list[str]:
    """Return every string of the input bindings of inputs, wherever in their types."""
    found: list[str] = []
    if isinstance(item, dict):
        for name, value in item.items():
            if name == "inputBinding" and value:
                found.extend(strings_in(value))
            else:
                found.extend(binding_texts(value))
    elif isinstance(item, list):
        for value in item:
            found.extend(binding_texts(value))
    return found


def formats_in(value: JSON) -> list[str]:
    """Return the formats of the Files in the facts of an input."""
    if isinstance(value, dict):
        if value.get("class") == "File":
            return [str(value["format"])] if "format" in value else []
        return [text for item in value.values() for text in formats_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in formats_in(item)]
    return []
