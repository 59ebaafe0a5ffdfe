"""Directories of unusual modes: made, and removed again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import NodeKind, Tree, TreeNode
from cwl_memo.core.mode import Mode
from cwl_memo.errors import StoreError
from cwl_memo.store.lay_out import materialise_tree
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.permission import remove_tree

_NOBODY = 65534
_AS_NOBODY = """
import os, sys
from cwl_memo.store.permission import remove_tree
if os.getuid() == 0:
    os.setgid({nobody})
    os.setuid({nobody})
remove_tree("view")
"""


def test_directories_that_may_not_be_written_are_removed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o555)
    view = tmp_path / "view"
    (view / "fixed" / "deep").mkdir(parents=True)
    (view / "fixed" / "deep" / "x").write_text("x")
    (view / "fixed" / "link").symlink_to(elsewhere)
    (view / "hidden").mkdir()
    (view / "hidden" / "x").write_text("x")
    for name, bits in (("fixed/deep", 0o555), ("fixed", 0o555), ("hidden", 0)):
        (view / name).chmod(bits)
    if os.getuid() == 0:  # who removes everything
        for path in (tmp_path, view, *view.rglob("*")):
            os.chown(path, _NOBODY, _NOBODY, follow_symlinks=False)
    code = _AS_NOBODY.format(nobody=_NOBODY)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert not view.exists()
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o555


def test_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    remove_tree(str(tmp_path / "none"))
    (tmp_path / "fixed").mkdir(mode=0o555)
    (tmp_path / "link").symlink_to(tmp_path)
    remove_tree(str(tmp_path / "link"))
    assert stat.S_IMODE((tmp_path / "fixed").stat().st_mode) == 0o555


def directory(path: str, bits: int) -> TreeNode:
    return TreeNode(path, NodeKind.DIRECTORY, mode=Mode(exact=bits))


def test_a_tree_has_the_modes_of_its_directories(tmp_path: Path) -> None:
    store = MemoryStore()
    store.ingest_bytes(b"x")
    inside = TreeNode("fixed/deep/x", NodeKind.FILE, digest_of_bytes(b"x"), 1)
    tree = Tree((directory("fixed", 0o555), directory("fixed/deep", 0o500), inside))
    materialise_tree(store, tree, tmp_path / "w")
    found = [stat.S_IMODE((tmp_path / "w" / node.path).stat().st_mode) for node in tree.nodes[:2]]
    assert found == [0o555, 0o500]


def test_a_tree_that_cannot_be_completed_is_taken_back_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chmod = Path.chmod

    def fail(path: Path, mode: int) -> None:
        if path.name == "fixed" and mode == 0o555:
            raise PermissionError(path)
        chmod(path, mode)

    monkeypatch.setattr(Path, "chmod", fail)
    tree = Tree((directory("fixed", 0o555), directory("fixed/deep", 0o500)))
    with pytest.raises(StoreError):
        materialise_tree(MemoryStore(), tree, tmp_path / "w")
    assert not (tmp_path / "w").exists()
