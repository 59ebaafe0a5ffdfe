"""The form of a recorded output object: what no recorder writes is refused.

Whoever may write entries can put any JSON into one. What a runner is handed must be such
that it can deliver and print it, or the run fails over an entry, instead of going without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cwl_memo.core.entry import Tree
from cwl_memo.errors import FormatError

__all__ = ["check_output_form", "read_directory"]

_DEEPEST: Final = 200
"""Objects and lists within each other; a runner walks through them by recursion."""

_LONGEST_NAME: Final = 255
"""Bytes that the name of a file has at most, on every file system in use."""

_FILES: Final = ("File", "Directory")
_TEXTS: Final = ("nameroot", "nameext", "checksum")
_LISTS: Final = frozenset({"secondaryFiles", "listing"})


def check_output_form(value: Any, path: str, depth: int = 0) -> None:
    """See that a recorded output object is one that can be delivered and printed.

    What stands in a ``memo`` is not looked at, but for the name of the file: it is read by
    others, and a name that is not UTF-8 may stand in it.

    :param path: of the value, for the message.
    :raises FormatError: if it is not.
    """
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, Mapping):
        if depth > _DEEPEST:
            raise FormatError("nested too deep", path[:80])
        is_file = value.get("class") in _FILES
        if is_file:
            _check_file(value, path)
        for name, item in value.items():
            _check_text(name, path)
            if not (is_file and name == "memo"):
                check_output_form(item, f"{path}.{name}", depth + 1)
    elif isinstance(value, list):
        if depth > _DEEPEST:
            raise FormatError("nested too deep", path[:80])
        for i, item in enumerate(value):
            check_output_form(item, f"{path}[{i}]", depth + 1)


def _check_text(text: str, path: str) -> None:
    if text.isascii():
        return
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FormatError(
            "text that is not UTF-8", path.encode(errors="replace").decode()
        ) from None


def _check_file(item: Mapping[str, Any], path: str) -> None:
    _check_basename(item.get("basename"), f"{path}.basename")
    for name in _TEXTS:
        if not isinstance(item.get(name, ""), str):
            raise FormatError("not a text", f"{path}.{name}")
    if type(item.get("size", 0)) is not int:
        raise FormatError("not a size", f"{path}.size")
    for name in _LISTS & item.keys():
        _check_files(item[name], f"{path}.{name}")
    if "memo" in item:
        _check_memo(item["memo"], item["class"], f"{path}.memo")
        return
    # A literal: its contents are all there is.
    content, kind = ("contents", str) if item["class"] == "File" else ("listing", list)
    if not isinstance(item.get(content), kind):
        raise FormatError("without its bytes", path)


def _check_basename(name: Any, path: str) -> None:
    if not isinstance(name, str) or name in {"", ".", ".."} or {*name} & {"/", "\0"}:
        raise FormatError("not the name of a file", path)
    _check_length(name, path)


def _check_memo(memo: Any, kind: str, path: str) -> None:
    if not isinstance(memo, Mapping):
        raise FormatError("not an object", path)
    place = memo.get("workspace")
    if isinstance(place, str):
        if place == "." and kind == "File":
            raise FormatError("not a file", f"{path}.workspace")
        for part in place.split("/"):
            _check_length(part, f"{path}.workspace")


def _check_length(name: str, path: str) -> None:
    # No character takes more than four bytes.
    if len(name) * 4 > _LONGEST_NAME and len(name.encode(errors="surrogatepass")) > _LONGEST_NAME:
        raise FormatError("a name too long for a file", path)


def _check_files(value: Any, path: str) -> None:
    is_list = isinstance(value, list)
    if not is_list or not all(isinstance(i, Mapping) and i.get("class") in _FILES for i in value):
        raise FormatError("not a list of files", path)


def read_directory(memo: Mapping[str, Any], path: str) -> Tree:
    """Return all that is in a recorded Directory.

    :param memo: what is recorded of it.
    :raises FormatError: if it is malformed, or has nothing in it and does not say so: of a link
        to a Directory once nothing was recorded.
    """
    tree = Tree.from_json(memo.get("tree"), f"{path}.tree")
    if not tree.nodes and memo.get("empty") is not True:
        raise FormatError("a directory without what is in it", f"{path}.tree")
    return tree
