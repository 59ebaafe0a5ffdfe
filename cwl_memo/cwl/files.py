"""Files and Directories of an input object, as the facts by which they are keyed.

A File counts by basename, size, content, format and secondaryFiles, never by where it
lies (CWL v1.2 CommandLineTool, section 3.3: it "may be staged to an arbitrary
directory, but must use the value of basename").
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.mode import Mode
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.cwl.document import own_name, plain
from cwl_memo.cwl.expression import ExpressionUse
from cwl_memo.cwl.location import basename_of, is_file_object, is_scalar, local_path
from cwl_memo.cwl.view import Made
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.permission import mode_of_directory, read_umask
from cwl_memo.store.protocol import FileDigest, FileIdentity

__all__ = [
    "STATED",
    "FileFacts",
    "Known",
    "Locate",
    "Pointer",
    "Secrets",
    "Sources",
    "UnkeyableError",
    "directories_in",
    "show",
]

Pointer = tuple[str | int, ...]
"""Where in the input object something stands: names and positions."""

GENERATION: Final = "http://commonwl.org/cwltool#generation"

_DERIVED: Final = frozenset(
    {
        "class",
        "basename",
        "size",
        "format",
        "contents",
        "secondaryFiles",
        "listing",
        "location",
        "path",
        "dirname",
        "nameroot",
        "nameext",
        GENERATION,
    }
)
"""Fields of a File that are keyed by rule, or follow from those that are."""

STATED: Final = frozenset({"checksum", "streamable"})
"""Fields of a File by which nothing is staged, or known: only an expression can see them."""

_UUID: Final = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class UnkeyableError(Exception):
    """An input cannot be keyed; carries the refusal."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.reason.sentence)
        self.refusal = refusal


def show(pointer: Pointer) -> str:
    """Return a pointer as people write it: ``inputs.reads[0]``."""
    text = "inputs"
    for part in pointer:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text


def _is_made_up(basename: str, location: str) -> bool:
    """Tell whether cwltool named a literal, to which it gives another name each time."""
    return location == f"_:{basename}" and _UUID.fullmatch(basename) is not None


def directories_in(value: Any, pointer: Pointer = ()) -> list[str]:
    """Return where in an input object a Directory stands, wherever it hides."""
    found: list[str] = []
    if is_scalar(value):
        return found
    if isinstance(value, Mapping):
        if is_file_object(value, "Directory"):
            return [show(pointer)]
        for name, item in value.items():
            found.extend(directories_in(item, (*pointer, str(name))))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for i, item in enumerate(value):
            found.extend(directories_in(item, (*pointer, i)))
    return found


class Digests(Protocol):
    """Gives digests of files; a :class:`~cwl_memo.memo.Memo` does."""

    def digest_file(self, path: str, /) -> tuple[FileDigest, FileIdentity]:
        """Return the digest and stat identity of a regular file."""


class Known(Protocol):
    """Knows files that are to come: outputs of reused jobs, not yet on disk."""

    def digest_of(self, path: str, /) -> FileDigest | None:
        """Return the digest of such a file, or None."""

    def is_executable(self, path: str, /) -> bool | None:
        """Tell whether such a file will be executable, or None."""

    def mode_of(self, path: str, /) -> Mode | None:
        """Return the mode that such a file will have, or None."""


Locate = Callable[[str, str], "str | None"]
"""Returns the path of a location, given what relative ones are relative to."""


class Secrets:
    """Replaces secret values by keyed hashes (cwltool's ``Secrets`` extension)."""

    def __init__(self, placeholders: Mapping[str, str] | None, key: bytes) -> None:
        self._placeholders = placeholders or {}
        self._key = key

    def hide(self, text: str) -> str:
        """Return the text with each secret in it replaced by its keyed hash."""
        for placeholder, value in self._placeholders.items():
            if placeholder in text:
                token = hmac.new(self._key, value.encode(), hashlib.sha256).hexdigest()
                text = text.replace(placeholder, f"(secret:{token})")
        return text

    def values(self) -> list[str]:
        """Return the secret values themselves."""
        return list(self._placeholders.values())


