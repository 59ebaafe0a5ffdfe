"""What expressions can see (section of the same name)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.golden.independent.page import pattern

__all__ = [
    "RESOURCES",
    "Sight",
    "is_lone",
    "may_hold",
    "parts",
    "reaches",
    "strings",
    "whole_self",
]

RESOURCES = ("cores", "ram", "tmpdirSize", "outdirSize", "cudaDeviceCount")
_CLOSING = {"(": ")", "{": "}"}


def strings(value: Any) -> Iterator[str]:
    """Yield the strings in a value, but for names."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


def parts(text: str) -> list[str]:
    """Return the expressions of a text, each from its bracket on."""
    found: list[str] = []
    at = last = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "$" and text[at + 1 : at + 2] in _CLOSING:
            end = _end(text, at + 1)
            if end is None:
                return [*found, text[last:]]
            found.append(text[at + 1 : end])
            at = last = end
        else:
            at += 1
    return found


def _end(text: str, at: int) -> int | None:
    opening, closing = text[at], _CLOSING[text[at]]
    depth, quote = 0, ""
    while at < len(text):
        character = text[at]
        if quote:
            at += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            depth += (character == opening) - (character == closing)
            if not depth:
                return at + 1
        at += 1
    return None


def is_lone(text: str) -> bool:
    """Tell whether a text is one expression and nothing else but white space."""
    found = parts(text.strip())
    return len(found) == 1 and f"${found[0]}" == text.strip()


def is_reference(text: str) -> bool:
    """Tell whether a text is a plain reference."""
    return is_lone(text) and bool(re.fullmatch(r"\$\(\s*[\w.\[\]'\"]+\s*\)", text.strip()))


def needs_javascript(value: Any) -> bool:
    """Tell whether an expression in a value is more than a parameter reference."""
    step = r"(\.\w+|\['([^']|\\')+'\]|\[\"([^\"]|\\\")+\"\]|\[[0-9]+\])"
    found = [code for text in strings(value) for code in parts(text)]
    return any(not re.fullmatch(rf"\(\w+{step}*\)", code) for code in found)


def may_hold(kind: Any, *names: str) -> bool:
    """Tell whether a type may hold a value of one of some types."""
    if isinstance(kind, list):
        return any(may_hold(item, *names) for item in kind)
    if isinstance(kind, dict):
        below = [kind.get("type"), kind.get("items")]
        below += [item.get("type") for item in kind.get("fields", {}).values()]
        return any(may_hold(item, *names) for item in below)
    return kind in names


@dataclass
class Sight:
    """What the expressions of one side can see."""

    has_expression: bool = False
    has_backslash: bool = False
    locations: bool = False
    order: bool = False
    locale: bool = False
    by_code: bool = False
    named: set[str] = field(default_factory=set)
    resources: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, value: Any, library: Iterable[str], inputs: Mapping[str, Any]) -> Sight:
        """Return what the expressions in a value can see."""
        sight = cls()
        holders = {
            name
            for name, item in inputs.items()
            if may_hold(item["type"], "File", "Directory", "Any")
        }
        texts = [text for text in strings(value) if parts(text)]
        for text in texts:
            sight.has_expression = True
            sight.has_backslash |= "\\" in text
            for code in parts(text):
                sight._look(code)
                if not is_reference(text):
                    sight.locations |= _names_whole(code, holders)
        if texts:
            for code in library:
                sight._look(code)
        return sight

    def _look(self, code: str) -> None:
        self.order |= bool(pattern("the order").search(code))
        self.locations |= self.order or bool(pattern("a location").search(code))
        self.locale |= bool(pattern("the locale").search(code))
        self.by_code |= bool(pattern("an input by code").search(code))
        self.named |= {a or b for a, b, _ in pattern("an input by name").findall(code)}
        for groups in pattern("resources").findall(code):
            name = groups[0] or groups[1]
            self.resources |= {name} & set(RESOURCES) if name else set(RESOURCES)


def _names_whole(code: str, holders: set[str]) -> bool:
    named = pattern("an input by name").findall(code)
    by_code = pattern("an input by code").findall(code)
    return any((a or b) in holders and not more for a, b, more in named) or (
        bool(holders) and not all(by_code)
    )


def whole_self(text: str) -> bool:
    """Tell whether an expression of a text names ``self`` as a whole."""
    return any(pattern("self as a whole").search(code) for code in parts(text))


def reaches(entry: str, inputs: Mapping[str, Any]) -> bool:
    """Tell whether an entry of InitialWorkDirRequirement writes an object with a File in it."""
    found = re.fullmatch(r"\$\(\s*inputs((?:\.\w+|\[[^\]]*\])+)\s*\)", entry.strip())
    if found is None:
        return False
    names = [a or b for a, b in re.findall(r"\.(\w+)|\[[\"']?([^\]\"']*)[\"']?\]", found[1])]
    kind = inputs.get(names[0], {}).get("type", "Any")
    for name in names[1:]:
        if isinstance(kind, list):
            some = [item for item in kind if item != "null"]
            kind = some[0] if len(some) == 1 else "Any"
        if kind in ("File", "Directory"):
            kind = "string"
        elif isinstance(kind, dict):
            fields = kind.get("fields", {})
            below = kind.get("items") if name.isdigit() else fields.get(name, {}).get("type")
            kind = below or "Any"
        else:
            kind = "Any"
    return may_hold(kind, "File", "Directory", "Any") and not _is_staged(kind)


def _is_staged(kind: Any) -> bool:
    if isinstance(kind, list):
        return all(map(_is_staged, kind))
    if isinstance(kind, dict):
        items = kind.get("items")
        below = items if isinstance(items, list) else [items]
        return kind.get("type") == "array" and all(k in ("File", "Directory") for k in below)
    return kind in ("File", "Directory", "null")
