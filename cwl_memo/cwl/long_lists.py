"""Long lists of Files in a JSON input object reach the executor past the reader of YAML.

cwltool reads an input object with ruamel.yaml, JSON or not, which takes 0.2 ms for each
File of it: for a scatter over a thousand that is more than deciding about their jobs. So
cwltool's fetcher hands over the text with such lists emptied, and the executor puts them
back, as cwltool's own functions prepare them. See docs/upstream.md.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

from cwl_memo.cwl.door import (
    Loader,
    Process,
    RuntimeContext,
    StdFsAccess,
    cmap,
    file_uri,
    init_job_order,
    jobloaderctx,
)
from cwl_memo.cwl.input_object import as_plain

__all__ = ["LongLists"]

_log = logging.getLogger("cwltool")

_LONG: Final = 16
"""Files from which on a list is long."""

_FIELDS: Final[Mapping[str, type]] = {
    "class": str,
    "location": str,
    "path": str,
    "basename": str,
    "dirname": str,
    "nameroot": str,
    "nameext": str,
    "checksum": str,
    "size": int,
    "secondaryFiles": list,
}
"""What a File of such a list may have: no ``format``, which depends on namespaces, and no
``contents``."""

_IDENTIFIERS: Final = frozenset(
    name for name, meaning in jobloaderctx.items() if meaning == "@id"
) | {"id", "@id"}
"""Names by which an input object may say where it is."""

# Nothing that a URL would escape, and no part that leads upwards or nowhere.
_PLAIN_PATH: Final = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_PLAIN_URL: Final = re.compile(r"file://(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*/")

_BLANK: Final = re.compile(r"[ \r\n]*")


class LongLists:
    """The long lists of one input object.

    :param args: cwltool's arguments.
    :param path: of the input object.
    """

    def __init__(self, args: argparse.Namespace, path: str) -> None:
        self._args = args
        self._url = file_uri(os.path.abspath(path))
        self._lists: dict[str, list[Any]] = {}
        self._read = False

    @classmethod
    def of(cls, args: argparse.Namespace) -> LongLists | None:
        """Return the lists of the input object that arguments name; None for any other."""
        words = args.job_order
        # What a process generator or a research object is given is not seen here.
        apart = getattr(args, "enable_ext", False) or getattr(args, "provenance", None)
        if apart or len(words) != 1 or words[0].startswith("-") or not os.path.isfile(words[0]):
            return None
        return cls(args, words[0])

    def empty(self, url: str, text: str) -> str:
        """Return the text of a document: of the input object, with its long lists emptied.

        Each line stays where it is, since messages name lines.
        """
        if url != self._url or self._read:
            return text
        self._read = True
        parts = []
        begun = 0
        values = _values(text)
        if any(name.startswith("$") or name in _IDENTIFIERS for name, *_ in values):
            return text  # what a location is relative to, or short for, may stand there
        for name, start, end, value in values:
            if _is_long_list(value) and ":" not in name:
                self._lists[name] = value
                lines = text.count("\n", start, end)
                parts += [text[begun:start], "[", "\n" * lines, "]"]
                begun = end
        return "".join([*parts, text[begun:]])

    def fill(self, job_order: Any, process: Process, context: RuntimeContext) -> Any:
        """Return an input object with its long lists in place, as plain dicts and lists.

        :param job_order: as cwltool has prepared it.
        """
        if not self._lists:
            return as_plain(job_order)
        filled: Any = _resolve_plain(self._lists, self._url)
        if filled is not None:
            access = context.make_fs_access(context.basedir)
            for items in filled.values():
                for item in items:
                    _prepare_plain(item, access)
        else:
            loader = Loader(jobloaderctx.copy())
            resolved, _ = loader.resolve_all(cmap(self._lists), self._url, checklinks=False)
            prepared = self._prepare(resolved, loader, process, context)
            filled = {name: as_plain(prepared[name]) for name in self._lists}
        return {**as_plain(job_order), **filled}

    def whole(self, job_order: Any, process: Process, context: RuntimeContext) -> Any:
        """Return the input object as cwltool reads it, with the lines of all that is in it."""
        if not self._lists:
            return job_order
        loader = Loader(jobloaderctx.copy())
        read, _ = loader.resolve_ref(self._url, checklinks=False)
        return self._prepare(read, loader, process, context)

    def _prepare(
        self, job_order: Any, loader: Loader, process: Process, context: RuntimeContext
    ) -> Any:
        return init_job_order(
            job_order,
            self._args,
            process,
            loader,
            sys.stderr,
            make_fs_access=context.make_fs_access,
            input_basedir=context.basedir,
        )


def _resolve_plain(lists: Mapping[str, list[Any]], url: str) -> dict[str, Any] | None:
    """Return lists with the places of their Files as locations; None where that takes rules.

    It takes none for paths of plain letters: they are below the input object's directory,
    or below the root.
    """
    above = url[: url.rindex("/") + 1]
    if not _PLAIN_URL.fullmatch(above):
        return None

    def resolve(item: Mapping[str, Any]) -> dict[str, Any]:
        resolved = dict(item)
        for name in ("location", "path"):
            place = item.get(name)
            if place is not None:
                resolved[name] = _url_of(place, above)
        others = item.get("secondaryFiles")
        if others is not None:
            resolved["secondaryFiles"] = [resolve(other) for other in others]
        return resolved

    try:
        return {name: [resolve(item) for item in items] for name, items in lists.items()}
    except ValueError:
        return None


def _url_of(place: str, above: str) -> str:
    path = place.removeprefix("file://")
    if not _PLAIN_PATH.fullmatch(path) or (path is not place and path[0] != "/"):
        raise ValueError(place)
    return "file://" + path if path[0] == "/" else above + path


def _prepare_plain(item: dict[str, Any], access: StdFsAccess) -> None:
    """Fill in what cwltool's ``init_job_order`` fills in of a File whose URL is plain letters."""
    if "location" not in item:
        item["location"] = item.pop("path")
    if "size" not in item:
        with contextlib.suppress(OSError):  # what is not there is told of later
            item["size"] = access.size(item["location"])
    if not item.get("basename"):
        item["basename"] = os.path.basename(item["location"])
    for name, part in zip(("nameroot", "nameext"), os.path.splitext(item["basename"]), strict=True):
        if item.get(name) != part:
            item[name] = part
    for other in item.get("secondaryFiles", ()):
        _prepare_plain(other, access)


