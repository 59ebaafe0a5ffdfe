"""A recorded output object, read without cwltool and as if an enemy had written it."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import NodeKind, TreeNode
from cwl_memo.core.mode import Mode
from cwl_memo.core.recorded_output import PlainOutput, read_output
from cwl_memo.errors import FormatError

A, B = Digest("a" * 64), Digest("b" * 64)
SHA1 = "c" * 40


def memo(path: str, digest: Digest = A, **more: Any) -> dict[str, Any]:
    return {"workspace": path, "digest": str(digest), "size": 7, "sha1": SHA1, **more}


def file(path: str, digest: Digest = A, **more: Any) -> dict[str, Any]:
    name = path.rpartition("/")[2]
    fields = {"class": "File", "basename": name, "nameroot": "x", "nameext": ".y"}
    return {**fields, "memo": memo(path, digest), **more}


def folder(path: str, *nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    held = {"workspace": path, "tree": {"nodes": list(nodes)}}
    return {"class": "Directory", "basename": path, "memo": held, **more}


def node(path: str, kind: str = "file", **more: Any) -> dict[str, Any]:
    content = {"digest": str(A), "size": 7, "sha1": SHA1} if kind == "file" else {}
    return {"path": path, "kind": kind, **content, **more}


def read(output: Any, inputs: Any = None) -> PlainOutput:
    return read_output(output, {"inputs": inputs or {}})


def test_a_file_has_its_place_and_its_digests_and_nothing_of_ours() -> None:
    output = read({"out": file("sub/out.txt", memo=memo("sub/out.txt", executable=True))})
    assert output.value == {
        "out": {
            "class": "File",
            "basename": "out.txt",
            "path": "sub/out.txt",
            "size": 7,
            "digest": str(A),
            "checksum": f"sha1${SHA1}",
        }
    }
    assert output.tree.nodes == (
        TreeNode("sub/out.txt", NodeKind.FILE, A, 7, Mode(executable=True)),
    )


def test_files_are_found_in_arrays_records_and_secondary_files() -> None:
    output = read(
        {
            "list": [file("a"), {"record": file("b", B)}],
            "main": file("m", secondaryFiles=[file("m.idx"), file("a")]),
            "count": 3,
            "nothing": None,
        }
    )
    assert [n.path for n in output.tree.nodes] == ["a", "b", "m", "m.idx"]
    assert output.value["count"] == 3
    assert output.value["nothing"] is None


def test_a_file_without_sha1_has_no_checksum() -> None:
    output = read({"out": file("a", memo=memo("a", sha1=""))})
    assert "checksum" not in output.value["out"]


def test_a_literal_stays_what_it_is() -> None:
    literal = {"class": "File", "basename": "a", "contents": "text"}
    output = read({"out": literal})
    assert output.value == {"out": literal}
    assert output.tree.nodes == ()


def test_a_directory_has_all_that_is_in_it() -> None:
    inside = [node("d", "directory"), node("d/a"), node("l", "symlink", target="d/a")]
    output = read({"out": folder("idx", *inside, listing=[file("idx/d/a")])})
    assert [(n.path, n.kind.value) for n in output.tree.nodes] == [
        ("idx", "directory"),
        ("idx/d", "directory"),
        ("idx/d/a", "file"),
        ("idx/l", "symlink"),
    ]
    assert output.value["out"]["path"] == "idx"
    assert output.value["out"]["listing"][0]["path"] == "idx/d/a"


def test_the_whole_workspace_may_be_an_output() -> None:
    output = read({"out": folder(".", node("a"))})
    assert [n.path for n in output.tree.nodes] == ["a"]
    assert output.value["out"]["path"] == "."


@pytest.mark.parametrize("order", [1, -1])
def test_the_file_behind_a_link_of_a_directory_may_be_an_output_too(order: int) -> None:
    directory = folder("d", node("a"), node("l", "symlink", target="a"))
    outputs = [("one", directory), ("two", file("d/l"))][::order]
    kinds = {n.path: n.kind for n in read(dict(outputs)).tree.nodes}
    assert kinds["d/l"] is NodeKind.FILE


def test_an_output_that_is_an_input_is_known_by_its_fingerprint() -> None:
    inputs = {"reads": [{"class": "File", "basename": "r.fq", "digest": str(B), "size": 9}]}
    passed = {"class": "File", "basename": "named.fq", "memo": {"input": ["reads", 0]}}
    output = read({"a": passed, "b": file("inputs/1/named.fq")}, inputs)
    assert output.value["a"] == {
        "class": "File",
        "basename": "named.fq",
        "input": ["reads", 0],
        "size": 9,
        "digest": str(B),
        "path": "inputs_/1/named.fq",
    }
    assert output.tree.find("inputs_/1/named.fq") == TreeNode(
        "inputs_/1/named.fq", NodeKind.INPUT, B, 9
    )


@pytest.mark.parametrize(
    ("pointer", "inputs"),
    [
        (["gone"], {}),
        (["list", 4], {"list": []}),
        (["text", "x"], {"text": "a"}),
        (["text"], {"text": "a"}),
        (["odd"], {"odd": {"class": "File"}}),
    ],
)
def test_an_input_that_the_fingerprint_does_not_know_has_no_place(
    pointer: list[Any], inputs: dict[str, Any]
) -> None:
    output = read({"out": {"class": "File", "memo": {"input": pointer}}}, inputs)
    assert output.value == {"out": {"class": "File", "input": pointer}}
    assert output.tree.nodes == ()


def test_an_input_without_name_or_size_has_a_place_all_the_same() -> None:
    passed = {"class": "File", "memo": {"input": ["f"]}}
    output = read({"out": passed}, {"f": {"digest": str(B), "size": -1}})
    assert output.value["out"]["path"] == "inputs/1/file"
    assert read_output({"out": passed}, None).value["out"] == {"class": "File", "input": ["f"]}


def test_numbers_and_names_are_what_they_were() -> None:
    output = read(
        {
            "ratio": {"$float": 1.5, "$text": "1.50"},
            "odd": {"$text": "2026-01-01", "$type": "date"},
            "$$ns": {"$memo": 1},
        }
    )
    assert output.value == {"ratio": 1.5, "odd": "2026-01-01", "$ns": {"memo": 1}}


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ({"out": file("../x")}, "output.out.memo.workspace"),
        ({"out": file(".")}, "output.out.memo.workspace"),
        ({"out": file("/etc/x")}, "output.out.memo.workspace"),
        ({"out": [file("a", memo={"workspace": "a"})]}, "output.out[0].memo.digest"),
        ({"out": folder("d", node("../x"))}, "nodes[0].path"),
        ({"out": {"class": "Directory", "memo": {"workspace": "d"}}}, "output.out.memo.tree"),
        ({"a": file("x"), "b": file("x", B)}, "output.b.memo"),
        ({"a": file("x"), "b": file("x/y")}, "nodes[1].path"),
        ({"out": {"class": "File", "memo": {"input": "f"}}}, "output.out.memo.input"),
        ({"out": {"$float": "much"}}, "output.out"),
        ({"out": {"$float": []}}, "output.out"),
    ],
)
def test_what_is_malformed_is_named(output: Any, path: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(output)
    assert caught.value.path == path


@pytest.mark.parametrize("name", ["..", "a\0b"])
def test_an_input_cannot_name_a_place_outside(name: str) -> None:
    passed = {"class": "File", "basename": name, "memo": {"input": ["f"]}}
    with pytest.raises(FormatError):
        read({"out": passed}, {"f": {"digest": str(B), "size": 1}})
