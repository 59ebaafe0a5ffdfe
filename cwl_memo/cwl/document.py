"""A loaded tool as plain JSON, with all that does not bear on a job's result left out.

cwltool has resolved ``$import`` and ``$include``, expanded maps to lists and updated the
document to its internal version by the time it is read here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.door import YAML, RoundTripRepresenter, ScalarFloat, shortname
from cwl_memo.cwl.type import may_hold

__all__ = ["INPUT_FIELDS", "ToolDocument", "by_content", "normal_type", "plain", "read_tool"]

_PROSE: Final = frozenset({"label", "doc", "intent", "id", "$namespaces", "$schemas"})
"""Fields that nothing but people read (CWL v1.2, section 3)."""

_FILE_CLASSES: Final = ("File", "Directory")

INPUT_FIELDS: Final = (
    "type",
    "format",
    "secondaryFiles",
    "loadContents",
    "loadListing",
    "inputBinding",
)
"""What of an input parameter bears on a job; its default stands in the input object."""

_BINDING_DEFAULTS: Final[Mapping[str, JSON]] = {
    "separate": True,
    "shellQuote": True,
    "loadContents": False,
    "position": 0,
}


def plain(value: Any) -> JSON:
    """Return a loaded YAML or JSON value as plain JSON.

    A float written in YAML reaches a command line as it was written (``1.10``), and an
    expression as its value: where the two differ from the plain text of the value, both
    are kept.
    """
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return _plain_float(value)
    if isinstance(value, Mapping):
        return {own_name(name): plain(item) for name, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return {"$text": str(value), "$type": type(value).__name__}


def own_name(name: object) -> str:
    """Return the name of a field so that it is none of those that cwl-memo adds (``$text``)."""
    text = str(name)
    return f"${text}" if text.startswith("$") else text


def _plain_float(value: float) -> JSON:
    number = float(value)
    text = str(number)
    if isinstance(value, ScalarFloat):
        # As cwltool's Builder.tostr puts it on a command line.
        written = Decimal(RoundTripRepresenter().represent_scalar_float(value).value)
        text = format(written, "f") if "E" in str(written) else str(written)
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124
        return {"$float": str(number)}
    return number if text == str(number) else {"$float": number, "$text": text}


def read_float(value: Mapping[str, JSON]) -> float:
    """Return the float of which :func:`plain` kept more than its value.

    :raises KeyError, TypeError, ValueError: if it is something else.
    """
    number, text = value["$float"], value.get("$text")
    if text is None:
        return float(number)
    # An integer by its text: with an exponent YAML reads it as a float, written alike.
    loader = YAML(typ="rt")
    written = loader.load(text) if "." in text else loader.load(f"{text}e0")
    if not isinstance(written, ScalarFloat) or plain(written) != value:
        raise ValueError(f"not a float: {text[:80]!r}")
    return written


class ToolDocument:
    """The parts of a tool, each normalised.

    :param tool: what decides what the tool does.
    :param outputs: what decides what is collected from it.
    :param stream_names: the names that cwltool made up for ``type: stdout`` and
        ``stderr``, by stream; they change with every edit of the document and mean
        nothing.
    """

    def __init__(
        self, tool: dict[str, JSON], outputs: dict[str, JSON], stream_names: dict[str, str]
    ) -> None:
        self.tool = tool
        self.outputs = outputs
        self.stream_names = stream_names


def read_tool(
    tool: Mapping[str, Any],
    types: Mapping[str, Any],
    made_up: Callable[[str], bool],
    file_facts: Callable[[Any], JSON],
) -> ToolDocument:
    """Return the parts of a loaded CommandLineTool.

    :param types: the named types of SchemaDefRequirement, by full name.
    :param made_up: tells whether a stream's file name was made up by cwltool.
    :param file_facts: turns a File or Directory of the document into its facts.
    """
    streams = {
        name: str(tool[name])
        for name in ("stdout", "stderr")
        if tool.get(name) and made_up(str(tool[name]))
    }
    result: dict[str, JSON] = {
        "baseCommand": _as_list(plain(tool.get("baseCommand"))),
        "arguments": [_argument(item) for item in tool.get("arguments") or ()],
        "inputs": {
            shortname(item["id"]): _input(item, types, file_facts) for item in tool["inputs"]
        },
    }
    order = _order_of_records(result["inputs"])
    if order:
        result["inputOrder"] = order
    for name in ("stdin", "stdout", "stderr"):
        if tool.get(name):
            result[name] = {"made-up": name} if name in streams else plain(tool[name])
    result |= _exit_codes(tool)
    outputs = {
        shortname(item["id"]): _output(item, types, streams, file_facts) for item in tool["outputs"]
    }
    return ToolDocument(result, outputs, streams)


def _order_of_records(fields: Mapping[str, Any]) -> list[str]:
    """Return the names of fields in their order, if that can decide the command line.

    cwltool sorts bindings by position and then by the innermost name, which two records
    may have in common.
    """
    names = [name for name, item in fields.items() if may_hold(item.get("type"), ("record",))]
    return names if len(names) > 1 else []


def _as_list(value: JSON) -> JSON:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _input(
    item: Mapping[str, Any], types: Mapping[str, Any], file_facts: Callable[[Any], JSON]
) -> JSON:
    fields: dict[str, JSON] = {}
    for name in INPUT_FIELDS:
        value = item.get(name)
        if value is None or value is False:
            continue
        if name == "type":
            fields[name] = normal_type(value, types, file_facts)
        else:
            fields[name] = _FORMS.get(name, plain)(value)
    return fields


def _exit_codes(tool: Mapping[str, Any]) -> dict[str, JSON]:
    found = {
        name: {int(code) for code in tool.get(name) or ()}
        for name in ("successCodes", "temporaryFailCodes", "permanentFailCodes")
    }
    if 0 not in found["temporaryFailCodes"] | found["permanentFailCodes"]:
        found["successCodes"].discard(0)  # is success anyhow
    return {name: sorted(codes) for name, codes in found.items() if codes}


def _patterns(value: Any) -> JSON:
    """Return the secondaryFiles that an input asks for, as a list, without what is so anyhow."""
    return [
        {
            name: field
            for name, field in item.items()
            if name != "required" or (field is not None and field is not True)
        }
        if isinstance(item, dict)
        else item
        for item in _as_list(plain(value))
    ]


def _argument(item: Any) -> JSON:
    binding = _binding(item)
    if isinstance(binding, dict) and binding.keys() == {"valueFrom"}:
        return binding["valueFrom"]
    return binding


def _output(
    item: Mapping[str, Any],
    types: Mapping[str, Any],
    streams: Mapping[str, str],
    file_facts: Callable[[Any], JSON],
) -> JSON:
    fields = {
        name: plain(value)
        for name, value in item.items()
        if name not in _PROSE and name != "type" and ":" not in name and value is not None
    }
    fields["type"] = normal_type(item["type"], types, file_facts)
    binding = fields.get("outputBinding")
    if isinstance(binding, dict):
        for stream, made in streams.items():
            if binding.get("glob") == made:
                binding["glob"] = {"made-up": stream}
    return fields


def _binding(item: Any) -> JSON:
    """Return a binding or argument without the fields that say what is so anyhow."""
    if not isinstance(item, Mapping):
        return plain(item)
    return {
        name: plain(value)
        for name, value in item.items()
        if name not in _PROSE
        and ":" not in name
        and value is not None
        and not (name in _BINDING_DEFAULTS and _BINDING_DEFAULTS[name] is value)
        and not (name == "position" and value == 0 and not isinstance(value, bool))
    }


def normal_type(
    value: Any,
    types: Mapping[str, Any],
    file_facts: Callable[[Any], JSON],
    above: tuple[str, ...] = (),
) -> JSON:
    """Return a type with every named type written out where it is used.

    Written out, a type is known by what it is and not by where it is defined; a type
    that contains itself is named by how far up it stands.
    """
    if isinstance(value, str):
        if value in above:
            return {"recursive": above[::-1].index(value)}
        if value in types:
            return normal_type(types[value], types, file_facts, (*above, value))
        return shortname(value) if "#" in value else str(value)
    if isinstance(value, Mapping):
        return _structured_type(value, types, file_facts, above)
    items = [normal_type(item, types, file_facts, above) for item in value]
    return items[0] if len(items) == 1 else items


def _structured_type(
    value: Mapping[str, Any],
    types: Mapping[str, Any],
    file_facts: Callable[[Any], JSON],
    above: tuple[str, ...],
) -> JSON:
    result: dict[str, JSON] = {}
    for name, item in value.items():
        if name in _PROSE or ":" in name or item is None:
            continue
        if name in ("type", "items"):
            result[name] = normal_type(item, types, file_facts, above)
        elif name == "fields":
            result[name] = {
                shortname(field["name"]): _structured_type(field, types, file_facts, above)
                for field in item
            }
            order = _order_of_records(result[name])
            if order:
                result["fieldOrder"] = order
        elif name == "symbols":
            result[name] = [shortname(symbol) for symbol in item]
        elif name == "default":
            result[name] = by_content(item, file_facts)
        elif name != "name":
            result[name] = _FORMS.get(name, plain)(item)
    return result


_FORMS: Final[Mapping[str, Callable[[Any], JSON]]] = {
    "inputBinding": _binding,
    "secondaryFiles": _patterns,
}
"""What members of an input, or of a type, are written as, where not as they stand."""


def by_content(value: Any, file_facts: Callable[[Any], JSON]) -> JSON:
    """Return a value of the document as JSON, the Files in it by content."""
    if isinstance(value, Mapping):
        if value.get("class") in _FILE_CLASSES:
            return file_facts(value)
        return {own_name(name): by_content(item, file_facts) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [by_content(item, file_facts) for item in value]
    return plain(value)
