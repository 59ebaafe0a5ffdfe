"""Comparison: in what the outputs of two executions of one job differ.

Both are output objects as entries record them (``docs/reference/store-format.md``), so that
what only says where a file stood for a while is not in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.core.canonical import JSON, canonical_bytes

__all__ = ["Difference", "FileSide", "Mismatch", "compare_outputs"]

_DERIVED: Final = frozenset(
    {"checksum", "memo", "secondaryFiles", "listing", "nameroot", "nameext"}
)
"""Fields of Files and Directories that others tell, or that are not compared by their value."""

_SHOWN: Final = 60
_ABSENT: Final = object()


@dataclass(frozen=True)
class Difference:
    """One output in which two executions differ, in words.

    :param output: which: ``out``, ``out.secondaryFiles[0]``, or ``dir/a.txt`` for a file of the
        Directory ``dir``; ``exit code`` for that.
    :param what: how it differs.
    :param varies: what alone differs, where that is known to do so from time to time, as the
        time stamp in a gzip header; else empty.
    """

    output: str
    what: str
    varies: str = ""

    def to_json(self) -> dict[str, JSON]:
        """Return the difference as JSON."""
        return {"output": self.output, "what": self.what, "varies": self.varies}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Difference:
        """Read a difference from a run's record."""
        return cls(*(str(data.get(name, "")) for name in ("output", "what", "varies")))

    def __str__(self) -> str:
        """Return it as one line for people."""
        only = f"; only in {self.varies}" if self.varies else ""
        return f"{self.output}: {self.what}{only}"


@dataclass(frozen=True)
class FileSide:
    """A file as one of the two executions made it.

    :param path: in the job's working directory.
    :param digest: of its bytes, as text.
    :param size: in bytes.
    """

    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class Mismatch:
    """One place in which two output objects differ.

    :param output: as in :class:`Difference`.
    :param what: how, in words; empty where it is the bytes of a file.
    :param recorded: the file whose bytes differ, as the entry has it.
    :param again: the same as it was made again.
    """

    output: str
    what: str = ""
    recorded: FileSide | None = None
    again: FileSide | None = None


def compare_outputs(recorded: JSON, again: JSON) -> tuple[Mismatch, ...]:
    """Return each place in which two recorded output objects differ; none if they are equal.

    Files are equal by name, bytes and mode, with their secondary files; Directories by all
    that is in them; everything else by value.
    """
    return tuple(_object(recorded, again, ""))


