"""What of a tool holds for all of its jobs, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl import requirement
from cwl_memo.cwl.document import ToolDocument, read_tool
from cwl_memo.cwl.door import CommandLineTool, uri_file_path
from cwl_memo.cwl.expression import (
    ExpressionUse,
    is_expression,
    lone_reference,
    needs_javascript,
    strings_in,
    use_of,
    writes_self,
)
from cwl_memo.cwl.files import FileFacts, Sources
from cwl_memo.cwl.type import is_staged, kind_at, loads_contents, may_hold, secondary_patterns

__all__ = ["Static", "library_of", "read_static", "version_counts"]

_MADE_UP_LENGTH: Final = 40


@dataclass
class Static:
    """What holds for every job of a tool while its requirements stay the same."""

    found: Mapping[str, Mapping[str, Any]]
    document: ToolDocument
    requirements: dict[str, JSON]
    tool_use: ExpressionUse
    output_use: ExpressionUse
    file_inputs: frozenset[str]
    sources: Sources
    directory_outputs: tuple[str, ...] = ()
    needs_builder: bool = False
    loaded: frozenset[str] = frozenset()
    """The inputs whose ``contents`` cwltool reads from the files themselves."""
    tool_rejected: bool = False
    """Whether something but the outputs needs JavaScript, which is not in force."""
    outputs_rejected: bool = False
    section: dict[str, JSON] | None = None
    """The outputs section, once it was asked for."""
    words: dict[tuple[str, ...], list[str]] = field(default_factory=dict)
    """Which words may name programs, by the texts of the input object."""
    seen: tuple[Any, ...] = field(default=())


def read_static(tool: CommandLineTool, files: FileFacts) -> Static:
    """Read a tool with the requirements that are in force for it.

    :param files: reads the facts of Files in the document.
    """
    found = requirement.effective(tool.requirements, tool.hints)
    schema = found.get("SchemaDefRequirement") or {}
    types = {str(t["name"]): t for t in schema.get("types", ())}

    def file_facts(item: Any) -> JSON:
        return files.value(item, ("$document",))

    document = read_tool(tool.tool, types, partial(_is_made_up, tool), file_facts)
    requirements = requirement.lasting(found, file_facts)
    library = library_of(tool)
    file_inputs = frozenset(
        name
        for name, item in document.tool["inputs"].items()
        if may_hold(item.get("type"), ("File", "Directory", "Any"))
    )
    tool_use = use_of(strings_in([document.tool, requirements]), library, file_inputs)
    own = [document.tool["inputs"][name] for name in file_inputs]
    written = _writes_objects(requirements, document.tool["inputs"])
    if written or any(map(writes_self, strings_in(own))):
        tool_use = replace(tool_use, locations=True)
    output_use = use_of(strings_in(document.outputs), library, file_inputs)
    if tool_use.resources | output_use.resources:
        # Evaluated for the key, and once more for the job: dice would fall otherwise.
        asked = use_of(strings_in(found.get("ResourceRequirement") or {}), library)
        dice = (*tool_use.nondeterministic, *asked.nondeterministic)
        tool_use = replace(tool_use, nondeterministic=dice)
    files.sources.places.clear()
    static = Static(found, document, requirements, tool_use, output_use, file_inputs, files.sources)
    static.directory_outputs = tuple(
        f"outputs.{name}"
        for name, item in document.outputs.items()
        if may_hold(item.get("type"), ("Directory",))
    )
    inputs = document.tool["inputs"]
    static.loaded = frozenset(name for name, item in inputs.items() if loads_contents(item))
    static.needs_builder = _needs_builder(static)
    if not _is_javascript_in_force(tool):
        needed = [requirements, found.get("ResourceRequirement") or {}]
        static.tool_rejected = needs_javascript(strings_in([_evaluated(document), *needed]))
        static.outputs_rejected = needs_javascript(strings_in(document.outputs))
    return static


def _is_javascript_in_force(tool: CommandLineTool) -> bool:
    return any(item["class"] == "InlineJavascriptRequirement" for item in tool.requirements)


def _evaluated(document: ToolDocument) -> list[Any]:
    """Return what of a tool is evaluated if it is an expression: no command, no default."""
    members = {n: v for n, v in document.tool.items() if n not in ("baseCommand", "inputs")}
    items = document.tool["inputs"].values()
    return [members, [{n: v for n, v in item.items() if n != "default"} for item in items]]


def library_of(tool: CommandLineTool) -> list[str]:
    """Return the expression library that a tool's expressions see."""
    # cwltool looks for it among the requirements alone, the most specific first.
    for item in reversed(tool.requirements):
        if item["class"] == "InlineJavascriptRequirement":
            library: Any = item.get("expressionLib")
            return [str(text) for text in library or ()]
    return []


def _is_made_up(tool: CommandLineTool, name: str) -> bool:
    """Tell whether cwltool made up the file name of a ``type: stdout`` output.

    It is then a SHA-1 of the document, and stands nowhere in its text.
    """
    if len(name) != _MADE_UP_LENGTH or not set(name) <= set("0123456789abcdef"):
        return False
    location = str(tool.tool.get("id", "")).partition("#")[0]
    if not location.startswith("file://"):
        return True
    try:
        with open(uri_file_path(location), encoding="utf-8", errors="replace") as text:
            return name not in text.read()
    except OSError:
        return True


def _needs_builder(static: Static) -> bool:
    """Tell whether the input object as the tool sees it takes an evaluation."""
    inputs = static.document.tool["inputs"]
    patterns = [text for item in inputs.values() for text in secondary_patterns(item)]
    return any(map(is_expression, patterns)) or any(
        may_hold(item.get("type"), ("record",)) for item in inputs.values()
    )


def _writes_objects(requirements: Mapping[str, JSON], inputs: Mapping[str, Any]) -> bool:
    """Tell whether InitialWorkDirRequirement writes objects with Files in them as JSON."""
    listing = (requirements.get("InitialWorkDirRequirement") or {}).get("listing")
    entries = [item.get("entry") for item in listing or () if isinstance(item, Mapping)]
    kinds = [kind_at(inputs, parts) for parts in map(lone_reference, map(str, entries)) if parts]
    return any(
        may_hold(kind, ("File", "Directory", "Any")) and not is_staged(kind) for kind in kinds
    )


def version_counts(static: Static) -> bool:
    """Tell whether a rule is in play that differs between versions of CWL.

    InitialWorkDirRequirement's entries, and backslashes before expressions; the default
    of ``ram``, the third, shows in ``runtime``.
    """
    return static.tool_use.versioned or "InitialWorkDirRequirement" in static.requirements
