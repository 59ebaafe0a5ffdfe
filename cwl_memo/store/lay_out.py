"""Laying out: a recorded tree appears in a directory of the user's, as files of their own.

Nothing that stands there is ever written over, and nothing is written through a link: links
are made last, and a tree has nothing below one. What cannot be completed is taken back.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from cwl_memo.core.entry import Entry, NodeKind, Tree, TreeNode
from cwl_memo.errors import NotKeptError, StoreDamagedError, UsageError
from cwl_memo.store.catalogue import Catalogue
from cwl_memo.store.failure import reading
from cwl_memo.store.permission import set_modes
from cwl_memo.store.protocol import Store
from cwl_memo.store.tree_blob import read_tree

__all__ = ["LaidOut", "materialise_tree", "materialise_workspace", "read_workspace", "require_free"]

_MARK: Final = ".cwl-memo-incomplete"
_MARK_TEXT: Final = "cwl-memo was ended while it put files here: delete the directory.\n"
_SHOWN: Final = 3


@dataclass(frozen=True)
class LaidOut:
    """What was put into a directory, and what was not.

    :param files: how many files.
    :param size: their bytes.
    :param lost_inputs: paths that led to an input of the job whose bytes the store does not
        have, and that are therefore not there.
    :param partial: whether the job left things that could not be recorded, such as pipes,
        links to other places, or files with secrets.
    """

    files: int
    size: int
    lost_inputs: tuple[str, ...] = ()
    partial: bool = False


def require_free(directory: Path) -> None:
    """See that a directory is new or empty.

    :raises UsageError: if it is not.
    """
    if not os.path.lexists(directory):
        return
    if not directory.is_dir():
        raise UsageError(f"{directory} is no directory; name a new or an empty one")
    with os.scandir(directory) as items:
        if next(items, None) is not None:
            raise UsageError(
                f"{directory} is not empty, and nothing is ever written over; "
                "name a new or an empty directory"
            )


def read_workspace(store: Catalogue, entry: Entry) -> Tree:
    """Return the tree of an entry's workspace.

    :raises NotKeptError: if the workspace was not recorded, or is no longer kept.
    :raises StoreDamagedError: if it cannot be read.
    """
    if store.is_evicted(entry.key):
        raise NotKeptError("its files were evicted from the store")
    sizes = {blob.digest: blob.size for blob in entry.blobs}
    if entry.tree is None or not store.check_blob(entry.tree, sizes.get(entry.tree, -1)):
        raise NotKeptError("its workspace is not, or no longer, in the store")
    return read_tree(store, entry)


def materialise_workspace(store: Store, entry: Entry, directory: Path) -> LaidOut:
    """Make the whole workspace that an entry records appear in a new or empty directory.

    :raises UsageError: if the directory is neither.
    :raises NotKeptError: if the workspace, or a file of it, is not in the store.
    :raises StoreError: if it cannot be read, or not be written to the directory; what was
        written by then has been taken back.
    """
    require_free(directory)
    return materialise_tree(store, read_workspace(store, entry), directory)


def materialise_tree(store: Store, tree: Tree, directory: Path) -> LaidOut:
    """Make a tree appear in a new or empty directory; raises as :func:`materialise_workspace`.

    A node of the kind ``input`` becomes a file where the store has the bytes of that input.
    """
    require_free(directory)
    _require_names(tree)
    files, lost = _files_at_hand(store, tree)
    with _building(directory, tree) as made, reading(f"write to {directory}"):
        for path in _directories(tree):
            (directory / path).mkdir()
            made.append(directory / path)
        for node in files:
            assert node.digest is not None  # noqa: S101  (a file has one)
            store.materialise(node.digest, directory / node.path, mode=node.mode)
            made.append(directory / node.path)
        for node in tree.nodes:
            if node.kind is NodeKind.SYMLINK:
                (directory / node.path).symlink_to(node.target)
                made.append(directory / node.path)
        found = [node for node in tree.nodes if node.kind is NodeKind.DIRECTORY]
        set_modes({str(directory / node.path): node.mode for node in found})
    return LaidOut(len(files), sum(node.size for node in files), lost, tree.partial)


def _require_names(tree: Tree) -> None:
    for node in tree.nodes:
        try:
            os.fsencode(node.path + node.target)
        except UnicodeEncodeError as error:
            raise StoreDamagedError(f"{node.path!r} is no name of a file here") from error


def _files_at_hand(store: Store, tree: Tree) -> tuple[list[TreeNode], tuple[str, ...]]:
    """Return the nodes that become files, and the paths of inputs that cannot."""
    found, gone, lost = [], [], []
    for node in tree.nodes:
        if node.digest is None:
            continue
        if store.check_blob(node.digest, node.size):
            found.append(node)
        elif node.kind is NodeKind.INPUT:
            lost.append(node.path)
        else:
            gone.append(node.path)
    if gone:
        some = ", ".join(gone[:_SHOWN]) + (", …" if len(gone) > _SHOWN else "")
        raise NotKeptError(f"{len(gone)} of its files are no longer in the store: {some}")
    return found, tuple(lost)


def _directories(tree: Tree) -> list[str]:
    """Return all directories of a tree, each after the one that it stands in."""
    found = {node.path for node in tree.nodes if node.kind is NodeKind.DIRECTORY}
    for node in tree.nodes:
        found.update(str(above) for above in PurePosixPath(node.path).parents)
    return sorted(found - {"."})


@contextmanager
def _building(directory: Path, tree: Tree) -> Iterator[list[Path]]:
    """Mark a directory as incomplete for the body; take back what it made if it fails."""
    made: list[Path] = []
    mark = _MARK
    while any(node.path.split("/")[0] == mark for node in tree.nodes):
        mark += "_"
    try:
        with reading(f"write to {directory}"):
            for path in reversed([directory, *directory.parents]):
                if not path.is_dir():
                    path.mkdir()
                    made.append(path)
            with (directory / mark).open("x", encoding="utf-8") as file:
                made.append(directory / mark)
                file.write(_MARK_TEXT)
        yield made
        with reading(f"write to {directory}"):
            (directory / mark).unlink()
    except BaseException:
        for path in made:
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(stat.S_IRWXU)  # nothing goes out of one that may not be written
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        raise