def _values(text: str) -> list[tuple[str, int, int, Any]]:
    """Return name, place and value of each field of an object in JSON.

    None where JSON and YAML might not read the text alike, or it is no such object.
    """
    # Printable: YAML knows more ends of lines, and forbids more characters.
    if not text.startswith("{") or "\\" in text or not _is_printable(text):
        return []
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    found: list[tuple[str, int, int, Any]] = []
    at = 1
    try:
        while True:
            name, at = decoder.raw_decode(text, _blank(text, at))
            at = _blank(text, at)
            if not isinstance(name, str) or text[at] != ":":
                return []
            start = _blank(text, at + 1)
            value, end = decoder.raw_decode(text, start)
            found.append((name, start, end, value))
            at = _blank(text, end) + 1
            if text[at - 1] == "}":
                is_whole = not text[at:].strip(" \r\n")
                return found if is_whole and len({name for name, *_ in found}) == len(found) else []
            if text[at - 1] != ",":
                return []
    except (ValueError, IndexError, RecursionError):
        return []


def _blank(text: str, at: int) -> int:
    blank = _BLANK.match(text, at)
    return at if blank is None else blank.end()


def _is_printable(text: str) -> bool:
    return text.replace("\n", "").replace("\r", "").isprintable()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name stands twice")
    return fields


def _is_long_list(value: Any) -> bool:
    return isinstance(value, list) and len(value) >= _LONG and all(map(_is_simple_file, value))


def _is_simple_file(value: Any) -> bool:
    if not isinstance(value, Mapping) or value.get("class") != "File":
        return False
    if ("location" in value) == ("path" in value):
        return False
    others = value.get("secondaryFiles", [])
    return all(type(item) is _FIELDS.get(name) for name, item in value.items()) and all(
        _is_simple_file(other) for other in others
    )