@dataclass
class Sources:
    """The files that a job's facts were read from.

    Paths are as they were given. Which real paths they lead to is asked only of a job that
    is executed: a hit does without.

    :param files: digests by path.
    :param places: where in the input object each path stands.
    :param identities: by what each path was known, to see later whether it changed.
    :param directories: real paths of the Directories.
    :param remote: digests of files that were downloaded, by location.
    :param programs: digests of this machine's programs, by path.
    :param elsewhere: by which path each location is known here that only an engine can read.
    :param scripts: paths of the programs among the files.
    :param unread: paths of what a job was given whose digests were taken from somebody's word.
    """

    files: dict[str, FileDigest] = field(default_factory=dict)
    places: dict[str, Pointer] = field(default_factory=dict)
    identities: dict[str, FileIdentity] = field(default_factory=dict)
    directories: set[str] = field(default_factory=set)
    remote: dict[str, FileDigest] = field(default_factory=dict)
    programs: dict[str, FileDigest] = field(default_factory=dict)
    elsewhere: dict[str, str] = field(default_factory=dict)
    scripts: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    def stage(self, location: str, path: str) -> None:
        """Note where a job finds what stands elsewhere."""
        known = self.elsewhere.get(location)
        if known is None or known == path:
            return
        if known in self.files:
            self.files[path] = self.files[known]
            if known not in self.identities:
                self.unread.add(path)
        if known in self.places:
            self.places.setdefault(path, self.places[known])
        if os.path.realpath(known) in self.directories:
            self.directories.add(os.path.realpath(path))

    def digests(self) -> dict[str, FileDigest]:
        """Return the digest of each real path."""
        return {os.path.realpath(path): digest for path, digest in self.files.items()}

    def pointers(self) -> dict[str, Pointer]:
        """Return where in the input object each real path stands, first mention."""
        pointers: dict[str, Pointer] = {}
        for path, pointer in self.places.items():
            pointers.setdefault(os.path.realpath(path), pointer)
        return pointers

    def forget(self, path: str) -> None:
        """Forget a file that is to be removed."""
        for known in (self.files, self.places, self.identities):
            known.pop(path, None)

    def changed(self, made: Callable[[str], Made | None] = lambda _path: None) -> list[str]:
        """Return the paths that are no longer what was keyed.

        What nobody has read here is read now: where a job is given a link to a file of others,
        it may have written to it, and so may another job before.

        :param made: tells what a file of a view was when it was made; many are keyed before.
        """
        changed = [path for path in sorted(self.unread) if not self._is_as_told(path)]
        for path in {**self.files, **self.identities}:
            identity, seen = self.identities.get(path), made(path)
            if identity is None and seen is not None:
                identity = seen.identity
                if seen.digest.digest != self.files[path].digest:
                    changed.append(path)  # its job was executed again, and gave something else
            if identity is None:
                continue
            may_be_linked = bool(self.elsewhere) or (seen is not None and seen.is_lent)
            try:
                found = FileIdentity.of(os.stat(path))
                if found != identity and not (
                    may_be_linked and self._is_linked(path, identity, found)
                ):
                    changed.append(path)
            except OSError:
                changed.append(path)
        return changed

    def _is_as_told(self, path: str) -> bool:
        try:
            return hash_file(path, sha1=False).digest == self.files[path].digest
        except OSError:
            return False  # gone, or no regular file: a stream that has been read is no more

    def _is_linked(self, path: str, before: FileIdentity, now: FileIdentity) -> bool:
        """Tell whether all that happened to a file or a directory is a hard link to what it holds.

        An engine hands files over so, as views do blobs; that changes when they were changed
        last, as a stat tells.
        """
        if before._replace(ctime_ns=now.ctime_ns) != now:
            return False
        known = self.files.get(path)
        return known is None or hash_file(path, sha1=False).digest == known.digest

    def merge(self, other: Sources) -> None:
        """Take in what other facts were read from."""
        self.files.update(other.files)
        self.places.update(other.places)
        self.identities.update(other.identities)
        self.directories.update(other.directories)
        self.remote.update(other.remote)
        self.programs.update(other.programs)
        self.elsewhere.update(other.elsewhere)
        self.scripts.update(other.scripts)
        self.unread.update(other.unread)


