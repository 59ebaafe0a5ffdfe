"""What ``docs/reference/key.md`` lists word by word: its patterns and its lists of words."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["kept_classes", "name_pattern", "options", "pattern", "rows", "suffixes", "words"]

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "key.md"


@cache
def _text() -> str:
    return PAGE.read_text(encoding="utf-8")


@cache
def pattern(name: str) -> re.Pattern[str]:
    """Return the regular expression of a name in the page's block of them."""
    block = re.search(
        r"^```text\n(.*?)^```",
        _text().partition("As regular expressions")[2],
        re.MULTILINE | re.DOTALL,
    )
    assert block is not None
    joined = re.sub(r"\n {18}", "", block[1])
    found = {line[:18].strip(): line[18:] for line in joined.splitlines()}
    return re.compile(found[name])


@cache
def name_pattern() -> re.Pattern[str]:
    """Return the regular expression of the names that are accepted without an option."""
    block = re.search(r"^```text\n(.*)\n```", _section("options"), re.MULTILINE)
    assert block is not None
    return re.compile(block[1])


@cache
def words(name: str) -> frozenset[str]:
    """Return the words of a list in the page's table of them."""
    line = re.search(rf"^\| {name} \| `(.*)` \|$", _text(), re.MULTILINE)
    assert line is not None, name
    return frozenset(line[1].split())


@cache
def suffixes() -> frozenset[str]:
    """Return the suffixes of files that are code."""
    found = re.search(r"suffixes `(.*?)`", _text(), re.DOTALL)
    assert found is not None
    return frozenset(found[1].split())


def _section(name: str) -> str:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", _text(), re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


def rows(section: str) -> list[str]:
    """Return what stands as code in the first cells of a section's table."""
    cells = re.findall(r"^\| (.*?) \|", _section(section), re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(.*?)`", cell)]


def kept_classes() -> list[str]:
    """Return those of them that may stand in a fingerprint."""
    kept = re.sub(r"^.* \| never \|$", "", _section("requirements"), flags=re.MULTILINE)
    cells = re.findall(r"^\| (.*?) \|", kept, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`([\w:]+)`", cell)]


def options() -> set[str]:
    """Return the names in the field of options."""
    text = re.sub(r"^```.*?^```", "", _section("options"), flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([a-z_]+)`", text.partition("(`")[0])) - {"true", "basename", "tree"}
