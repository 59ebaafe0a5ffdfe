"""Output objects of entries that somebody else may have written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.cwl.output import restore_output
from cwl_memo.errors import FormatError


def restore(output: Any, view: Path) -> Any:
    return restore_output(output, str(view), {}, lambda *_, **__: None, checksums=True, sha1_of=str)


@pytest.mark.parametrize("kind", ["File", "Directory"])
@pytest.mark.parametrize(
    "fields",
    [
        {"location": "file:///etc/passwd"},
        {"path": "/etc/passwd"},
        {"dirname": "/etc"},
        {"basename": "../x"},
        {"basename": "/x"},
        {"basename": ".."},
        {"basename": ""},
        {"basename": "a\0"},
        {"basename": 5},
    ],
    ids=str,
)
def test_file_of_an_entry_has_no_place_of_its_own(
    tmp_path: Path, kind: str, fields: dict[str, Any]
) -> None:
    item = {"class": kind, "basename": "x", **fields}
    for output in (
        item,
        {"a": [item]},
        {"class": "File", "contents": "", "secondaryFiles": [item]},
    ):
        with pytest.raises(FormatError):
            restore(output, tmp_path)


def test_literal_of_an_entry_is_restored(tmp_path: Path) -> None:
    literal = {"class": "File", "basename": "x y", "contents": "text"}
    restored = restore({"out": literal}, tmp_path)["out"]
    # What cwltool delivers has a location, and so has that of an execution.
    assert restored.pop("location").startswith("_:")
    assert restored == literal


@pytest.mark.parametrize(
    "value",
    [
        {"$float": 10**400},
        {"$float": 1.5, "$text": "1.5e999999999"},
        {"$float": 1.5, "$text": "!!x 1.5"},
        {"$float": 1.5, "$text": "..."},
        {"$float": [], "$text": "1.50"},
        {"$text": "x"},
    ],
    ids=range(6),
)
def test_number_that_is_none_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(FormatError):
        restore({"out": value}, tmp_path)


def directory(path: str, target: str) -> dict[str, Any]:
    nodes = [{"path": path, "kind": "symlink", "target": target}]
    memo = {"workspace": "d", "tree": {"nodes": nodes}}
    return {"class": "Directory", "basename": "d", "memo": memo}


@pytest.mark.parametrize(
    ("path", "target"),
    [("x", "/tmp"), ("x", ".."), ("x", "../y"), ("a/x", "../.."), ("x", "y/.."), ("x", "./..")],
)
def test_link_of_an_entry_leads_nowhere_else(tmp_path: Path, path: str, target: str) -> None:
    with pytest.raises(FormatError):
        restore(directory(path, target), tmp_path)
    assert not list(tmp_path.rglob("x"))


@pytest.mark.parametrize(
    ("path", "target"), [("x", "y"), ("a/x", "../y"), ("x", "a/b"), ("x", ".")]
)
def test_link_within_a_directory_is_restored(tmp_path: Path, path: str, target: str) -> None:
    restore(directory(path, target), tmp_path)
    assert str((tmp_path / "d" / path).readlink()) == target


@pytest.mark.parametrize("more", [{}, {"empty": False}, {"empty": 1}], ids=str)
def test_directory_of_which_nothing_was_recorded_is_not_taken_for_an_empty_one(
    tmp_path: Path, more: dict[str, Any]
) -> None:
    memo = {"workspace": "latest", "tree": {"nodes": []}}
    item: dict[str, Any] = {"class": "Directory", "basename": "latest"}
    with pytest.raises(FormatError):
        restore({"out": {**item, "memo": {**memo, **more}}}, tmp_path)
    restore({"out": {**item, "memo": {**memo, "empty": True}}}, tmp_path)
    assert not list((tmp_path / "latest").iterdir())
