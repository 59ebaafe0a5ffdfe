"""The blob that is the manifest of a workspace; it is held in memory whole, so it has a limit."""

from __future__ import annotations

import json
from typing import Final

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.entry import Entry, Tree
from cwl_memo.errors import FormatError, StoreDamagedError
from cwl_memo.store.catalogue import Catalogue

__all__ = ["TREE_LIMIT", "read_tree", "tree_bytes"]

TREE_LIMIT: Final = 64 << 20
"""Bytes of a manifest that is read or recorded: some four hundred thousand files."""


def tree_bytes(tree: Tree) -> bytes | None:
    """Return the bytes of a manifest; None where they are too many to be recorded."""
    data = canonical_bytes(tree.to_json())
    return data if len(data) <= TREE_LIMIT else None


def read_tree(store: Catalogue, entry: Entry) -> Tree:
    """Return the manifest of an entry's workspace.

    :raises StoreDamagedError: if it is not there, unsound, or too large to be read.
    """
    size = next((blob.size for blob in entry.blobs if blob.digest == entry.tree), None)
    if entry.tree is None or size is None:
        raise StoreDamagedError("the workspace was not kept")
    if size > TREE_LIMIT:
        raise StoreDamagedError(f"workspace of {entry.key}: its tree is too large: {size} bytes")
    try:
        return Tree.from_json(json.loads(store.read_blob(entry.tree)))
    except (FormatError, ValueError, RecursionError) as error:
        raise StoreDamagedError(f"workspace of {entry.key}: {error}") from error
