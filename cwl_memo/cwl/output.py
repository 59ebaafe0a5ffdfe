"""Output objects, between what cwltool hands over and what an entry records.

In an entry a File names a path of the workspace and the digest of its bytes, or the
place of an input that the tool passed through; it never names a path of the machine.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef, NodeKind, TreeNode, check_workspace_path
from cwl_memo.core.mode import Mode
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.core.output_form import check_output_form
from cwl_memo.cwl.directory import record_tree, restore_tree
from cwl_memo.cwl.document import own_name, plain, read_float
from cwl_memo.cwl.door import file_uri
from cwl_memo.cwl.files import GENERATION, STATED, Sources, UnkeyableError
from cwl_memo.cwl.location import is_file_object, is_scalar, path_of
from cwl_memo.errors import FormatError
from cwl_memo.store.permission import mode_of, set_modes
from cwl_memo.store.protocol import FileDigest
from cwl_memo.store.workspace import Workspace

__all__ = [
    "AddFile",
    "Recorded",
    "directories_in_output",
    "record_output",
    "restore_output",
]


class AddFile(Protocol):
    """Told each file that a restored output object names."""

    def __call__(self, path: str, digest: FileDigest, mode: Mode, /, *, now: bool) -> None:
        """Have the file stand at ``path``; at once, if ``now``, as part of a directory."""


_LOCAL: Final = frozenset({"location", "path", "dirname", GENERATION})
_SHA1: Final = re.compile("[0-9a-f]{40}")
_NUMBER: Final = re.compile(r"[-+]?(?=\.?[0-9])[0-9]{0,1100}\.?[0-9]{0,1100}")
"""The text of a float as it is recorded: without an exponent."""

_UNSEEN: Final = frozenset({"path", "dirname", GENERATION})


@dataclass
class Recorded:
    """A recorded output object and the blobs that it needs."""

    output: JSON
    blobs: dict[Digest, BlobRef] = field(default_factory=dict)


def directories_in_output(value: Any) -> bool:
    """Tell whether an output object holds a Directory."""
    if is_scalar(value):
        return False
    if isinstance(value, Mapping):
        return is_file_object(value, "Directory") or any(
            directories_in_output(item) for item in value.values()
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(directories_in_output(item) for item in value)
    return False


class _Recorder:
    def __init__(
        self,
        outdir: str,
        workspace: Workspace,
        sources: Sources,
        ingest: Callable[[str], FileDigest | None],
        passable: Sequence[str],
        inputs: Any,
    ) -> None:
        self.outdir = os.path.realpath(outdir)
        self.nodes = {node.path: node for node in workspace.tree.nodes}
        self.workspace = workspace
        self.digests = sources.digests()
        self.pointers = sources.pointers()
        self.ingest = ingest
        self.passable = passable
        self.inputs = inputs
        self.result = Recorded(None)
        self.passed = 0
        self.known_as: dict[str, str] = {}
        self.linked = 0
        self.moved: tuple[str, str] | None = None
        """What is below the one is recorded as below the other: it is reached by a link."""

    def value(self, value: Any) -> JSON:
        if is_scalar(value):
            return plain(value)
        if is_file_object(value):
            return self.placed(value)
        if isinstance(value, Mapping):
            return {own_name(name): self.value(item) for name, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, str):
            return [self.value(item) for item in value]
        return plain(value)

    def placed(self, item: Mapping[str, Any]) -> JSON:
        is_file = is_file_object(item, "File")
        fields = self.file(item) if is_file else self.directory(item)
        if "memo" in fields:
            fields["memo"]["fields"] = [str(name) for name in item if name not in _UNSEEN]
        return fields

    def _fields(self, item: Mapping[str, Any]) -> dict[str, JSON]:
        # A field of the tool's own may have the name of the one that is added here.
        return {
            "$memo" if name == "memo" else own_name(name): self.value(value)
            for name, value in item.items()
            if name not in _LOCAL
        }

    def file(self, item: Mapping[str, Any]) -> dict[str, JSON]:
        fields = self._fields(item)
        location = str(item.get("location", ""))
        if not location or location.startswith("_:"):
            return fields  # a literal: its contents are all there is
        path = path_of(location) if location.startswith("file://") else location
        real = os.path.realpath(path)
        below = self._below(path)
        node = self.nodes.get(below) if below else None
        if node is not None and node.kind in (NodeKind.FILE, NodeKind.SYMLINK):
            found = self._through(below, node)
            if found is not None:
                fields["memo"] = self._keep(below, *found)
                return fields
        given = self._given(real)
        is_as_given = given is not None and all(
            item.get(n) == given[n] for n in STATED & given.keys()
        )
        if given is not None and is_as_given and self.passes(real, path):
            for name in STATED & given.keys():
                fields.pop(name, None)  # another job's input may have another, or none
            fields["memo"] = {"input": list(self.pointers[real])}
            return fields
        if real in self.digests or any(
            real.startswith(prefix + os.sep) for prefix in self.passable if prefix
        ):
            digest = self.ingest(real)
            if digest is not None:
                self.passed += 1
                name = f"passed/{self.passed}/{os.path.basename(path)}"
                fields["memo"] = self._keep(name, digest, mode_of(os.stat(real)))
                return fields
        raise UnkeyableError(Refusal(Reason.OUTPUT_OUTSIDE_WORKSPACE, path))

    def passes(self, real: str, path: str) -> bool:
        """Tell whether an output is an input, and under no other name than before.

        All that are the input have its location, of which cwltool delivers but one.
        """
        return real in self.pointers and self.known_as.setdefault(real, path) == path

    def _given(self, real: str) -> Mapping[str, Any] | None:
        """Return the File of the input object that a path is; None where it is none."""
        if real not in self.pointers:
            return None
        value = self.inputs
        try:
            for part in self.pointers[real]:
                value = value[part]
        except (KeyError, IndexError, TypeError):
            return {}
        return value if is_file_object(value, "File") else {}

    def _below(self, path: str) -> str:
        parent = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
        prefix = self.outdir + os.sep
        return parent[len(prefix) :] if parent.startswith(prefix) else ""

    def _through(self, below: str, node: TreeNode) -> tuple[FileDigest, Mode] | None:
        """Return the digest and the mode of a file, or of the one that a link leads to."""
        if node.kind is NodeKind.FILE:
            return self.workspace.digests[below], node.mode
        real = os.path.realpath(os.path.join(self.outdir, below))
        digest = self.workspace.digests.get(self._below(real))
        return None if digest is None else (digest, mode_of(os.stat(real)))

    def _keep(self, path: str, digest: FileDigest, mode: Mode) -> dict[str, JSON]:
        self.result.blobs[digest.digest] = BlobRef(digest.digest, digest.size)
        if self.moved and path.startswith(self.moved[0]):
            path = self.moved[1] + path[len(self.moved[0]) :]
        kept: dict[str, JSON] = {
            "workspace": path,
            "digest": str(digest.digest),
            "size": digest.size,
            "sha1": digest.sha1,
        }
        kept |= mode.to_json()
        if digest.program:
            kept["program"] = True
        return kept

    def directory(self, item: Mapping[str, Any]) -> dict[str, JSON]:
        fields = self._fields({k: v for k, v in item.items() if k != "listing"})
        location = str(item.get("location", ""))
        if not location or location.startswith("_:"):
            fields["listing"] = self.value(item.get("listing") or [])
            return fields
        path = path_of(location) if location.startswith("file://") else location
        real = os.path.realpath(path)
        below = "." if real == self.outdir else self._below(path)
        inside = self._led_to(below, real) if below else ""
        if inside:
            place = below if inside == below else self._place_of_link(below)
            found, blobs = record_tree(self.workspace, inside)
            fields["memo"] = {"workspace": place, **found}
            self.result.blobs |= blobs
        elif self.passes(real, path):
            place = inside
            fields["memo"] = {"input": list(self.pointers[real])}
        else:
            raise UnkeyableError(Refusal(Reason.OUTPUT_OUTSIDE_WORKSPACE, path))
        if "listing" in item:
            with self._standing(inside, place):
                fields["listing"] = self.value(item["listing"])
        return fields

    def _led_to(self, below: str, real: str) -> str:
        """Return the directory that stands at a path, or that a link there leads to, if any."""
        node = self.nodes.get(below)
        if below != "." and (node is None or node.kind is not NodeKind.DIRECTORY):
            node = self.nodes.get(self._below(real))
            is_there = node is not None and node.kind is NodeKind.DIRECTORY
            return node.path if node is not None and is_there else ""
        return below

    def _place_of_link(self, below: str) -> str:
        """Return a place for a Directory that is a link, where nothing of the job stands.

        Where the link is, another Directory may have it as a link.
        """
        folder = "linked"
        while any(path.split("/")[0] == folder for path in self.nodes):
            folder += "_"
        self.linked += 1
        return f"{folder}/{self.linked}/{os.path.basename(below)}"

    @contextmanager
    def _standing(self, inside: str, place: str) -> Iterator[None]:
        """Have what is below a directory stand at another place, for the body."""
        before = self.moved
        if inside != place:
            self.moved = (inside + "/", place + "/")
        try:
            yield
        finally:
            self.moved = before


def record_output(
    output: Any,
    outdir: str,
    workspace: Workspace,
    sources: Sources,
    ingest: Callable[[str], FileDigest | None],
    passable: Sequence[str] = (),
    *,
    inputs: Any,
) -> Recorded:
    """Return an output object as an entry records it.

    :param outdir: the job's working directory, just taken in as ``workspace``.
    :param sources: the files of the input object; an output may be one of them.
    :param ingest: takes in a file that lies outside ``outdir``.
    :param passable: directories of the job besides ``outdir`` whose files may be outputs.
    :param inputs: the input object.
    :raises UnkeyableError: if an output is nowhere that can be recorded.
    """
    recorder = _Recorder(outdir, workspace, sources, ingest, passable, inputs)
    recorder.result.output = recorder.value(output)
    return recorder.result


class _Restorer:
    def __init__(
        self,
        view: str,
        inputs: Any,
        add: AddFile,
        sha1_of: Callable[[str], str],
        *,
        checksums: bool,
    ) -> None:
        self.view = view
        self.sha1_of = sha1_of
        self.inputs = inputs
        self.add = add
        self.checksums = checksums
        self.modes: dict[str, Mode] = {}
        """Of the directories that stand there by now."""

    def value(self, value: Any, path: str) -> Any:
        if is_scalar(value):
            return value
        if isinstance(value, Mapping):
            if is_file_object(value):
                _check_places(value, path)
                if "memo" in value:
                    return self.placed(value, value["memo"], path)
                # What cwltool calls a File or Directory that is nowhere.
                literal = {_given(n): self.value(v, f"{path}.{n}") for n, v in value.items()}
                return {**literal, "location": f"_:{uuid.uuid4()}"}
            if "$float" in value or "$text" in value:
                return _number(value, path)
            return {_given(name): self.value(v, f"{path}.{name}") for name, v in value.items()}
        if isinstance(value, list):
            return [self.value(item, f"{path}[{i}]") for i, item in enumerate(value)]
        raise FormatError("not JSON", path)

    def placed(self, item: Mapping[str, Any], memo: Mapping[str, Any], path: str) -> Any:
        fields = {_given(n): self.value(v, f"{path}.{n}") for n, v in item.items() if n != "memo"}
        if not self.checksums:
            fields.pop("checksum", None)
            if ".secondaryFiles[" in path:
                fields.pop("size", None)  # cwltool finds it out along with the checksum
        if "input" in memo:
            fields |= self.fields_of_input(memo["input"], item["class"], path)
            if item["class"] == "File" and self.checksums and "checksum" not in fields:
                fields["checksum"] = f"sha1${self.sha1_of(path_of(fields['location']))}"
            return _in_order(fields, memo.get("fields"))
        relative = memo.get("workspace")
        where = f"{path}.memo.workspace"
        relative = "." if relative == "." else check_workspace_path(relative, where)
        target = os.path.normpath(os.path.join(self.view, relative))
        if item["class"] == "Directory":
            self.directory(target, memo, path)
        else:
            self.file(target, memo, path)
            if self.checksums:
                fields.setdefault("checksum", f"sha1${memo['sha1']}")
                fields.setdefault("size", memo["size"])
        fields["location"] = file_uri(target)
        return _in_order(fields, memo.get("fields"))

    def file(self, target: str, memo: Mapping[str, Any], path: str, *, now: bool = False) -> None:
        size, sha1 = memo.get("size"), memo.get("sha1")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise FormatError("malformed file", f"{path}.memo")
        if not (isinstance(sha1, str) and _SHA1.fullmatch(sha1)):
            raise FormatError("malformed file", f"{path}.memo")
        digest = Digest.parse(memo.get("digest"), f"{path}.memo.digest")
        known = FileDigest(digest, size, sha1, bool(memo.get("program")))
        self.add(target, known, Mode.from_json(memo, f"{path}.memo"), now=now)

    def directory(self, target: str, memo: Mapping[str, Any], path: str) -> None:
        def add(place: str, node: TreeNode, data: Mapping[str, Any]) -> None:
            self.file(place, {**data, **node.mode.to_json()}, path, now=True)

        self.modes |= restore_tree(target, memo, f"{path}.memo", add)

    def fields_of_input(self, pointer: Any, kind: str, path: str) -> dict[str, Any]:
        """Return what an output that is an input has from that of the present job."""
        value = self.inputs
        try:
            for part in pointer:
                value = value[part]
            location = str(value.get("location") or file_uri(value["path"]))
            is_there = value.get("class") == kind and not location.startswith("_:")
            stated = {name: value[name] for name in STATED & value.keys() if kind == "File"}
        except (KeyError, IndexError, TypeError, AttributeError):
            is_there = False
        if not is_there:
            raise FormatError("names no input", f"{path}.memo.input")
        return {**stated, "location": location}


def _check_places(value: Mapping[str, Any], path: str) -> None:
    """See that a File or Directory of an entry has no place outside the workspace.

    What records entries takes such fields away; whoever else wrote one may mean a file of the
    reader's, to be delivered or to be written over.

    :raises FormatError: if it has.
    """
    for name in _LOCAL & value.keys():
        raise FormatError("names a place of a machine", f"{path}.{name}")


def _given(name: str) -> str:
    """Return the name that a field had before it was recorded."""
    return "memo" if name == "$memo" else name[1:] if name.startswith("$$") else name


def _number(value: Mapping[str, Any], path: str) -> Any:
    """Return a number as it was written, which a command line shows (``1.50``)."""
    text = value.get("$text", "0.")
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise FormatError("not a number", path)
    try:
        return read_float(value)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise FormatError("not a number", path) from error


def _in_order(fields: dict[str, Any], names: Any) -> dict[str, Any]:
    """Return the fields of a File in the order in which cwltool had them.

    An entry sorts them; whoever compares the texts of two runs sees the order.
    """
    given = names if isinstance(names, list) else []
    ordered: dict[str, Any] = {name: fields[name] for name in given if name in fields}
    return {**ordered, **fields}


def restore_output(
    output: JSON,
    view: str,
    inputs: Any,
    add: AddFile,
    *,
    checksums: bool,
    sha1_of: Callable[[str], str],
    make: Callable[[], None] = lambda: None,
) -> Any:
    """Return a recorded output object as cwltool would hand it over.

    :param view: the directory in which its files are to stand.
    :param inputs: the input object of the present job, for outputs that are inputs.
    :param add: told each file.
    :param checksums: whether Files carry a ``checksum``.
    :param sha1_of: returns the SHA-1 of a file, by its path.
    :param make: makes the files of directories, of which all have been told. Whoever owns a
        directory may not be allowed to write there once it has its mode.
    :raises FormatError: if the recorded object is malformed.
    :raises OSError: if a directory cannot be made.
    """
    check_output_form(output, "output")
    try:
        restorer = _Restorer(view, inputs, add, sha1_of, checksums=checksums)
        restored = restorer.value(output, "output")
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise FormatError(f"not an output object: {error}", "output") from error
    make()
    set_modes(restorer.modes)
    return restored
