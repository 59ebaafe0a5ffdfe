"""In what two recorded output objects differ."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.comparison import Difference, FileSide, Mismatch, compare_outputs


def file(content: str = "a", name: str = "out.txt", **more: Any) -> dict[str, Any]:
    memo = {"workspace": f"w/{name}", "digest": f"blake3:{content}", "size": len(content)}
    memo["fields"] = ["class", "location", "basename"]
    for field in ("executable", "mode", "input", "workspace"):
        if field in more:
            memo[field] = more.pop(field)
    return {"class": "File", "basename": name, "memo": memo, **more}


def directory(*nodes: dict[str, Any], workspace: str = "d", **more: Any) -> dict[str, Any]:
    memo = {"workspace": workspace, "tree": {"nodes": list(nodes)}}
    return {"class": "Directory", "basename": "d", "memo": memo, **more}


def node(path: str, content: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "path": path, "kind": "file", "digest": f"blake3:{content}", "size": len(content), **more,
    }  # fmt: skip


def told(old: Any, new: Any) -> list[tuple[str, str]]:
    return [(m.output, m.what) for m in compare_outputs({"out": old}, {"out": new})]


@pytest.mark.parametrize(
    "value",
    [None, 3, "text", [1, [2]], {"a": {"b": 1}}, file(), [file(), file("b")],
     file(secondaryFiles=[file("i", "out.txt.idx")]), directory(node("a"), node("b/c")),
     {"class": "File", "contents": "literal"}, {"class": "Mine", "a": 1}],
)  # fmt: skip
def test_what_is_equal_does_not_differ(value: Any) -> None:
    assert told(value, value) == []


def test_bytes_that_differ_are_told_with_both_files() -> None:
    found = compare_outputs({"out": file("a")}, {"out": file("bc", workspace="x/out.txt")})
    old, new = FileSide("w/out.txt", "blake3:a", 1), FileSide("x/out.txt", "blake3:bc", 2)
    assert found == (Mismatch("out", "", old, new),)


def test_where_a_file_stood_and_whether_checksums_were_asked_for_do_not_count() -> None:
    asked = file(checksum="sha1$1", size=1)
    assert told(asked, file(workspace="tmp.a/out.txt")) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        (file(name="other.txt"), 'basename "out.txt", now "other.txt"'),
        (file(format="f"), 'format nothing, now "f"'),
        (file(executable=True), "mode of a usual file, now of a program"),
        (file(mode="0600"), "mode of a usual file, now 0600"),
        ({"class": "File", "contents": "a"}, "a file of the job, now a literal"),
        (file(input=["f"]), 'a file of the job, now the input ["f"]'),
        (None, 'the File "out.txt", now null'),
        ("x" * 99, 'the File "out.txt", now "' + "x" * 58 + "…"),
    ],
)
def test_a_file_differs_in_name_fields_mode_and_place(new: Any, what: str) -> None:
    assert ("out", what) in told(file(), new)


def test_secondary_files_are_compared_one_by_one() -> None:
    old = file(secondaryFiles=[file("i", "i"), file("j", "j")])
    new = file(secondaryFiles=[file("i", "i"), file("k", "j")])
    assert [m.output for m in compare_outputs({"out": old}, {"out": new})] == [
        "out.secondaryFiles[1]"
    ]
    assert told(old, file()) == [("out.secondaryFiles", "2 items, now 0")]


def test_values_differ_by_value_and_by_kind() -> None:
    assert told(1, 2) == [("out", "1, now 2")]
    assert told(1, True) == [("out", "1, now true")]
    assert told([1, 2], [1]) == [("out", "2 items, now 1")]
    assert told([1, 2], [1, 3]) == [("out[1]", "2, now 3")]
    assert told({"a": 1}, {"b": 1}) == [("out.a", "1, now nothing"), ("out.b", "nothing, now 1")]
    assert told({"a": 1}, [1]) == [("out", '{"a":1}, now [1]')]
    assert compare_outputs({"a": 1}, {}) == (Mismatch("a", "1, now nothing"),)
    assert compare_outputs(None, {}) == (Mismatch("", "null, now {}"),)


def test_the_same_items_in_another_order_are_said_to_be_so() -> None:
    old = [file("a", "a"), file("b", "b"), directory(node("x"))]
    assert told(old, old[::-1]) == [("out", "the same items in another order")]
    assert told([{"a": 1}, 2], [2, {"a": 1}]) == [("out", "the same items in another order")]
    assert told([[1], [2]], [[2], [1]]) == [("out", "the same items in another order")]


def test_directories_differ_in_what_is_in_them() -> None:
    old = directory(
        node("a"), node("b"), node("l", kind="symlink", target="a"), node("k"), node("m"),
        {"path": "n", "kind": "directory"},
    )  # fmt: skip
    new = directory(
        node("a", "z"), node("c"), node("l", kind="symlink", target="c"),
        {"path": "k", "kind": "directory"}, node("m", executable=True),
        {"path": "n", "kind": "directory"}, workspace=".",
    )  # fmt: skip
    found = {m.output: m for m in compare_outputs({"out": old}, {"out": new})}
    assert {name: m.what for name, m in found.items()} == {
        "out/a": "",
        "out/b": "is missing",
        "out/c": "was not there",
        "out/l": "leads to a, now c",
        "out/k": "file, now directory",
        "out/m": "mode of a usual file, now of a program",
    }
    assert found["out/a"].recorded == FileSide("d/a", "blake3:a", 1)
    assert found["out/a"].again == FileSide("a", "blake3:z", 1)


def test_directories_differ_in_their_modes() -> None:
    inside = {"path": "n", "kind": "directory"}
    old, new = directory(inside), directory({**inside, "mode": "0700"})
    assert told(old, new) == [("out/n", "mode of a usual directory, now 0700")]
    private = directory(inside)
    private["memo"]["mode"] = "0700"
    assert told(private, old) == [("out", "mode 0700, now of a usual directory")]
    assert told([private, 1], [1, old]) != told([old, 1], [1, old])


def test_a_directory_whose_listing_has_another_order_is_the_same() -> None:
    listing = [file("a", "a"), file("b", "b")]
    old, new = directory(node("a"), listing=listing), directory(node("a"), listing=listing[::-1])
    assert told(old, new) == []


def test_directories_of_literals_differ_in_their_listing() -> None:
    old = {"class": "Directory", "basename": "d", "listing": [file("a")]}
    new = {"class": "Directory", "basename": "d", "listing": [file("b")]}
    assert [m.output for m in compare_outputs({"out": old}, {"out": new})] == ["out.listing[0]"]


def test_a_malformed_tree_is_no_error() -> None:
    broken = {"class": "Directory", "memo": {"tree": None}}
    assert told(broken, broken) == []


def test_a_difference_is_a_line_and_json() -> None:
    difference = Difference("out", "3 bytes", "its gzip header")
    assert str(difference) == "out: 3 bytes; only in its gzip header"
    assert str(Difference("out", "3 bytes")) == "out: 3 bytes"
    assert Difference.from_json(difference.to_json()) == difference
