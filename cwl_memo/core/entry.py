"""Entries: what is recorded under a reuse key, parsed as hostile input.

An entry read from a store may have been written by another program, another user or an
attacker: every field is checked on the way in, paths stay inside the workspace, and an
error names the field (``outputs[0].path``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import takewhile
from pathlib import PurePosixPath
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.field import need
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.core.note import Tombstone
from cwl_memo.errors import FormatError

__all__ = [
    "ENTRY_FORMAT",
    "BlobRef",
    "Entry",
    "NodeKind",
    "Origin",
    "OutputVariant",
    "Tree",
    "TreeNode",
    "check_workspace_path",
]

ENTRY_FORMAT: Final = 1
"""The format of an entry; one of another format is not read (a miss)."""

_MOST_TOMBSTONES: Final = 64
"""A key has one tombstone in a store; an entry may have come through several."""


_LARGEST: Final = 1 << 62
"""Bytes that no file has; more of them would be no number that can be told people."""

_LONGEST: Final = 1e10
"""Seconds that no execution takes: three centuries."""


def check_workspace_path(text: object, path: str) -> str:
    """Return ``text`` if it is a relative path that stays inside the workspace.

    :raises FormatError: if it is absolute, empty, or climbs out.
    """
    if not isinstance(text, str) or not text or "\0" in text:
        raise FormatError("not a path in the workspace", path)
    parts = PurePosixPath(text).parts
    if text.startswith("/") or ".." in parts or not parts or str(PurePosixPath(text)) != text:
        raise FormatError(f"path leaves the workspace: {text[:200]!r}", path)
    return text


def _size(data: Any, name: str, path: str) -> int:
    value: int = need(data, name, int, path)
    if not 0 <= value <= _LARGEST:
        problem = "negative" if value < 0 else "too large"
        raise FormatError(problem, f"{path}.{name}" if path else name)
    return value


class NodeKind(str, Enum):
    """What stands at a path of a workspace."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    """A link to another path of the same workspace."""
    INPUT = "input"
    """A link to a file of the input object; its bytes are not recorded again."""


@dataclass(frozen=True)
class TreeNode:
    """One path of a workspace.

    :param path: relative, with ``/`` between its parts.
    :param kind: what stands there.
    :param digest: of the bytes of a file, or of an input that is linked to.
    :param size: bytes of a file.
    :param mode: of a file or a directory.
    :param target: where a symlink leads, relative to the directory it stands in.
    """

    path: str
    kind: NodeKind
    digest: Digest | None = None
    size: int = 0
    mode: Mode = USUAL
    target: str = ""

    def to_json(self) -> JSON:
        """Return the node as JSON, without the fields that do not apply."""
        data: dict[str, Any] = {"path": self.path, "kind": self.kind.value}
        if self.digest is not None:
            data["digest"] = str(self.digest)
            data["size"] = self.size
        data |= self.mode.to_json()
        if self.target:
            data["target"] = self.target
        return data

    def at(self, path: str) -> TreeNode:
        """Return the same at another path."""
        return replace(self, path=path)

    @classmethod
    def from_json(cls, data: Any, path: str) -> TreeNode:
        """Read a node.

        :raises FormatError: if it is malformed or leaves the workspace.
        """
        where = check_workspace_path(need(data, "path", str, path), f"{path}.path")
        try:
            kind = NodeKind(need(data, "kind", str, path))
        except ValueError:
            raise FormatError("unknown kind", f"{path}.kind") from None
        digest = None
        size = 0
        target = ""
        if kind in (NodeKind.FILE, NodeKind.INPUT):
            digest = Digest.parse(need(data, "digest", str, path), f"{path}.digest")
            size = _size(data, "size", path)
        elif kind is NodeKind.SYMLINK:
            target = need(data, "target", str, path)
            _check_link(where, target, f"{path}.target")
        return cls(where, kind, digest, size, Mode.from_json(data, path), target)


def _check_link(where: str, target: str, path: str) -> None:
    depth = len(PurePosixPath(where).parts) - 1
    parts = PurePosixPath(target).parts
    climbs = len(list(takewhile(lambda part: part == "..", parts)))
    if not target or target.startswith("/") or "\0" in target or climbs > depth:
        raise FormatError("link leaves the workspace", path)
    # After a name, ".." climbs from wherever that name leads: it may be a link itself.
    if ".." in parts[climbs:]:
        raise FormatError("link climbs after a name", path)


@dataclass(frozen=True)
class Tree:
    """The manifest of a workspace: every path in it, sorted.

    :param partial: whether something in it could not be recorded, as a link to a place
        outside or a pipe; outputs cannot be collected anew from it.
    """

    nodes: tuple[TreeNode, ...]
    partial: bool = False

    def to_json(self) -> JSON:
        """Return the tree as JSON."""
        data: dict[str, Any] = {"nodes": [node.to_json() for node in self.nodes]}
        if self.partial:
            data["partial"] = True
        return data

    @classmethod
    def from_json(cls, data: Any, path: str = "") -> Tree:
        """Read a tree.

        :raises FormatError: if a node is malformed, stands twice, stands below
            something that is not a directory, or leaves the workspace.
        """
        raw = need(data, "nodes", list, path)
        nodes = tuple(TreeNode.from_json(node, f"nodes[{i}]") for i, node in enumerate(raw))
        kinds: dict[str, NodeKind] = {}
        for i, node in enumerate(nodes):
            if node.path in kinds:
                raise FormatError("path stands twice", f"nodes[{i}].path")
            kinds[node.path] = node.kind
        for i, node in enumerate(nodes):
            for parent in PurePosixPath(node.path).parents:
                above = kinds.get(str(parent), NodeKind.DIRECTORY)
                # A file below a link would be written wherever the link leads.
                if above is not NodeKind.DIRECTORY:
                    raise FormatError("stands below a file or a link", f"nodes[{i}].path")
        partial = data.get("partial", False)
        if not isinstance(partial, bool):
            raise FormatError("not a boolean", f"{path}.partial" if path else "partial")
        return cls(nodes, partial)

    def find(self, path: str) -> TreeNode | None:
        """Return the node at ``path``, if there is one."""
        return next((node for node in self.nodes if node.path == path), None)


@dataclass(frozen=True)
class BlobRef:
    """A blob that an entry needs, with its size in bytes."""

    digest: Digest
    size: int

    def to_json(self) -> JSON:
        """Return the reference as JSON."""
        return {"digest": str(self.digest), "size": self.size}

    @classmethod
    def from_json(cls, data: Any, path: str) -> BlobRef:
        """Read a reference; raises :class:`FormatError`."""
        if type(data) is dict and type(data.get("size")) is int and 0 <= data["size"] <= _LARGEST:
            return cls(Digest.parse(data.get("digest"), f"{path}.digest"), data["size"])
        digest = Digest.parse(need(data, "digest", str, path), f"{path}.digest")
        return cls(digest, _size(data, "size", path))


@dataclass(frozen=True)
class OutputVariant:
    """The output object that one outputs section collects from a job.

    :param section: digest of the outputs section of the tool.
    :param output: the recorded output object; its Files name workspace paths and blobs.
    :param blobs: the blobs that its Files need.
    """

    section: Digest
    output: JSON
    blobs: tuple[BlobRef, ...]

    def to_json(self) -> JSON:
        """Return the variant as JSON."""
        return {
            "section": str(self.section),
            "output": self.output,
            "blobs": [blob.to_json() for blob in self.blobs],
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> OutputVariant:
        """Read a variant; raises :class:`FormatError`."""
        section = Digest.parse(need(data, "section", str, path), f"{path}.section")
        output = need(data, "output", dict, path)
        raw = need(data, "blobs", list, path)
        blobs = tuple(BlobRef.from_json(b, f"{path}.blobs[{i}]") for i, b in enumerate(raw))
        return cls(section, output, blobs)


def _seconds(data: Any, path: str) -> float:
    seconds = need(data, "seconds", (int, float), path)
    if not -_LONGEST <= seconds <= _LONGEST:  # which is false of what is no number, too
        raise FormatError("no time that an execution takes", f"{path}.seconds")
    return float(seconds)


@dataclass(frozen=True)
class Origin:
    """The execution that an entry records.

    :param run: id of the run.
    :param job: name of the job in that run.
    :param tool: label of the tool, stable across edits of it.
    :param started: when it started, ISO 8601 with offset.
    :param seconds: wall-clock seconds that it took.
    :param host: name of the machine.
    :param runner: the program and its version.
    """

    run: str
    job: str
    tool: str
    started: str
    seconds: float
    host: str = ""
    runner: str = ""

    def to_json(self) -> JSON:
        """Return the origin as JSON."""
        return {
            "run": self.run,
            "job": self.job,
            "tool": self.tool,
            "started": self.started,
            "seconds": self.seconds,
            "host": self.host,
            "runner": self.runner,
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> Origin:
        """Read an origin; raises :class:`FormatError`."""
        return cls(
            run=need(data, "run", str, path),
            job=need(data, "job", str, path),
            tool=need(data, "tool", str, path),
            started=need(data, "started", str, path),
            seconds=_seconds(data, path),
            host=need(data, "host", str, path),
            runner=need(data, "runner", str, path),
        )


@dataclass(frozen=True)
class Entry:
    """What is recorded under a reuse key.

    :param key: the reuse key.
    :param fingerprint: the fields that the key was made of, for people and explanations.
    :param variants: one output object for each outputs section that was asked for.
    :param exit_code: of the tool.
    :param tree: digest of the blob that holds the workspace's :class:`Tree`; None where
        the workspace was not kept.
    :param stdout: digest of the blob with what the tool wrote to its standard output.
    :param stderr: the same for its standard error.
    :param blobs: every blob that the entry refers to, each once.
    :param origin: the execution.
    :param stdout_name: the file name of a redirected standard output, if any.
    :param stderr_name: the same for standard error.
    :param after: the tombstones of its key that were known before it was executed.
    :param keep_until: seconds since the epoch after which what is intermediate of it is
        not kept; None for no such time.
    """

    key: ReuseKey
    fingerprint: JSON
    variants: tuple[OutputVariant, ...]
    exit_code: int
    tree: Digest | None
    stdout: Digest | None
    stderr: Digest | None
    blobs: tuple[BlobRef, ...]
    origin: Origin
    stdout_name: str = ""
    stderr_name: str = ""
    format: int = field(default=ENTRY_FORMAT)
    after: tuple[Digest, ...] = ()
    keep_until: int | None = None

    def is_dead(self, tombstone: Tombstone | None) -> bool:
        """Tell whether the tombstone of its key, if there is one, is meant for it."""
        if tombstone is None or tombstone.id in self.after:
            return False
        return not tombstone.ids or not tombstone.ids.issubset(self.after)

    @property
    def kept(self) -> frozenset[Digest]:
        """The blobs that its outputs and logs need; the others are of the workspace alone."""
        outputs = (blob.digest for variant in self.variants for blob in variant.blobs)
        logs = (log for log in (self.stdout, self.stderr) if log is not None)
        return frozenset((*outputs, *logs))

    @property
    def size(self) -> int:
        """Bytes of all blobs that the entry refers to."""
        return sum(blob.size for blob in self.blobs)

    def variant(self, section: Digest) -> OutputVariant | None:
        """Return the output object recorded for an outputs section, if there is one."""
        return next((v for v in self.variants if v.section == section), None)

    def with_variant(self, variant: OutputVariant) -> Entry:
        """Return the entry with one more (or a replaced) variant."""
        others = tuple(v for v in self.variants if v.section != variant.section)
        known = set(self.blobs)
        blobs = self.blobs + tuple(b for b in dict.fromkeys(variant.blobs) if b not in known)
        return replace(self, variants=(*others, variant), blobs=blobs)

    def to_json(self) -> JSON:
        """Return the entry as JSON."""
        optional: dict[str, Any] = {}
        if self.after:
            optional["after"] = [str(tombstone) for tombstone in self.after]
        if self.keep_until is not None:
            optional["keep_until"] = self.keep_until
        return {
            "format": self.format,
            "key": str(self.key),
            "fingerprint": self.fingerprint,
            "variants": [variant.to_json() for variant in self.variants],
            "exit_code": self.exit_code,
            "tree": None if self.tree is None else str(self.tree),
            "stdout": None if self.stdout is None else str(self.stdout),
            "stderr": None if self.stderr is None else str(self.stderr),
            "stdout_name": self.stdout_name,
            "stderr_name": self.stderr_name,
            "blobs": [blob.to_json() for blob in self.blobs],
            "origin": self.origin.to_json(),
            **optional,
        }

    @classmethod
    def from_json(cls, data: Any, path: str = "") -> Entry:
        """Read an entry.

        :raises FormatError: if any part is malformed or of another format.
        """
        entry_format = need(data, "format", int, path)
        if entry_format != ENTRY_FORMAT:
            raise FormatError(f"entry of format {entry_format}, not {ENTRY_FORMAT}", "format")
        raw_variants = need(data, "variants", list, path)
        raw_blobs = need(data, "blobs", list, path)
        return cls(
            key=ReuseKey(need(data, "key", str, path)),
            fingerprint=need(data, "fingerprint", dict, path),
            variants=tuple(
                OutputVariant.from_json(v, f"variants[{i}]") for i, v in enumerate(raw_variants)
            ),
            exit_code=need(data, "exit_code", int, path),
            tree=_optional_digest(data, "tree"),
            stdout=_optional_digest(data, "stdout"),
            stderr=_optional_digest(data, "stderr"),
            blobs=tuple(BlobRef.from_json(b, f"blobs[{i}]") for i, b in enumerate(raw_blobs)),
            origin=Origin.from_json(data.get("origin"), "origin"),
            stdout_name=need(data, "stdout_name", str, path),
            stderr_name=need(data, "stderr_name", str, path),
            after=_after(data),
            keep_until=None if "keep_until" not in data else _size(data, "keep_until", path),
        )


def _after(data: dict[str, Any]) -> tuple[Digest, ...]:
    named = data.get("after", [])
    if not isinstance(named, list) or len(named) > _MOST_TOMBSTONES:
        raise FormatError("not a short list", "after")
    return tuple(Digest.parse(name, f"after[{i}]") for i, name in enumerate(named))


def _optional_digest(data: Any, name: str) -> Digest | None:
    value = data.get(name)
    return None if value is None else Digest.parse(value, name)
