"""Recorded output objects as files and values, for whoever looks at a job after its run.

In an entry a File names a path of the job's workspace and the digest of its bytes, or the
place of an input that the tool passed through. Here that becomes the nodes of a tree to lay
out, and an object whose Files name paths of that tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import NodeKind, Tree, TreeNode, check_workspace_path
from cwl_memo.core.mode import Mode
from cwl_memo.core.output_form import read_directory
from cwl_memo.errors import FormatError

__all__ = ["PlainOutput", "read_output"]

_DERIVED: Final = frozenset({"memo", "location", "path", "dirname", "nameroot", "nameext"})
"""Fields of a File that follow from where it is; cwltool does not print them either."""


@dataclass(frozen=True)
class PlainOutput:
    """An output object without anything that only cwl-memo understands.

    :param value: each File and Directory has a ``path`` in ``tree``, and a File a ``digest``;
        one that is nothing but its contents, or an unknown input, has no ``path``.
    :param tree: the files that it names. A file that the tool passed through from its inputs
        is a node of the kind ``input``.
    """

    value: JSON
    tree: Tree


def read_output(output: JSON, fingerprint: JSON) -> PlainOutput:
    """Read a recorded output object, as hostile input.

    :param fingerprint: of its job; tells the digests of outputs that are inputs.
    :raises FormatError: if it is malformed, or a path of it leaves the tree.
    """
    reader = _Reader(fingerprint)
    value = reader.value(output, "output")
    reader.place_inputs()
    nodes = tuple(reader.nodes[path] for path in sorted(reader.nodes))
    # Read once more, so that two outputs together obey the rules of a tree.
    return PlainOutput(value, Tree.from_json(Tree(nodes).to_json()))


class _Reader:
    def __init__(self, fingerprint: JSON) -> None:
        self._inputs = fingerprint.get("inputs") if isinstance(fingerprint, dict) else None
        self._passed: list[tuple[dict[str, Any], str, Digest]] = []
        self.nodes: dict[str, TreeNode] = {}

    def value(self, value: Any, path: str) -> Any:
        if isinstance(value, list):
            return [self.value(item, f"{path}[{i}]") for i, item in enumerate(value)]
        if not isinstance(value, Mapping):
            return value
        if value.get("class") in ("File", "Directory"):
            return self._placed(value, path)
        if "$float" in value or "$text" in value:
            return _scalar(value, path)
        return {_given(name): self.value(item, f"{path}.{name}") for name, item in value.items()}

    def _placed(self, item: Mapping[str, Any], path: str) -> dict[str, Any]:
        memo = item.get("memo")
        fields = {
            _given(name): self.value(value, f"{path}.{name}")
            for name, value in item.items()
            if name not in _DERIVED
        }
        if not isinstance(memo, Mapping):
            return fields
        if "input" in memo:
            return self._input(fields, memo["input"], f"{path}.memo.input")
        where = f"{path}.memo.workspace"
        found = memo.get("workspace")
        place = "." if found == "." else check_workspace_path(found, where)
        if item["class"] == "Directory":
            self._directory(place, memo, f"{path}.memo")
            return {"path": place, **fields}
        if place == ".":
            raise FormatError("not a file", where)
        return {"path": place, **fields, **self._file(place, memo, f"{path}.memo")}

    def _file(self, place: str, memo: Mapping[str, Any], path: str) -> dict[str, JSON]:
        data = {**memo, "path": place, "kind": NodeKind.FILE.value}
        node = TreeNode.from_json(data, path)
        self._add(node, path)
        fields: dict[str, JSON] = {"size": node.size, "digest": str(node.digest)}
        sha1 = memo.get("sha1")
        return {**fields, "checksum": f"sha1${sha1}"} if isinstance(sha1, str) and sha1 else fields

    def _directory(self, place: str, memo: Mapping[str, Any], path: str) -> None:
        if place != ".":
            self._add(TreeNode(place, NodeKind.DIRECTORY, mode=Mode.from_json(memo, path)), path)
        tree = read_directory(memo, path)
        for node in tree.nodes:
            below = node.path if place == "." else f"{place}/{node.path}"
            self._add(node.at(below), f"{path}.tree")

    def _add(self, node: TreeNode, path: str) -> None:
        known = self.nodes.setdefault(node.path, node)
        if NodeKind.SYMLINK in (known.kind, node.kind) and known.kind is not node.kind:
            # An output is the file that a link of another output leads to.
            self.nodes[node.path] = node if known.kind is NodeKind.SYMLINK else known
        elif known != node:
            raise FormatError(f"two outputs at {node.path!r}", path)

    def _input(self, fields: dict[str, Any], pointer: Any, path: str) -> dict[str, Any]:
        """Return an output that is an input, of which only the fingerprint knows more."""
        if not isinstance(pointer, list):
            raise FormatError("names no input", path)
        fields["input"] = pointer
        found = _at(self._inputs, pointer)
        if fields["class"] == "File" and isinstance(found, Mapping) and "digest" in found:
            digest = Digest.parse(found["digest"], path)
            size = found.get("size")
            fields["size"] = size if isinstance(size, int) and size >= 0 else 0
            fields["digest"] = str(digest)
            name = PurePosixPath(str(fields.get("basename", ""))).name or "file"
            self._passed.append((fields, check_workspace_path(name, path), digest))
        return fields

    def place_inputs(self) -> None:
        """Give each output that is an input a place where no other output is."""
        folder = "inputs"
        while any(path.split("/")[0] == folder for path in self.nodes):
            folder += "_"
        for i, (fields, name, digest) in enumerate(self._passed, 1):
            place = f"{folder}/{i}/{name}"
            fields["path"] = place
            self.nodes[place] = TreeNode(place, NodeKind.INPUT, digest, fields["size"])


def _at(value: Any, pointer: list[Any]) -> Any:
    for part in pointer:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _given(name: str) -> str:
    """Return the name that a field had before it was recorded."""
    return "memo" if name == "$memo" else name[1:] if name.startswith("$$") else name


def _scalar(value: Mapping[str, Any], path: str) -> JSON:
    """Return a number as its value, and what was no JSON as its text."""
    if "$float" not in value:
        return str(value["$text"])
    try:
        return float(value["$float"])
    except (TypeError, ValueError) as error:
        raise FormatError("not a number", path) from error
