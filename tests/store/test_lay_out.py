"""A recorded tree in a directory of the user's: whole or not at all, and over nothing."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.entry import Entry, NodeKind, Tree, TreeNode
from cwl_memo.core.mode import Mode
from cwl_memo.errors import NotKeptError, StoreDamagedError, StoreError, UsageError
from cwl_memo.store.lay_out import LaidOut, materialise_tree, materialise_workspace
from cwl_memo.store.local import LocalStore
from cwl_memo.store.protocol import Store
from tests.store.example import digest, failing, key, path_of, record

MARK = ".cwl-memo-incomplete"


def file(path: str, content: bytes, mode: Mode = Mode()) -> TreeNode:  # noqa: B008  (frozen)
    return TreeNode(path, NodeKind.FILE, digest(content), len(content), mode)


def directory(path: str) -> TreeNode:
    return TreeNode(path, NodeKind.DIRECTORY)


def link(path: str, target: str) -> TreeNode:
    return TreeNode(path, NodeKind.SYMLINK, target=target)


def input_link(path: str, content: bytes) -> TreeNode:
    return TreeNode(path, NodeKind.INPUT, digest(content), len(content))


def with_workspace(store: Store, tree: Tree, *contents: bytes) -> Entry:
    """Publish an entry with a workspace."""
    data = json.dumps(tree.to_json()).encode()
    return record(store, 1, data, *contents)


def names(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*"))


def test_a_workspace_stands_there_as_it_was(store: Store, tmp_path: Path) -> None:
    tree = Tree(
        (
            directory("empty"),
            file("out.txt", b"one"),
            file("run.sh", b"two", Mode(executable=True)),
            link("sub/again", "../out.txt"),
            file("sub/below/deep.txt", b"one"),
        )
    )
    entry = with_workspace(store, tree, b"one", b"two")
    place = tmp_path / "new" / "place"
    assert materialise_workspace(store, entry, place) == LaidOut(3, 9)
    assert names(place) == sorted(
        ["empty", "out.txt", "run.sh", "sub", "sub/again", "sub/below", "sub/below/deep.txt"]
    )
    assert (place / "sub/again").readlink() == Path("../out.txt")
    assert (place / "sub/again").read_bytes() == b"one"
    assert os.access(place / "run.sh", os.X_OK)
    assert not os.access(place / "out.txt", os.X_OK)


def test_the_files_are_the_users_own(local: LocalStore, tmp_path: Path) -> None:
    local.ingest_bytes(b"one")
    materialise_tree(local, Tree((file("out.txt", b"one"),)), tmp_path / "w")
    (tmp_path / "w/out.txt").write_bytes(b"edited")
    assert path_of(local, b"one").read_bytes() == b"one"
    assert path_of(local, b"one").stat().st_nlink == 1


def test_an_empty_directory_is_filled(store: Store, tmp_path: Path) -> None:
    store.ingest_bytes(b"one")
    (tmp_path / "w").mkdir()
    (tmp_path / "l").symlink_to("w")
    materialise_tree(store, Tree((file("out.txt", b"one"),)), tmp_path / "l")
    assert names(tmp_path / "w") == ["out.txt"]


def test_a_link_to_an_input_becomes_a_file_where_its_bytes_are_known(
    store: Store, tmp_path: Path
) -> None:
    store.ingest_bytes(b"known")
    tree = Tree((input_link("a", b"known"), input_link("b", b"unknown")), partial=True)
    laid_out = materialise_tree(store, tree, tmp_path / "w")
    assert laid_out == LaidOut(1, 5, lost_inputs=("b",), partial=True)
    assert names(tmp_path / "w") == ["a"]
    assert not (tmp_path / "w/a").is_symlink()


@pytest.mark.parametrize("what", ["a file", "a full directory", "a link to nowhere"])
def test_nothing_is_written_where_something_stands(what: str, store: Store, tmp_path: Path) -> None:
    store.ingest_bytes(b"one")
    place = tmp_path / "w"
    if what == "a file":
        place.write_text("mine")
    elif what == "a full directory":
        place.mkdir()
        (place / ".hidden").write_text("mine")
    else:
        place.symlink_to("nowhere")
    before = names(tmp_path)
    with pytest.raises(UsageError, match="name a new or an empty"):
        materialise_tree(store, Tree((file("out.txt", b"one"),)), place)
    assert names(tmp_path) == before


def test_what_appears_there_meanwhile_is_left_alone(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ingest_bytes(b"one")
    place = tmp_path / "w"
    check = store.check_blob

    def appear(*words: object) -> bool:
        place.mkdir()
        (place / "out.txt").write_text("mine")
        return check(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "check_blob", appear)
    with pytest.raises(StoreError):
        materialise_tree(store, Tree((directory("d"), file("out.txt", b"one"))), place)
    assert names(place) == ["out.txt"]
    assert (place / "out.txt").read_text() == "mine"


def test_nothing_is_begun_when_a_file_is_gone(store: Store, tmp_path: Path) -> None:
    store.ingest_bytes(b"one")
    lost = [file(f"lost{i}", b"lost%d" % i) for i in range(4)]
    with pytest.raises(NotKeptError, match=r"4 of its files .*: lost0, lost1, lost2, …"):
        materialise_tree(store, Tree((file("a", b"one"), *lost)), tmp_path / "w")
    with pytest.raises(NotKeptError, match=r"1 of its files .*: lost0$"):
        materialise_tree(store, Tree((lost[0],)), tmp_path / "w")
    assert not (tmp_path / "w").exists()


@pytest.mark.parametrize("existed", [False, True])
def test_what_was_begun_is_taken_back(
    *, existed: bool, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ingest_bytes(b"one")
    nodes = (directory("d"), file("d/a", b"one"), link("d/b", "a"), link("d/c", "a"))
    calls = iter([None])
    make = Path.symlink_to

    def once(path: Path, target: str) -> None:
        if next(calls, "spent") == "spent":
            failing(errno.ENOSPC)()
        make(path, target)

    monkeypatch.setattr(Path, "symlink_to", once)
    place = tmp_path / "above" / "w"
    if existed:
        place.mkdir(parents=True)
    with pytest.raises(StoreError, match="write to"):
        materialise_tree(store, Tree(nodes), place)
    assert names(tmp_path / "above") == (["w"] if existed else [])
    assert (tmp_path / "above").exists() is existed


def test_a_directory_is_marked_while_it_is_incomplete(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.ingest_bytes(b"one")
    place = tmp_path / "w"
    seen: list[list[str]] = []
    materialise = store.materialise

    def look(*words: object, **more: object) -> None:
        seen.append(names(place))
        materialise(*words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "materialise", look)
    # The tool may itself have made a file of that name.
    materialise_tree(store, Tree((file(MARK, b"one"),)), place)
    assert seen == [[f"{MARK}_"]]
    assert names(place) == [MARK]


def test_a_name_that_no_file_can_have_is_damage(store: Store, tmp_path: Path) -> None:
    store.ingest_bytes(b"one")
    with pytest.raises(StoreDamagedError, match="no name of a file"):
        materialise_tree(store, Tree((file("\ud800", b"one"),)), tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_nothing_is_written_through_a_link(store: Store, tmp_path: Path) -> None:
    # As such a tree would come out on a file system that takes the two names for one.
    store.ingest_bytes(b"one")
    (tmp_path / "outside").mkdir()
    tree = Tree((link("d", "../outside"), file("d/stolen", b"one")))
    with pytest.raises(StoreError):
        materialise_tree(store, tree, tmp_path / "w")
    assert names(tmp_path / "outside") == []
    assert not (tmp_path / "w").exists()


# which workspace


def test_an_evicted_workspace_is_not_kept(local: LocalStore, tmp_path: Path) -> None:
    entry = with_workspace(local, Tree((file("a", b"one"),)), b"one")
    local.gc(0)
    with pytest.raises(NotKeptError, match="evicted"):
        materialise_workspace(local, entry, tmp_path / "w")


def test_a_workspace_without_its_manifest_is_not_kept(local: LocalStore, tmp_path: Path) -> None:
    entry = with_workspace(local, Tree(()), b"one")
    with pytest.raises(NotKeptError, match="workspace is not"):
        materialise_workspace(local, replace(entry, tree=None), tmp_path / "w")
    assert entry.tree is not None
    path_of(local, json.dumps(Tree(()).to_json()).encode()).unlink()
    with pytest.raises(NotKeptError, match="workspace is not"):
        materialise_workspace(local, entry, tmp_path / "w")


@pytest.mark.parametrize(
    "data",
    [
        b"no json",
        b"[" * 100_000,
        json.dumps({"nodes": [{"path": "../x", "kind": "directory"}]}).encode(),
        json.dumps({"nodes": [{"path": "x", "kind": "symlink", "target": "/etc"}]}).encode(),
    ],
)
def test_a_hostile_workspace_is_damage(data: bytes, store: Store, tmp_path: Path) -> None:
    entry = record(store, 1, data)
    with pytest.raises(StoreDamagedError, match=key(1).hex):
        materialise_workspace(store, entry, tmp_path / "w")
    assert not (tmp_path / "w").exists()