class FileFacts:
    """Reads the facts of values, Files and Directories.

    :param digests: gives digests of files on disk.
    :param known: knows files that are not on disk yet.
    :param secrets: hides secret values.
    :param basedir: what relative locations are relative to.
    :param uses: what expressions can see: locations, the order of fields, ``contents``.
    :param loaded: the inputs whose ``contents`` cwltool reads from the files themselves.
    :param together: whether files are put into one directory.
    :param locate: returns the path of a location, or None where it has none here.
    """

    def __init__(
        self,
        digests: Digests,
        known: Known,
        secrets: Secrets,
        basedir: str,
        uses: Sequence[ExpressionUse],
        loaded: frozenset[str] = frozenset(),
        *,
        together: bool = False,
        locate: Locate = local_path,
    ) -> None:
        self._locate = locate
        self._digests = digests
        self._known = known
        self._secrets = secrets
        self._basedir = basedir
        self._locations = any(use.locations for use in uses)
        self._order = any(use.order for use in uses)
        self._contents = any(use.any for use in uses)
        self._loaded = loaded
        self._together = together
        self._first: dict[str, tuple[str, str]] = {}
        self._umask: int | None = None
        self.sources = Sources()

    def value(self, value: Any, pointer: Pointer) -> JSON:
        """Return the facts of any value of an input object.

        :raises UnkeyableError: if a file in it cannot be read or read again.
        """
        if isinstance(value, str):
            return self._secrets.hide(str(value))
        if is_scalar(value):
            return plain(value)
        if is_file_object(value, "File"):
            return {**self.file(value, pointer), **self._order_of(value)}
        if is_file_object(value, "Directory"):
            return {**self.directory(value, pointer), **self._order_of(value)}
        if isinstance(value, Mapping):
            return {**self.values(value, pointer), **self._order_of(value)}
        if isinstance(value, Sequence):
            return [self.value(item, (*pointer, i)) for i, item in enumerate(value)]
        return plain(value)

    def values(self, values: Mapping[str, Any], pointer: Pointer = ()) -> dict[str, JSON]:
        """Return the facts of the fields of a record, or of the inputs by name.

        :raises UnkeyableError: if a file in them cannot be read or read again.
        """
        return {own_name(n): self.value(item, (*pointer, str(n))) for n, item in values.items()}

    def _order_of(self, value: Mapping[str, Any]) -> dict[str, JSON]:
        return {"$order": [str(name) for name in value]} if self._order else {}

    def file(self, item: Mapping[str, Any], pointer: Pointer) -> dict[str, JSON]:
        """Return the facts of a File object."""
        location = str(item.get("location") or item.get("path") or "")
        facts: dict[str, JSON] = {"class": "File"}
        known = _DERIVED
        if not location or location.startswith("_:"):
            facts.update(self._literal(item, location))
            if item.get("streamable") is False and not self._locations:
                known |= {"streamable"}  # so Toil says of each File, and CWL of all others
        else:
            facts.update(self._located(item, location, pointer))
            known |= STATED
        if item.get("format") is not None:
            facts["format"] = plain(item["format"])
        facts.update(self._others(item, pointer, known))
        if item.get("secondaryFiles"):
            facts["secondaryFiles"] = [
                self.value(other, (*pointer, "secondaryFiles", i))
                for i, other in enumerate(item["secondaryFiles"])
            ]
        return facts

    def _others(
        self, item: Mapping[str, Any], pointer: Pointer, known: frozenset[str]
    ) -> dict[str, JSON]:
        facts: dict[str, JSON] = {}
        if item.get("dirname"):
            # No runner hands one over; one that a user gives is where cwltool stages it.
            facts["dirname"] = str(item["dirname"])
        others = {k: v for k, v in item.items() if k not in known}
        if others:
            # Apart from the facts: a field of the user's own might have the name of one.
            facts["metadata"] = self.values(others, pointer)
        return facts

    def _literal(self, item: Mapping[str, Any], location: str) -> dict[str, JSON]:
        text = self._secrets.hide(str(item.get("contents", "")))
        data = text.encode("utf-8", "surrogatepass")
        facts: dict[str, JSON] = {"literal": True, "digest": str(digest_of_bytes(data))}
        basename = str(item.get("basename", ""))
        if basename and not _is_made_up(basename, location):
            facts["basename"] = basename
        facts["size"] = int(item.get("size", len(data)))
        return facts

    def _located(self, item: Mapping[str, Any], location: str, pointer: Pointer) -> dict[str, JSON]:
        path = self._path_of(location)
        if path is None:
            raise UnkeyableError(Refusal(Reason.INPUT_UNREADABLE, f"{show(pointer)}: {location}"))
        digest, executable = self._read(path, pointer)
        if location.startswith(("http:", "https:")):
            # A copy of our own; cwltool downloads another one for the job.
            self.sources.forget(path)
            self.sources.remote[location] = digest
            os.unlink(path)
        facts: dict[str, JSON] = {
            "basename": str(item.get("basename") or basename_of(location)),
            "size": int(item.get("size", digest.size)),
            "digest": str(digest.digest),
        }
        if executable and digest.program:
            # A data file's mode is an accident of where it lies; a program's is not.
            facts["executable"] = True
            self.sources.scripts.add(path)
        if "contents" in item and self._contents and not self._is_loaded(pointer):
            text = self._secrets.hide(str(item["contents"]))
            facts["contents"] = str(digest_of_bytes(text.encode("utf-8", "surrogatepass")))
        where, basename = self._first.setdefault(location, (show(pointer), facts["basename"]))
        if where != show(pointer) and (self._together or basename != facts["basename"]):
            # cwltool stages one location once: under one name, and once in a directory.
            facts["same"] = where
        if self._locations:
            facts["location"] = location
            facts.update({name: plain(item[name]) for name in STATED & item.keys()})
        return facts

    def _path_of(self, location: str) -> str | None:
        path = self._locate(location, self._basedir)
        if path is not None and not location.startswith(("file:", "/")) and ":" in location:
            self.sources.elsewhere[location] = path
        return path

    def _is_loaded(self, pointer: Pointer) -> bool:
        # What a File carried before is then not seen; what its secondaryFiles carry is.
        return pointer[0] in self._loaded and all(isinstance(part, int) for part in pointer[1:])

    def _read(self, path: str, pointer: Pointer) -> tuple[FileDigest, bool]:
        known = self._known.digest_of(path)
        if known is not None:
            self.sources.places.setdefault(path, pointer)
            self.sources.files[path] = known
            return known, bool(self._known.is_executable(path))
        try:
            digest, identity = self._digests.digest_file(path)
            mode = os.stat(path).st_mode if digest.program else 0
        except OSError as error:
            reason = Reason.INPUT_UNREADABLE
            if error.errno == errno.EINVAL:
                reason = Reason.STREAM_INPUT
            raise UnkeyableError(
                Refusal(reason, f"{show(pointer)}: {error.strerror}: {path}")
            ) from error
        self.sources.places.setdefault(path, pointer)
        self.sources.files[path] = digest
        self.sources.identities[path] = identity
        return digest, bool(mode & stat.S_IXUSR)

    def directory(self, item: Mapping[str, Any], pointer: Pointer) -> dict[str, JSON]:
        """Return the facts of a Directory object: everything in it, whatever is listed.

        "The whole directory is staged" whatever ``loadListing`` says, so a listing is
        never taken for the content; only a literal, which has nothing else, is.
        """
        location = str(item.get("location") or item.get("path") or "")
        facts: dict[str, JSON] = {"class": "Directory"}
        facts.update(self._others(item, pointer, _DERIVED))
        basename = str(item.get("basename", ""))
        if basename and not _is_made_up(basename, location):
            facts["basename"] = basename
        if not location or location.startswith("_:"):
            facts["listing"] = self.value(item.get("listing") or [], (*pointer, "listing"))
            return facts
        path = self._path_of(location)
        if path is None or not os.path.isdir(path):
            raise UnkeyableError(Refusal(Reason.INPUT_UNREADABLE, f"{show(pointer)}: {location}"))
        facts.setdefault("basename", basename_of(location))
        if "listing" in item and self._contents:
            # An expression sees what is given here, be it in the Directory or not.
            facts["listing"] = self.value(item["listing"], (*pointer, "listing"))
        facts.update(self._tree(path, pointer, ()))
        self.sources.directories.add(os.path.realpath(path))
        self.sources.places.setdefault(path, pointer)
        if self._locations:
            facts["location"] = location
        return facts

    def _tree(self, path: str, pointer: Pointer, above: tuple[str, ...]) -> dict[str, JSON]:
        real = os.path.realpath(path)
        if real in above:
            return {"tree": {"loop": above[::-1].index(real)}}
        tree: dict[str, JSON] = {}
        try:
            found = sorted(os.scandir(path), key=lambda entry: entry.name)
            status = os.stat(path)
            self.sources.identities[path] = FileIdentity.of(status)
        except OSError as error:
            raise UnkeyableError(
                Refusal(Reason.INPUT_UNREADABLE, f"{show(pointer)}: {error}")
            ) from error
        for entry in found:
            tree[entry.name] = self._tree_entry(entry, pointer, (*above, real))
        self._umask = read_umask() if self._umask is None else self._umask
        return {"tree": tree, **mode_of_directory(status, self._umask).to_json()}

    def _tree_entry(
        self, entry: os.DirEntry[str], pointer: Pointer, above: tuple[str, ...]
    ) -> JSON:
        facts: dict[str, JSON] = {}
        if entry.is_symlink():
            target = os.readlink(entry.path)
            # An absolute target is a location, which is no part of what a tool is given;
            # but of a link that leads nowhere it is all that there is.
            leads = os.path.exists(entry.path)
            facts["link"] = True if leads and os.path.isabs(target) else target
            if not leads:
                return facts
        if entry.is_dir():
            return {**facts, **self._tree(entry.path, pointer, above)}
        digest, _ = self._read(entry.path, pointer)
        if self.sources.places.get(entry.path) == pointer:
            # There the Directory stands; where this file does is no place of the input object.
            del self.sources.places[entry.path]
        facts["digest"] = str(digest.digest)
        facts["size"] = digest.size
        if entry.stat().st_mode & stat.S_IXUSR:
            facts["executable"] = True
            if digest.program:
                self.sources.scripts.add(entry.path)
        return facts
