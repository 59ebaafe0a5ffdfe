"""What the inputs and outputs of a normalised tool document may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.expression import strings_in

__all__ = ["formats_in", "loads_contents", "may_hold", "secondary_patterns"]


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


def formats_in(value: JSON) -> list[str]:
    """Return the formats of the Files in the facts of an input."""
    if isinstance(value, dict):
        if value.get("class") == "File":
            return [str(value["format"])] if "format" in value else []
        return [text for item in value.values() for text in formats_in(item)]
    if isinstance(value, list):
        return [text for item in value for text in formats_in(item)]
    return []
