"""Reads case files: families of cases are written out, templates put in."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from .case import Case, parse
from .errors import CaseError

__all__ = ["SUITE", "read_file", "read_suite"]

JSON = Any

SUITE: Final = Path(__file__).parent.parent / "suite"
"""The folder of the suite itself."""

_PLACE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")
_FILE_FIELDS: Final = {"class", "tags", "needs", "policy", "let", "cases"}


def read_suite(places: Iterable[Path]) -> list[Case]:
    """Read all cases of files, and of the files ``*.yml`` below folders.

    :raises CaseError: if one is not written as a case, or two have one id.
    """
    files: list[Path] = []
    for place in places:
        files += sorted(place.rglob("*.yml")) if place.is_dir() else [place]
    cases = [case for file in files for case in read_file(file)]
    seen: dict[str, Case] = {}
    for case in cases:
        if (other := seen.setdefault(case.id, case)) is not case:
            raise CaseError(f"{case.source}: {case.id}: stands in {other.source} too")
    return cases


def read_file(path: Path) -> list[Case]:
    """Read the cases of one file.

    :raises CaseError: if the file cannot be read or a case is not one.
    """
    try:
        raw = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise CaseError(f"{path}: {error}") from error
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list):
        raise CaseError(f"{path}: has no list 'cases'")
    if unknown := set(raw) - _FILE_FIELDS:
        raise CaseError(f"{path}: unknown fields {sorted(unknown)}")
    return [
        parse(member, path)
        for given in raw["cases"]
        for member in _members(_with_common(given, raw), path)
    ]


def _with_common(case: Mapping[str, JSON], file: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a case with what all cases of its file have in common."""
    merged = dict(case)
    for name in ("class", "policy"):
        if name in file:
            merged.setdefault(name, file[name])
    for name in ("tags", "needs"):
        merged[name] = [*file.get(name, ()), *case.get(name, ())]
    merged["let"] = {**file.get("let", {}), **case.get("let", {})}
    return merged


def _members(case: dict[str, JSON], path: Path) -> Iterator[dict[str, JSON]]:
    """Yield the cases of a family; a case that is no family is the one of its own."""
    common = case.pop("let")
    each = case.pop("each", {"": {}})
    if not isinstance(each, dict) or not each:
        raise CaseError(f"{path}: {case.get('id')}: each: is no mapping of members")
    for suffix, own in each.items():
        values = {**common, **(own or {})}
        try:
            member = _filled(copy.deepcopy(case), values, depth=0)
        except KeyError as error:
            raise CaseError(
                f"{path}: {case.get('id')}: {{{{{error.args[0]}}}}} has no value"
            ) from error
        if suffix:
            member["id"] = f"{member['id']}-{suffix}"
        yield member


# Filled in when a case is run, since only then they are known.
_LATER: Final = frozenset({"marks", "case", "search_path"})


def _filled(value: JSON, values: Mapping[str, JSON], depth: int) -> JSON:
    """Return a value with every ``{{name}}`` replaced; a text that is one alone by any value.

    :raises KeyError: if a name has no value.
    """
    if depth > 60:
        raise KeyError("a name that stands for itself")
    if isinstance(value, dict):
        return {
            _filled(key, values, depth + 1): _filled(item, values, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_filled(item, values, depth + 1) for item in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole and whole[1] not in _LATER:
        return _filled(copy.deepcopy(values[whole[1]]), values, depth + 1)
    return _PLACE.sub(
        lambda found: (
            found[0] if found[1] in _LATER else str(_filled(values[found[1]], values, depth + 1))
        ),
        value,
    )
