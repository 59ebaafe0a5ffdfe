"""Workspaces: a job's working directory, taken into a store."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef, NodeKind, Tree, TreeNode
from cwl_memo.core.mode import USUAL, Mode
from cwl_memo.store.permission import mode_of, mode_of_directory, read_umask
from cwl_memo.store.protocol import FileDigest, FileIdentity

__all__ = ["TakesFiles", "Workspace", "ingest_workspace"]


class TakesFiles(Protocol):
    """What a workspace is taken into: a store, or what only finds out its digests."""

    def ingest_file(self, path: Path) -> FileDigest:
        """Take a regular file's bytes in, reading it once."""


@dataclass(frozen=True)
class Workspace:
    """A working directory as a store has it.

    :param tree: every path of it.
    :param digests: what was found at each path that is a file or a link to an input.
    :param blobs: the blobs that hold it, each once.
    :param identities: by what each file may be known again while it is not changed.
    :param left_out: what stood there and is not recorded.
    :param mode: of the directory itself.
    """

    tree: Tree
    digests: Mapping[str, FileDigest]
    blobs: tuple[BlobRef, ...]
    identities: Mapping[FileIdentity, FileDigest] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    mode: Mode = USUAL

    @property
    def size(self) -> int:
        """Bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


def ingest_workspace(
    store: TakesFiles,
    directory: Path,
    inputs: Mapping[str, FileDigest],
    leave_out: Collection[str] = (),
    *,
    limit: int,
) -> Workspace | None:
    """Take a directory with all that is in it into a store.

    Links are kept if they lead to another place of the directory; one to an input is
    known by the input's digest, whose bytes are not taken in again. Others mean nothing
    in another place and are left out, as are pipes, sockets and devices.

    :param inputs: digests of the files that links may lead to, by real path.
    :param leave_out: relative paths that are not taken in.
    :param limit: bytes that the directory may have.
    :returns: None if it has more.
    :raises StoreError: if the store fails.
    :raises OSError: if the directory cannot be read.
    """
    walk = _Walk(store, os.path.realpath(directory), inputs, frozenset(leave_out), limit)
    walk.directory("")
    if walk.size > limit:
        return None
    nodes = tuple(sorted(walk.nodes, key=lambda node: node.path))
    return Workspace(
        Tree(nodes, partial=bool(walk.left_out)),
        walk.digests,
        tuple(walk.blobs.values()),
        walk.identities,
        tuple(walk.left_out),
        mode_of_directory(directory.stat()),
    )


class _Walk:
    def __init__(
        self,
        store: TakesFiles,
        root: str,
        inputs: Mapping[str, FileDigest],
        leave_out: frozenset[str],
        limit: int,
    ) -> None:
        self._store = store
        self._root = root
        self._inputs = inputs
        self._leave_out = leave_out
        self._limit = limit
        self.nodes: list[TreeNode] = []
        self.digests: dict[str, FileDigest] = {}
        self.blobs: dict[Digest, BlobRef] = {}
        self.identities: dict[FileIdentity, FileDigest] = {}
        self.left_out: list[str] = []
        self.size = 0
        self._umask = read_umask()

    def directory(self, below: str) -> None:
        with os.scandir(Path(self._root, below)) as entries:
            for item in entries:
                path = f"{below}/{item.name}" if below else item.name
                if path in self._leave_out:
                    self.left_out.append(path)
                elif item.is_symlink():
                    self._link(path)
                elif item.is_dir():
                    mode = mode_of_directory(item.stat(), self._umask)
                    self.nodes.append(TreeNode(path, NodeKind.DIRECTORY, mode=mode))
                    self.directory(path)
                elif item.is_file():
                    self._file(item, path)
                else:
                    self.left_out.append(path)
                if self.size > self._limit:
                    return

    def _file(self, item: os.DirEntry[str], path: str) -> None:
        found = item.stat()
        self.size += found.st_size
        if self.size > self._limit:
            return
        digest = self._store.ingest_file(Path(item.path))
        mode = mode_of(found, self._umask)
        self.nodes.append(TreeNode(path, NodeKind.FILE, digest.digest, digest.size, mode))
        self.digests[path] = digest
        self.blobs[digest.digest] = BlobRef(digest.digest, digest.size)
        # Looked at before it was read: had it changed since, it would be another file.
        self.identities[FileIdentity.of(found)] = digest

    def _link(self, path: str) -> None:
        full = Path(self._root, path)
        real = os.path.realpath(full)
        if real in self._inputs:
            digest = self._inputs[real]
            self.nodes.append(TreeNode(path, NodeKind.INPUT, digest.digest, digest.size))
            self.digests[path] = digest
        elif real.startswith(self._root + os.sep):
            target = os.path.relpath(real, full.parent)
            self.nodes.append(TreeNode(path, NodeKind.SYMLINK, target=target))
        else:
            self.left_out.append(path)
