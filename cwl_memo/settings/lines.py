"""On which line of a TOML file each of its keys stands."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Final

from cwl_memo.errors import SettingsFileError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["lines_of_keys", "parse_toml"]

_LONGEST: Final = 100
"""Lines that one value may have and still be looked for."""

_AT: Final = re.compile(r" ?\(at line (\d+), column (\d+)\)")
_AT_END: Final = " (at end of document)"

Keys = tuple[str, ...]


def parse_toml(data: bytes, name: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file, and what it says.

    :param name: of the file, for the message.
    :raises SettingsFileError: if it is not TOML; names the line.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SettingsFileError(f"{name}:{line}: not UTF-8; save it as UTF-8") from None
    text = text.replace("\r\n", "\n")
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsFileError(_not_toml(str(error), text, name)) from None
    except RecursionError:
        raise SettingsFileError(f"{name}: is nested too deeply; write it flat") from None


def _not_toml(message: str, text: str, name: str) -> str:
    found = _AT.search(message)
    line = int(found[1]) if found else text.count("\n") + 1
    reason = _AT.sub("", message).replace(_AT_END, "")
    # What a shell or YAML would let pass is what people get wrong.
    return f"{name}:{line}: not TOML: {reason}; write settings as name = value, texts in quotes"


def lines_of_keys(text: str) -> dict[Keys, int]:
    """Return the line on which each key of a TOML text stands, counted from 1.

    A key is a path of names. Where a value goes over very many lines, what comes after it
    has no line.

    :param text: is known to be TOML.
    """
    found: dict[Keys, int] = {}
    for line, above, keys in _statements(text):
        for key in _paths(keys):
            found.setdefault((*above, *key), line)
    return found


def _statements(text: str) -> Iterator[tuple[int, Keys, dict[str, Any]]]:
    """Yield the line of each statement, the table it stands in, and what it says alone."""
    lines = text.split("\n")
    above: Keys = ()
    begin = 0
    while begin < len(lines):
        start = lines[begin].strip()
        if not start or start.startswith("#"):
            begin += 1
            continue
        said, end = _statement(lines, begin)
        if said is None:
            return
        if start.startswith("["):
            above = ()
            yield begin + 1, (), said
            above = next(reversed(list(_paths(said))), ())
        else:
            yield begin + 1, above, said
        begin = end


def _statement(lines: list[str], begin: int) -> tuple[dict[str, Any] | None, int]:
    for end in range(begin + 1, min(begin + _LONGEST, len(lines)) + 1):
        try:
            return tomllib.loads("\n".join(lines[begin:end])), end
        except tomllib.TOMLDecodeError:
            continue
    return None, begin


def _paths(value: Any) -> Iterator[Keys]:
    """Yield the path of every key below a table."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        for name, item in value.items():
            yield (name,)
            for below in _paths(item):
                yield (name, *below)
