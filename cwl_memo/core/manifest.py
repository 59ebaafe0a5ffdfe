"""Manifests: all that a finished run saw, and what it gave.

A run whose every job can be reused leaves one. A later run with the same command line in the
same surroundings, that finds all of it unchanged, is answered from the manifest at once. Like
an entry, a manifest read from a store is parsed as hostile input.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import check_workspace_path
from cwl_memo.core.field import need
from cwl_memo.core.mode import Mode
from cwl_memo.core.run import JobRecord
from cwl_memo.errors import FormatError

__all__ = [
    "MANIFEST_FORMAT",
    "Delivery",
    "Manifest",
    "SeenDirectory",
    "SeenFile",
    "SeenImage",
    "StatIdentity",
    "UsedEntry",
]

MANIFEST_FORMAT: Final = 1
"""The format of a manifest; one of another format is not read (the run takes the long way)."""

StatIdentity = tuple[int, int, int, int, int]
"""Device, inode, size, and in nanoseconds mtime and ctime: by what a file is known unchanged."""

_T = TypeVar("_T")


def _identity(data: Any, name: str, path: str) -> StatIdentity | None:
    value = data.get(name)
    match value:
        case None:
            return None
        case [int(device), int(inode), int(size), int(mtime), int(ctime)]:
            return device, inode, size, mtime, ctime
    raise FormatError("not a stat identity", f"{path}.{name}")


def _each(data: Any, name: str, read: Callable[[Any, str], _T]) -> tuple[_T, ...]:
    items = need(data, name, list, "")
    return tuple(read(item, f"{name}[{i}]") for i, item in enumerate(items))


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise FormatError("not a text", path)
    return value


@dataclass(frozen=True)
class SeenFile:
    """A file that the run read: a document, an input, a default, a program.

    :param path: absolute.
    :param digest: of its bytes; None for one that counts as changed once its identity has.
    :param executable: whether its owner may execute it.
    :param identity: by what it is known unchanged; None where it was too young to tell.
    """

    path: str
    digest: Digest | None
    executable: bool
    identity: StatIdentity | None

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {
            "path": self.path,
            "digest": None if self.digest is None else str(self.digest),
            "executable": self.executable,
            "identity": self.identity,
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> SeenFile:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        place = _text(need(data, "path", str, path), f"{path}.path")
        digest = data.get("digest")
        return cls(
            place,
            None if digest is None else Digest.parse(digest, f"{path}.digest"),
            need(data, "executable", bool, path),
            _identity(data, "identity", path),
        )


@dataclass(frozen=True)
class SeenDirectory:
    """A directory whose names the run saw; all files in it are files that it saw.

    :param path: absolute.
    :param identity: by what it is known to hold the same names.
    """

    path: str
    identity: StatIdentity

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {"path": self.path, "identity": self.identity}

    @classmethod
    def from_json(cls, data: Any, path: str) -> SeenDirectory:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        place = _text(need(data, "path", str, path), f"{path}.path")
        identity = _identity(data, "identity", path)
        if identity is None:
            raise FormatError("missing", f"{path}.identity")
        return cls(place, identity)


@dataclass(frozen=True)
class SeenImage:
    """A container image that jobs ran in.

    :param engine: the engine's name, and how it is called where that is not its name.
    :param requirement: the DockerRequirement that named it.
    :param identity: what the reuse keys hold of it.
    """

    engine: JSON
    requirement: JSON
    identity: JSON

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {
            "engine": self.engine,
            "requirement": self.requirement,
            "identity": self.identity,
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> SeenImage:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        return cls(
            need(data, "engine", dict, path),
            need(data, "requirement", dict, path),
            data.get("identity"),
        )


@dataclass(frozen=True)
class UsedEntry:
    """An entry that answers one of the run's jobs.

    :param key: its reuse key.
    :param digest: of the entry itself, which another execution of the job would change.
    """

    key: ReuseKey
    digest: str

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return [self.key.hex, self.digest]

    @classmethod
    def from_json(cls, data: Any, path: str) -> UsedEntry:
        """Read it.

        :raises FormatError: if it is malformed.
        """
        match data:
            case [str(key), str(digest)]:
                return cls(ReuseKey(key), digest)
        raise FormatError("not an entry", path)


@dataclass(frozen=True)
class Delivery:
    """A file of the user's outputs.

    :param path: relative to the output directory.
    :param digest: of its bytes.
    :param size: in bytes.
    :param mode: who may do what with it.
    :param blob: by what the blob of these bytes is known to be sound.
    :param delivered: by what the file that was delivered is known to be untouched.
    """

    path: str
    digest: Digest
    size: int
    mode: Mode
    blob: StatIdentity | None = None
    delivered: StatIdentity | None = None

    def to_json(self) -> JSON:
        """Return it as JSON."""
        return {
            "path": self.path,
            "digest": str(self.digest),
            "size": self.size,
            **self.mode.to_json(),
            "blob": self.blob,
            "delivered": self.delivered,
        }

    @classmethod
    def from_json(cls, data: Any, path: str) -> Delivery:
        """Read it.

        :raises FormatError: if it is malformed or leaves the output directory.
        """
        size = need(data, "size", int, path)
        if size < 0:
            raise FormatError("negative", f"{path}.size")
        return cls(
            check_workspace_path(data.get("path"), f"{path}.path"),
            Digest.parse(data.get("digest"), f"{path}.digest"),
            size,
            Mode.from_json(data, path),
            _identity(data, "blob", path),
            _identity(data, "delivered", path),
        )


@dataclass(frozen=True)
class Manifest:
    """What a run saw and gave.

    :param run: its id.
    :param document: what was run, as it stood on the command line.
    :param real_document: the file that this led to.
    :param runner: the program and its versions, for the record.
    :param outdir: where the outputs went, as given, absolute.
    :param real_outdir: the directory that this led to.
    :param report: where the user wanted the run's report; empty for nowhere.
    :param is_quiet: whether the log was limited to warnings.
    :param is_coloured: whether the log's levels had colours.
    :param files: each file that was read.
    :param absent: paths where something was looked for, and nothing was.
    :param present: paths where something was looked for, and was; not read.
    :param directories: each directory whose names were seen.
    :param search_path: the PATH on which programs were looked for.
    :param programs: for each word that may name a program, the file it leads to; empty for none.
    :param images: each container image.
    :param entries: what answers its jobs.
    :param jobs: the record of each job, as of one that was reused.
    :param deliveries: the files of the outputs.
    :param output: the output object, as it was printed.
    :param tags: what the user said of the run.
    """

    run: str
    document: str
    real_document: str
    runner: str
    outdir: str
    real_outdir: str
    report: str
    is_quiet: bool
    is_coloured: bool
    files: tuple[SeenFile, ...]
    absent: tuple[str, ...]
    present: tuple[str, ...]
    directories: tuple[SeenDirectory, ...]
    search_path: str
    programs: Mapping[str, str]
    images: tuple[SeenImage, ...]
    entries: tuple[UsedEntry, ...]
    jobs: tuple[JobRecord, ...]
    deliveries: tuple[Delivery, ...]
    output: str
    tags: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> JSON:
        """Return the manifest as JSON."""
        data = dict(self.__dict__)
        for name in _PARTS:
            data[name] = [part.to_json() for part in data[name]]
        for name in ("absent", "present"):
            data[name] = list(data[name])
        data["programs"] = dict(self.programs)
        data["tags"] = dict(self.tags)
        return {"format": MANIFEST_FORMAT, **data}

    @classmethod
    def from_json(
        cls, data: Any, look: Callable[[tuple[SeenFile, ...]], object] | None = None
    ) -> Manifest:
        """Read a manifest.

        :param look: shown the files before the rest is read: it may raise, which spares that.
        :raises FormatError: if it is malformed, or of another format.
        """
        if need(data, "format", int, "") != MANIFEST_FORMAT:
            raise FormatError("of another format", "format")
        files = _each(data, "files", SeenFile.from_json)
        if look is not None:
            look(files)
        programs = need(data, "programs", dict, "")
        for word, file in programs.items():
            _text(file, f"programs.{word}")
        tags = data.get("tags", {})
        if not isinstance(tags, dict):
            raise FormatError("of the wrong type", "tags")
        for name, value in tags.items():
            _text(value, f"tags.{name}")
        texts = {name: _text(need(data, name, str, ""), name) for name in _TEXTS}
        return cls(
            **texts,
            is_quiet=need(data, "is_quiet", bool, ""),
            is_coloured=need(data, "is_coloured", bool, ""),
            files=files,
            absent=_each(data, "absent", _text),
            present=_each(data, "present", _text),
            directories=_each(data, "directories", SeenDirectory.from_json),
            programs=programs,
            images=_each(data, "images", SeenImage.from_json),
            entries=_each(data, "entries", UsedEntry.from_json),
            jobs=_each(data, "jobs", _job),
            deliveries=_each(data, "deliveries", Delivery.from_json),
            output=need(data, "output", str, ""),
            tags=tags,
        )


_PARTS: Final = ("files", "directories", "images", "entries", "jobs", "deliveries")
_TEXTS: Final = (
    "run", "document", "real_document", "runner", "outdir", "real_outdir", "report", "search_path"
)  # fmt: skip


def _job(data: Any, path: str) -> JobRecord:
    for name, kind in (("name", str), ("tool", str), ("key", str), ("seconds", float | int)):
        if not isinstance(data, dict) or not isinstance(data.get(name), kind):
            raise FormatError("missing or of the wrong type", f"{path}.{name}")
    return JobRecord.from_json(data)