def _values(old: Any, new: Any, path: str) -> Iterator[Mismatch]:
    if _is_placed(old) and _is_placed(new) and old["class"] == new["class"]:
        yield from _placed(old, new, path)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _object(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _lists(old, new, path)
    elif type(old) is not type(new) or old != new:
        yield Mismatch(path, f"{_short(old)}, now {_short(new)}")


def _object(old: Any, new: Any, path: str) -> Iterator[Mismatch]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield from _values(old, new, path)
        return
    for name in dict.fromkeys([*old, *new]):
        below = f"{path}.{name}" if path else str(name)
        yield from _values(old.get(name, _ABSENT), new.get(name, _ABSENT), below)


def _lists(old: list[Any], new: list[Any], path: str) -> Iterator[Mismatch]:
    if len(old) != len(new):
        yield Mismatch(path, f"{len(old)} items, now {len(new)}")
        return
    found = [m for i, (a, b) in enumerate(zip(old, new, strict=True)) for m in _at(a, b, path, i)]
    if found and sorted(map(_essence, old)) == sorted(map(_essence, new)):
        yield Mismatch(path, "the same items in another order")
    else:
        yield from found


def _at(old: Any, new: Any, path: str, index: int) -> Iterator[Mismatch]:
    return _values(old, new, f"{path}[{index}]")


def _essence(value: Any) -> bytes:
    """Return what a value is compared by, as bytes that can be sorted."""
    return canonical_bytes(_stripped(value))


def _stripped(value: Any) -> Any:
    if _is_placed(value):
        memo = value.get("memo", {})
        kept = {name: _stripped(v) for name, v in value.items() if name not in ("checksum", "memo")}
        kept["memo"] = [memo.get(name) for name in ("digest", "executable", "mode", "input")]
        if "tree" in memo:
            kept["memo"] = [memo.get("mode"), *sorted(_nodes(memo).items())]
            kept.pop("listing", None)
        return kept
    if isinstance(value, dict):
        return {name: _stripped(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_stripped(item) for item in value]
    return value


# Files and Directories


def _is_placed(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("class") in ("File", "Directory")
        and isinstance(value.get("memo", {}), dict)
    )


def _placed(old: dict[str, Any], new: dict[str, Any], path: str) -> Iterator[Mismatch]:
    was, now = old.get("memo", {}), new.get("memo", {})
    in_store = "memo" in old
    if in_store != ("memo" in new) or was.get("input") != now.get("input"):
        yield Mismatch(path, f"{_place(old)}, now {_place(new)}")
        return
    for name in dict.fromkeys([*old, *new]):
        # Whether cwltool was asked for checksums says nothing of the job.
        if name in _DERIVED or (name == "size" and in_store):
            continue
        before, after = old.get(name, _ABSENT), new.get(name, _ABSENT)
        if before != after:
            yield Mismatch(path, f"{name} {_short(before)}, now {_short(after)}")
    if "tree" in was or "tree" in now:
        yield from _trees(was, now, path)
    else:
        if in_store and "digest" in was:
            yield from _files(was, now, path, str(was.get("workspace")), str(now.get("workspace")))
        yield from _member(old, new, path, "listing")
    yield from _member(old, new, path, "secondaryFiles")


def _member(old: dict[str, Any], new: dict[str, Any], path: str, name: str) -> Iterator[Mismatch]:
    yield from _values(old.get(name) or [], new.get(name) or [], f"{path}.{name}")


def _place(item: dict[str, Any]) -> str:
    memo = item.get("memo")
    if memo is None:
        return "a literal"
    return f"the input {_short(memo['input'])}" if "input" in memo else "a file of the job"


def _files(
    was: dict[str, Any], now: dict[str, Any], path: str, old_place: str, new_place: str
) -> Iterator[Mismatch]:
    if was.get("digest") != now.get("digest"):
        yield Mismatch(path, "", _side(was, old_place), _side(now, new_place))
    if _mode(was) != _mode(now):
        yield Mismatch(path, f"mode {_mode(was)}, now {_mode(now)}")


def _side(memo: dict[str, Any], place: str) -> FileSide:
    return FileSide(place, str(memo.get("digest")), int(memo.get("size") or 0))


def _mode(memo: dict[str, Any]) -> str:
    usual = "of a program" if memo.get("executable") else "of a usual file"
    return str(memo.get("mode") or usual)


def _nodes(memo: dict[str, Any]) -> dict[str, Any]:
    tree = memo.get("tree")
    nodes = tree.get("nodes", []) if isinstance(tree, dict) else []
    return {str(node["path"]): node for node in nodes}


def _trees(was: dict[str, Any], now: dict[str, Any], path: str) -> Iterator[Mismatch]:
    if was.get("mode") != now.get("mode"):
        yield _directory_mode(was, now, path)
    old, new = _nodes(was), _nodes(now)
    for name in sorted({*old, *new}):
        below = f"{path}/{name}"
        before, after = old.get(name), new.get(name)
        if before is None or after is None:
            yield Mismatch(below, "was not there" if before is None else "is missing")
        elif before.get("kind") != after.get("kind"):
            yield Mismatch(below, f"{before.get('kind')}, now {after.get('kind')}")
        elif before.get("target") != after.get("target"):
            yield Mismatch(below, f"leads to {before.get('target')}, now {after.get('target')}")
        elif "digest" in before or "digest" in after:
            old_place, new_place = _below(was, name), _below(now, name)
            yield from _files(before, after, below, old_place, new_place)
        elif before.get("mode") != after.get("mode"):
            yield _directory_mode(before, after, below)


def _directory_mode(was: dict[str, Any], now: dict[str, Any], path: str) -> Mismatch:
    before, after = (str(found.get("mode") or "of a usual directory") for found in (was, now))
    return Mismatch(path, f"mode {before}, now {after}")


def _below(memo: dict[str, Any], name: str) -> str:
    above = str(memo.get("workspace", "."))
    return name if above == "." else f"{above}/{name}"


def _short(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    if _is_placed(value):
        return f"the {value['class']} {_short(value.get('basename', ''))}"
    text = canonical_bytes(value).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
