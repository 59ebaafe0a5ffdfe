"""Values, Files and Directories (sections "From YAML to JSON" and "inputs" of the page)."""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.golden.independent.encoding import digest, digest_of_file
from tests.golden.independent.loading import Text, path_of

__all__ = ["Values", "directory_in", "own", "plain"]

_MACH_O = ("feedface", "feedfacf", "cefaedfe", "cffaedfe", "cafebabe", "cafebabf")
_PROGRAMS = (b"#!", b"\x7fELF", *map(bytes.fromhex, _MACH_O))
_KNOWN = {
    *("class", "basename", "size", "contents", "format", "secondaryFiles"),
    *("location", "dirname", "path", "listing", "nameroot", "nameext"),
    "http://commonwl.org/cwltool#generation",
}
_STATED = ("checksum", "streamable")
_ADDED = {
    "File": ("size", "location", "basename", "nameroot", "nameext"),
    "Directory": ("location", "basename"),
}


def own(name: str) -> str:
    """Return a name that is none of those with one dollar."""
    return f"${name}" if name.startswith("$") else name


def plain(value: Any) -> Any:
    """Return a value as JSON."""
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {own(name): plain(item) for name, item in value.items()}
    return value


def _float(value: float) -> Any:
    number = float(value)
    if not math.isfinite(number):
        return {"$float": str(number)}
    text = format(Decimal(value.text), "f") if isinstance(value, Text) else str(number)
    return number if text == str(number) else {"$float": number, "$text": text}


def directory_in(value: Any) -> bool:
    """Tell whether a Directory stands in a value."""
    if isinstance(value, list):
        return any(map(directory_in, value))
    if not isinstance(value, dict):
        return False
    return value.get("class") == "Directory" or any(map(directory_in, value.values()))


@dataclass
class Values:
    """Makes JSON of the values of an input object.

    :param locations, order, contents: what expressions can see.
    :param together: whether InitialWorkDirRequirement is in force.
    :param loaded: the inputs with ``loadContents``.
    :param secrets: texts that are secret.
    :param key: with which they are hashed.
    """

    locations: bool = False
    order: bool = False
    contents: bool = True
    together: bool = False
    loaded: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    key: bytes = b""
    scripts: list[Path] = field(default_factory=list)
    _first: dict[str, tuple[str, str]] = field(default_factory=dict)

    def of(self, value: Any, where: str) -> Any:
        """Return a value, as it stands in a place of the input object."""
        if isinstance(value, str):
            return self._hide(value)
        if isinstance(value, list):
            return [self.of(item, f"{where}[{i}]") for i, item in enumerate(value)]
        if not isinstance(value, dict):
            return plain(value)
        if value.get("class") == "File":
            return self._file(value, where)
        if value.get("class") == "Directory":
            return self._directory(value, where)
        found = {own(name): self.of(item, f"{where}.{name}") for name, item in value.items()}
        return found | self._order(list(value))

    def _order(self, names: list[str]) -> dict[str, Any]:
        return {"$order": names} if self.order else {}

    def _order_of(self, item: Mapping[str, Any]) -> dict[str, Any]:
        added = (name for name in _ADDED[item["class"]] if name not in item)
        return self._order([*item, *added])

    def _hide(self, text: str) -> str:
        for secret in self.secrets:
            token = hmac.new(self.key, secret.encode(), hashlib.sha256).hexdigest()
            text = text.replace(secret, f"(secret:{token})")
        return text

    def _file(self, item: Mapping[str, Any], where: str) -> dict[str, Any]:
        location = item.get("location", "_:")
        found: dict[str, Any] = {"class": "File"}
        if location.startswith("_:"):
            contents = self._hide(item["contents"]).encode()
            found |= {"literal": True, "digest": digest(contents)}
            found["size"] = item.get("size", len(contents))
            if "basename" in item:
                found["basename"] = item["basename"]
        else:
            found |= self._located(item, location, where)
        if item.get("format") is not None:
            found["format"] = item["format"]
        found |= self._others(item, where)
        if item.get("secondaryFiles"):
            found["secondaryFiles"] = self.of(item["secondaryFiles"], f"{where}.secondaryFiles")
        return found | self._order_of(item)

    def _located(self, item: Mapping[str, Any], location: str, where: str) -> dict[str, Any]:
        path = path_of(location)
        basename = item.get("basename", path.name)
        found = {"basename": basename, "digest": digest_of_file(path)}
        found["size"] = item.get("size", path.stat().st_size)
        if _is_executable(path) and path.read_bytes().startswith(_PROGRAMS):
            found["executable"] = True
            self.scripts.append(path)
        name = where.removeprefix("inputs.").partition("[")[0]
        if "contents" in item and self.contents and name not in self.loaded:
            found["contents"] = digest(self._hide(item["contents"]))
        place, first = self._first.setdefault(location, (where, basename))
        if place != where and (self.together or first != basename):
            found["same"] = place
        return found | self._seen(item, location)

    def _seen(self, item: Mapping[str, Any], location: str) -> dict[str, Any]:
        names = [name for name in _STATED if name in item]
        given = {name: item[name] for name in names} | {"location": location}
        return given if self.locations else {}

    def _others(self, item: Mapping[str, Any], where: str) -> dict[str, Any]:
        found = {"dirname": item["dirname"]} if item.get("dirname") else {}
        is_located = item["class"] == "File" and not item.get("location", "_:").startswith("_:")
        known = _KNOWN.union(_STATED if is_located else ())
        if item["class"] == "File" and item.get("streamable") is False and not self.locations:
            known |= {"streamable"}
        others = {name: value for name, value in item.items() if name not in known}
        if others:
            made = {own(n): self.of(value, f"{where}.{n}") for n, value in others.items()}
            found["metadata"] = made
        return found

    def _directory(self, item: Mapping[str, Any], where: str) -> dict[str, Any]:
        location = item.get("location", "_:")
        found = {"class": "Directory", **self._others(item, where)}
        found |= {"basename": item["basename"]} if "basename" in item else {}
        listing = self.of(item.get("listing") or [], f"{where}.listing")
        if location.startswith("_:"):
            return found | {"listing": listing} | self._order_of(item)
        path = path_of(location.rstrip("/"))
        found.setdefault("basename", path.name)
        if "listing" in item and self.contents:
            found["listing"] = listing
        found |= _tree(path, ())
        below = (entry for entry in path.rglob("*") if entry.is_file())
        self.scripts += [entry for entry in below if _is_executable(entry)]
        if self.locations:
            found["location"] = location
        return found | self._order_of(item)


def _is_executable(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXUSR)


def _tree(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    real = path.resolve()
    if real in above:
        return {"tree": {"loop": above[::-1].index(real)}}
    tree = {entry.name: _node(entry, (*above, real)) for entry in path.iterdir()}
    mode = stat.S_IMODE(path.stat().st_mode) & 0o777
    return {"tree": tree} | ({} if mode == 0o777 & ~_umask() else {"mode": f"{mode:04o}"})


def _umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found


def _node(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if path.is_symlink():
        target = path.readlink()
        found["link"] = True if path.exists() and target.is_absolute() else str(target)
        if not path.exists():
            return found
    if path.is_dir():
        return found | _tree(path, above)
    found |= {"digest": digest_of_file(path), "size": path.stat().st_size}
    return found | ({"executable": True} if _is_executable(path) else {})
