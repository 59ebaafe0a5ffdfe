"""What the expressions of a tool can see and do, found without running them.

The key of a job is computed without JavaScript. For that to be safe, the text of every
expression is searched for the few things by which more than the plain inputs could
reach the tool: locations, resources, the clock, chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.cwl.door import SubstitutionError, scanner

__all__ = [
    "ExpressionUse",
    "expressions_in",
    "is_expression",
    "lone_reference",
    "strings_in",
    "use_of",
    "writes_self",
]

RESOURCES: Final = ("cores", "ram", "tmpdirSize", "outdirSize", "cudaDeviceCount")
"""The fields of ``runtime`` that depend on what the job was given."""

# A word only counts where it is not a property of something else; after three dots it is none.
_OWN: Final = r"(?<![\w$])(?:(?<!\.)|(?<=\.\.\.))"
# What of the clock and of Math gives the same each time. All else does not, however it is written.
_CERTAIN: Final = re.compile(
    rf"{_OWN}(?:"
    r"new\s+Date\s*\((?!\s*(?:\)|/[*/]|\.\.\.))"  # of an argument; a comment and ...[] are none
    r"|Date\s*\.\s*(?:UTC|parse|prototype\s*\.\s*(?!constructor\b)\w+)\b"
    r"|instanceof\s+Date\b(?!\s*[.(\[])"
    r"|Math\s*\.\s*(?!(?:random|constructor)\b)\w+"
    r")"
)
_CLOCK: Final = re.compile(
    rf"{_OWN}(?:"
    r"(?:new\s+)?Date\b(?:\s*\.\s*\w+|\s*\(\s*\)?)?"
    r"|Math\b(?:\s*\.\s*\w+)?"
    r"|Intl\b|performance\b|crypto\b|Temporal\s*(?:\.\s*Now\b|\[)"
    r"|(?:globalThis|eval)\b|new\s+Function\b"  # code that stands nowhere in the document
    r"|Function(?:\(|\s*\.\s*(?:apply|bind|call)\b)"
    r"|this\s*\.\s*(?:Date|Math)\b"
    r")"
    r"|\.\s*constructor\s*(?:[(\[]|\.(?!\s*name\b))"
    r"|\\u(?:00|\{0*)[4-7][0-9A-Fa-f]"  # a letter of a name that is not to be read
)
_QUOTED: Final = re.compile(
    r"(?<![\w$])this\s*\[\s*[\"'`](?:Date|Math)[\"'`]|\[\s*[\"'`]constructor[\"'`]"
)
_LOCALE: Final = re.compile(r"(?<![.\w$])Date\b|\.\s*toLocale\w*|\.\s*localeCompare\b")
# The bare word will do: code can take the name of a field from a list.
_LOCATION: Final = re.compile(r"\b(?:location|checksum|streamable)\b")
_LITERAL: Final = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'")
# Words in quotes are no code. Beside these they might be: what looks like a quote may stand in a
# regular expression, a comment or a template, or the quote before it on the line above, and hide
# code between two of them.
_NO_QUOTE: Final = re.compile(r"[/`]|\\[\r\n]")
# An input whose name only a run of the code tells; and whether more follows.
_COMPUTED: Final = re.compile(
    r"(?<![.\w$])inputs\s*\[\s*(?![\"'][^\"']+[\"']\s*\])[^\]]*(\]\s*[.\[])?"
)
# Ways to look at an object without naming its fields.
_REFLECTION: Final = re.compile(
    r"\bJSON\s*\.\s*stringify\b|\bReflect\b"
    r"|\bObject\s*\.\s*(?:keys|values|entries|assign|getOwnProperty\w*)\b"
    r"|\bfor\s*\([^;)]*\bin\b|\.\.\."
    r"|(?<![.\w$])inputs\b(?!\s*[.\[])"
)
_SELF: Final = re.compile(r"(?<![.\w$])self\b(?!\s*[.\[])")
_RUNTIME: Final = re.compile(r"(?<![.\w$])runtime\s*(?:\.\s*(\w+)|\[\s*[\"'](\w+)[\"']\s*\])?")
_INPUT: Final = re.compile(
    r"(?<![.\w$])inputs\s*(?:\.\s*(\w+)|\[\s*[\"']([^\"']+)[\"']\s*\])(\s*[.\[])?"
)

_REFERENCE: Final = re.compile(r"\$\(\s*inputs((?:\.\w+|\[\d+\]|\['[^']*'\]|\[\"[^\"]*\"\])+)\s*\)")
_PART: Final = re.compile(r"\.(\w+)|\[(\d+)\]|\[[\"']([^\"']*)[\"']\]")


_PARAMETER: Final = re.compile(
    r"\(\w+(?:\.\w+|\['(?:[^']|\\')+'\]|\[\"(?:[^\"]|\\\")+\"\]|\[[0-9]+\])*\)"
)
"""A parameter reference, which takes no JavaScript (CWL v1.2, section 3.4)."""


def is_expression(text: object) -> bool:
    """Tell whether cwltool would evaluate the text."""
    return isinstance(text, str) and ("$(" in text or "${" in text)


def strings_in(value: Any) -> Iterator[str]:
    """Yield every string that stands in a JSON value, keys left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from strings_in(item)


