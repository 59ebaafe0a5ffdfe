"""Entries and trees are read as if an enemy had written them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cwl_memo.core.digest import Digest, ReuseKey
from cwl_memo.core.entry import (
    BlobRef,
    Entry,
    NodeKind,
    Origin,
    OutputVariant,
    Tree,
    TreeNode,
    check_workspace_path,
)
from cwl_memo.core.mode import Mode
from cwl_memo.core.note import Tombstone
from cwl_memo.errors import FormatError

A, B = Digest("a" * 64), Digest("b" * 64)
KEY = ReuseKey("c" * 64)


def node(path: str, kind: str = "file", **more: Any) -> dict[str, Any]:
    content = {"digest": str(A), "size": 1} if kind in ("file", "input") else {}
    return {"path": path, "kind": kind, **content, **more}


def link(path: str, target: str) -> dict[str, Any]:
    return node(path, "symlink", target=target)


def tree(*nodes: Any) -> Tree:
    return Tree.from_json({"nodes": list(nodes)})


def made() -> Entry:
    return Entry(
        key=KEY,
        fingerprint={"tool": {}},
        variants=(OutputVariant(A, {"out": 1}, (BlobRef(A, 1),)),),
        exit_code=3,
        tree=A,
        stdout=None,
        stderr=B,
        blobs=(BlobRef(A, 1), BlobRef(B, 2)),
        origin=Origin("run", "job", "tool", "2026", 1.5),
    )


def refused(path: str, read: Any, *arguments: Any) -> None:
    with pytest.raises(FormatError) as caught:
        read(*arguments)
    assert caught.value.path == path


# paths


@pytest.mark.parametrize(
    "path", ["a", "a/b", "a b", "-rf", "...", "a..b/c", "caf\u00e9", "~", "a\\b"]
)
def test_a_path_in_the_workspace_is_taken(path: str) -> None:
    assert check_workspace_path(path, "path") == path


@pytest.mark.parametrize(
    "path",
    ["", ".", "..", "/", "/etc/passwd", "//a", "../a", "a/../b", "a/..", "a//b", "./a", "a/", "a/.",
     "a\0b", None, 1, ["a"]],
)  # fmt: skip
def test_a_path_out_of_the_workspace_or_in_two_spellings_is_refused(path: object) -> None:
    refused("nodes[1].path", check_workspace_path, path, "nodes[1].path")


@pytest.mark.parametrize(
    ("where", "target"),
    [("l", "a"), ("l", "a/b"), ("d/l", "../a"), ("d/e/l", "../../a"), ("d/l", "."), ("l", "..a")],
)
def test_a_link_inside_the_workspace_is_taken(where: str, target: str) -> None:
    assert tree(link(where, target)).nodes[0].target == target


@pytest.mark.parametrize(
    ("where", "target"),
    [
        ("l", ".."),
        ("l", "../a"),
        ("l", "/etc/passwd"),
        ("l", "./../a"),
        ("d/l", "../../a"),
        ("d/l", ".././../a"),
        ("l", "a\0"),
        ("l", ""),
    ],
)
def test_a_link_out_of_the_workspace_is_refused(where: str, target: str) -> None:
    refused("nodes[0].target", tree, link(where, target))


@pytest.mark.parametrize("target", ["d/..", "d/d/../..", "d/../x", "a/b/../c"])
def test_a_link_that_climbs_after_a_name_is_refused(target: str) -> None:
    # With d a link to ".", d/d/.. is outside though it has more names than climbs.
    refused("nodes[1].target", tree, link("d", "."), link("e", target))


# trees


def test_nothing_stands_below_a_file_or_a_link() -> None:
    for above in (node("d"), link("d", "e"), node("d", "input")):
        for below in ("d/x", "d/x/y"):
            refused("nodes[1].path", tree, above, node(below))
            refused("nodes[0].path", tree, node(below), above)
    assert len(tree(node("d", "directory"), node("d/x"), node("dx")).nodes) == 3


def test_a_directory_need_not_be_named() -> None:
    assert tree(node("d/x")).find("d/x") is not None
    assert tree(node("d/x")).find("d") is None


def test_a_path_stands_once() -> None:
    refused("nodes[2].path", tree, node("a"), node("b"), node("a", "directory"))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kind": "device"}, "nodes[0].kind"),
        ({"kind": None}, "nodes[0].kind"),
        ({"path": 1}, "nodes[0].path"),
        ({"digest": None}, "nodes[0].digest"),
        ({"digest": "sha1:" + "a" * 40}, "nodes[0].digest"),
        ({"digest": "blake3:" + "A" * 64}, "nodes[0].digest"),
        ({"digest": "blake3:../../x"}, "nodes[0].digest"),
        ({"size": -1}, "nodes[0].size"),
        ({"size": 1.0}, "nodes[0].size"),
        ({"size": True}, "nodes[0].size"),
        ({"size": "1"}, "nodes[0].size"),
        ({"executable": 1}, "nodes[0].executable"),
        ({"mode": 0o600}, "nodes[0].mode"),
        ({"mode": "04755"}, "nodes[0].mode"),
        ({"mode": "rw-"}, "nodes[0].mode"),
    ],
)
def test_an_error_in_a_node_names_the_field(change: dict[str, Any], path: str) -> None:
    refused(path, tree, {**node("a"), **change})


@pytest.mark.parametrize("data", [None, [], "nodes", {}, {"nodes": {}}, {"nodes": None}])
def test_what_is_no_tree_is_refused(data: Any) -> None:
    with pytest.raises(FormatError):
        Tree.from_json(data)


@pytest.mark.parametrize("item", [None, 1, "a", [], {}])
def test_what_is_no_node_is_refused(item: Any) -> None:
    with pytest.raises(FormatError):
        tree(item)


def test_a_tree_says_whether_it_is_partial() -> None:
    assert Tree.from_json({"nodes": [], "partial": True}).partial
    assert not Tree.from_json({"nodes": []}).partial
    refused("partial", Tree.from_json, {"nodes": [], "partial": 1})
    refused("tree.partial", Tree.from_json, {"nodes": [], "partial": None}, "tree")


def test_a_huge_size_is_only_a_number() -> None:
    assert tree(node("a", size=1 << 62)).nodes[0].size == 1 << 62


def test_only_a_mode_that_the_umask_did_not_give_is_written_down() -> None:
    assert Mode.of(0o100644, umask=0o022).to_json() == {}
    assert Mode.of(0o100664, umask=0o002).to_json() == {}
    assert Mode.of(0o100755, umask=0o022).to_json() == {"executable": True}
    assert Mode.of(0o100600, umask=0o022).to_json() == {"mode": "0600"}
    assert Mode.of(0o104755, umask=0o002).to_json() == {"executable": True, "mode": "0755"}


def test_a_directory_has_a_mode_where_it_is_not_the_usual_one() -> None:
    assert Mode.of_directory(0o040755, umask=0o022).to_json() == {}
    assert Mode.of_directory(0o042775, umask=0o002).to_json() == {}
    assert Mode.of_directory(0o040700, umask=0o022).to_json() == {"mode": "0700"}
    assert Mode.of_directory(0o040755, umask=0o002).to_json() == {"mode": "0755"}
    node = TreeNode("d", NodeKind.DIRECTORY, mode=Mode(exact=0o700))
    assert node.to_json() == {"path": "d", "kind": "directory", "mode": "0700"}
    assert TreeNode.from_json(node.to_json(), "") == node


def test_fields_that_do_not_apply_are_left_out() -> None:
    assert TreeNode("d", NodeKind.DIRECTORY).to_json() == {"path": "d", "kind": "directory"}
    assert tree(node("d", "directory", target="/etc", size=-1)).nodes[0] == TreeNode(
        "d", NodeKind.DIRECTORY
    )


# entries


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"format": 2}, "format"),
        ({"format": True}, "format"),
        ({"format": "1"}, "format"),
        ({"key": 1}, "key"),
        ({"fingerprint": []}, "fingerprint"),
        ({"variants": {}}, "variants"),
        ({"variants": [None]}, "variants[0]"),
        ({"variants": [{"section": "x"}]}, "variants[0].section"),
        ({"variants": [{"section": str(A), "output": []}]}, "variants[0].output"),
        ({"variants": [{"section": str(A), "output": {}}]}, "variants[0].blobs"),
        (
            {"variants": [{"section": str(A), "output": {}, "blobs": [{"digest": 1}]}]},
            "variants[0].blobs[0].digest",
        ),
        ({"exit_code": False}, "exit_code"),
        ({"exit_code": None}, "exit_code"),
        ({"tree": 1}, "tree"),
        ({"stdout": "x"}, "stdout"),
        ({"stderr": []}, "stderr"),
        ({"stdout_name": None}, "stdout_name"),
        ({"stderr_name": 1}, "stderr_name"),
        ({"blobs": None}, "blobs"),
        ({"blobs": [{"digest": str(A)}]}, "blobs[0].size"),
        ({"blobs": [{"digest": str(A), "size": -5}]}, "blobs[0].size"),
        ({"origin": None}, "origin"),
        ({"origin": {}}, "origin.run"),
    ],
)
def test_an_error_in_an_entry_names_the_field(change: dict[str, Any], path: str) -> None:
    refused(path, Entry.from_json, {**made().to_json(), **change})


@pytest.mark.parametrize("key", ["", "x", "C" * 64, "../" + "c" * 61])
def test_a_key_that_could_be_another_file_is_refused(key: str) -> None:
    with pytest.raises(FormatError):
        Entry.from_json({**made().to_json(), "key": key})


@pytest.mark.parametrize("name", ["run", "job", "tool", "started", "host", "runner", "seconds"])
def test_every_field_of_an_origin_is_needed(name: str) -> None:
    data = made().to_json()
    del data["origin"][name]
    with pytest.raises(FormatError) as caught:
        Entry.from_json(data)
    assert caught.value.path == f"origin.{name}"


@pytest.mark.parametrize(
    "seconds", ["1", True, 10**400, 1e300, float("inf"), float("-inf"), float("nan")]
)
def test_seconds_that_are_no_number_of_this_world_are_refused(seconds: object) -> None:
    data = made().to_json()
    data["origin"]["seconds"] = seconds
    with pytest.raises(FormatError):
        Entry.from_json(data)


@pytest.mark.parametrize("data", [None, [], "entry", {}, 1])
def test_what_is_no_entry_is_refused(data: Any) -> None:
    with pytest.raises(FormatError):
        Entry.from_json(data)


def test_every_field_of_an_entry_is_needed_but_digests_that_may_be_absent() -> None:
    for name in made().to_json():
        data = made().to_json()
        del data[name]
        if name in ("tree", "stdout", "stderr"):
            assert getattr(Entry.from_json(data), name) is None
        else:
            with pytest.raises(FormatError):
                Entry.from_json(data)


def test_the_size_of_an_entry_is_that_of_its_blobs() -> None:
    assert made().size == 3


def test_a_variant_is_found_by_its_outputs_section() -> None:
    entry = made()
    assert entry.variant(A) == entry.variants[0]
    assert entry.variant(B) is None


def test_another_variant_is_added_with_its_blobs_each_once() -> None:
    new = OutputVariant(B, {}, (BlobRef(A, 1), BlobRef(A, 9), BlobRef(A, 9)))
    grown = made().with_variant(new)
    assert grown.variants == (*made().variants, new)
    assert grown.blobs == (*made().blobs, BlobRef(A, 9))


def test_a_variant_of_the_same_section_is_replaced() -> None:
    new = OutputVariant(A, {"out": 2}, ())
    assert made().with_variant(new).variants == (new,)


def test_the_tombstones_and_the_deadline_of_an_entry_are_left_out_where_there_are_none() -> None:
    assert not made().to_json().keys() & {"after", "keep_until"}
    known = replace(made(), after=(A,), keep_until=0)
    assert known.to_json()["after"] == [str(A)]
    assert Entry.from_json(known.to_json()) == known


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"after": "blake3:"}, "after"),
        ({"after": [str(A)] * 65}, "after"),
        ({"after": [str(A), 7]}, "after[1]"),
        ({"keep_until": -1}, "keep_until"),
        ({"keep_until": True}, "keep_until"),
        ({"keep_until": None}, "keep_until"),
        ({"keep_until": 1.5}, "keep_until"),
    ],
)
def test_a_wrong_tombstone_or_deadline_is_refused(change: dict[str, Any], path: str) -> None:
    refused(path, Entry.from_json, {**made().to_json(), **change})


def test_an_entry_is_dead_by_the_tombstone_that_it_does_not_know() -> None:
    tombstone = Tombstone("wrong", "2026-01-01", "ada", A)
    assert not made().is_dead(None)
    assert made().is_dead(tombstone)
    assert replace(made(), after=(B,)).is_dead(tombstone)
    assert not replace(made(), after=(B, A)).is_dead(tombstone)


@pytest.mark.parametrize("size", [-1, True, 1 << 63, 10**400])
def test_size_that_no_file_has_is_refused(size: object) -> None:
    refused("blob.size", BlobRef.from_json, {"digest": str(A), "size": size}, "blob")
    refused("node.size", TreeNode.from_json, node("a", size=size), "node")
