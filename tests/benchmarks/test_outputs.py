"""What was delivered, as output objects and folders tell it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.outputs import WrongOutputError, compare, of_cwl, of_folder, of_wdl, sha1


def file(path: Path, content: str, **more: Any) -> dict[str, Any]:
    path.write_text(content)
    checksum = f"sha1${sha1(content.encode())}"
    return {"class": "File", "path": str(path), "size": len(content), "checksum": checksum, **more}


def test_files_are_taken_by_name_of_output_then_as_they_stand(tmp_path: Path) -> None:
    second = file(tmp_path / "2", "two", secondaryFiles=[file(tmp_path / "3", "three")])
    outputs = {"b": [second, file(tmp_path / "1", "one")], "a": file(tmp_path / "4", "four")}
    names = [name for name, _ in of_cwl(json.dumps(outputs), tmp_path)]
    assert names == ["4", "2", "3", "1"]


@pytest.mark.parametrize(
    "more", [{"checksum": "sha1$0"}, {"size": 4}, {"basename": "other"}, {"path": "/bin/sh"}]
)
def test_an_output_object_that_is_not_true_is_wrong(tmp_path: Path, more: dict[str, Any]) -> None:
    good = file(tmp_path / "out", "text")
    assert of_cwl(json.dumps({"out": good}), tmp_path) == (("out", sha1(b"text")),)
    bad = good | ({"size": 5} if "size" in more else more)
    with pytest.raises(WrongOutputError):
        of_cwl(json.dumps({"out": bad}), tmp_path)


def test_a_file_that_is_not_there_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(WrongOutputError, match="not delivered"):
        of_folder(tmp_path, ["out"])
    with pytest.raises(WrongOutputError, match=r"no outputs\.json"):
        of_wdl(tmp_path)
    with pytest.raises(WrongOutputError, match="no output object"):
        of_cwl("", tmp_path)


def test_files_of_wdl_are_those_of_its_outputs(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    paths = {"main.b": [str(tmp_path / "x")], "main.a": str(tmp_path / "x")}
    (tmp_path / "outputs.json").write_text(json.dumps(paths))
    assert of_wdl(tmp_path) == (("x", sha1(b"x")),) * 2


@pytest.mark.parametrize("got", [(("b", "1"), ("a", "2")), (("a", "2"),), (("a", "1"), ("b", "3"))])
def test_what_differs_is_wrong(got: tuple[tuple[str, str], ...]) -> None:
    expected = (("a", "1"), ("b", "2"))
    compare(expected, expected)
    with pytest.raises(WrongOutputError):
        compare(got, expected)