def expressions_in(text: str) -> list[str]:
    """Return the ``$(…)`` and ``${…}`` parts of a text, without the dollar."""
    found: list[str] = []
    rest = text.strip()
    try:
        while span := scanner(rest):
            start, end = span
            if rest[start] == "$":
                found.append(rest[start + 1 : end])
                rest = rest[end:]
            elif rest[start : end + 1] in ("\\$(", "\\${"):
                rest = rest[end + 1 :]
            else:
                rest = rest[end:]
    except SubstitutionError:
        # cwltool will reject it in its own words; until then all of it may be code.
        found.append(rest)
    return found


def needs_javascript(texts: Iterable[str]) -> bool:
    """Tell whether an expression in some text is more than a parameter reference."""
    parts = (part for text in texts if is_expression(text) for part in expressions_in(text))
    return not all(map(_PARAMETER.fullmatch, parts))


@dataclass(frozen=True)
class ExpressionUse:
    """What the expressions of one part of a tool use.

    :param any: whether there is any expression at all.
    :param resources: fields of ``runtime`` that they name.
    :param locations: whether they can see where files lie.
    :param order: whether they can see in which order the fields of an object stand.
    :param locale: whether they can see the time zone or the locale.
    :param nondeterministic: the first piece of each that tells the time or rolls dice.
    :param versioned: whether the escaping rules, which changed in v1.2, apply.
    :param inputs: names of inputs that they name.
    :param computed: whether they name inputs that only running them would tell.
    """

    any: bool = False
    resources: frozenset[str] = frozenset()
    locations: bool = False
    order: bool = False
    locale: bool = False
    nondeterministic: tuple[str, ...] = ()
    versioned: bool = False
    inputs: frozenset[str] = frozenset()
    computed: bool = False


def use_of(
    texts: Iterable[str], library: Iterable[str] = (), file_inputs: frozenset[str] = frozenset()
) -> ExpressionUse:
    """Return what expressions use.

    :param texts: strings of a tool, expressions or not.
    :param library: JavaScript of ``expressionLib``, all of it code.
    :param file_inputs: names of the inputs whose values may hold Files.
    """
    code: list[str] = []
    locations = versioned = False
    for text in texts:
        if not is_expression(text):
            continue
        parts = expressions_in(text)
        code.extend(parts)
        versioned = versioned or "\\" in text
        if _is_serialised(text, parts):
            locations = locations or any(_names_whole(part, file_inputs) for part in parts)
    if not code:
        return ExpressionUse()
    code.extend(library)
    return ExpressionUse(
        any=True,
        resources=frozenset().union(*map(_resources, code)),
        locations=locations or any(_LOCATION.search(c) or _REFLECTION.search(c) for c in code),
        order=any(_REFLECTION.search(c) for c in code),
        locale=any(_LOCALE.search(c) for c in code),
        nondeterministic=tuple(filter(None, map(_clock, code))),
        versioned=versioned,
        inputs=frozenset(a or b for c in code for a, b, _ in _INPUT.findall(c)),
        computed=any(_COMPUTED.search(c) for c in code),
    )


def _clock(code: str) -> str:
    """Return the first piece of code that tells the time or rolls dice, or nothing."""
    found = _QUOTED.search(code)
    if not found:
        if not _NO_QUOTE.search(code):
            code = _LITERAL.sub(lambda m: m.group(0)[0] * 2, code)
        found = _CLOCK.search(_CERTAIN.sub(" ", code))
    return found.group(0) if found else ""


def _resources(code: str) -> frozenset[str]:
    names: set[str] = set()
    for dotted, quoted in _RUNTIME.findall(code):
        name = dotted or quoted
        # A bare ``runtime`` may be looked at in any way.
        names.update(RESOURCES if not name else {name} & set(RESOURCES))
    return frozenset(names)


def writes_self(text: str) -> bool:
    """Tell whether the value of an input is written out, as JSON, between other text."""
    parts = expressions_in(text) if is_expression(text) else []
    return not _is_alone(text, parts) and any(_SELF.search(part) for part in parts)


def _is_alone(text: str, parts: list[str]) -> bool:
    return len(parts) == 1 and len(text.strip()) == len(parts[0]) + 1


def _is_serialised(text: str, parts: list[str]) -> bool:
    """Tell whether what an expression returns may be turned into text.

    It is, as JSON, between other text; and JavaScript may return an object around a
    File, which InitialWorkDirRequirement writes out as JSON. A parameter reference that
    stands alone returns the File itself.
    """
    return (
        not _is_alone(text, parts)
        or parts[0].startswith("{")
        or not re.fullmatch(r"\(\s*[\w.\[\]'\"]+\s*\)", parts[0])
    )


def _names_whole(code: str, file_inputs: frozenset[str]) -> bool:
    return any((a or b) in file_inputs and not more for a, b, more in _INPUT.findall(code)) or (
        bool(file_inputs) and not all(_COMPUTED.findall(code))
    )


def lone_reference(text: str) -> list[str]:
    """Return the parts of ``$(inputs.a.b)``, without ``inputs``; none for any other text."""
    found = _REFERENCE.fullmatch(text.strip())
    return [a or b or c for a, b, c in _PART.findall(found.group(1))] if found else []
