"""Directories of output objects: all that is in one, recorded and restored."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from cwl_memo.core.digest import Digest
from cwl_memo.core.entry import BlobRef, NodeKind, TreeNode
from cwl_memo.core.mode import Mode
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.core.output_form import read_directory
from cwl_memo.cwl.files import UnkeyableError
from cwl_memo.errors import FormatError
from cwl_memo.store.workspace import Workspace

__all__ = ["record_tree", "restore_tree"]


def record_tree(workspace: Workspace, below: str) -> tuple[dict[str, Any], dict[Digest, BlobRef]]:
    """Return a directory of a workspace with all that is in it, and the blobs that it needs.

    :param below: its path in the workspace, of which it may be all (``.``).
    :raises UnkeyableError: if something in it is not recorded, or leads out of it.
    """
    prefix = "" if below == "." else below + "/"
    lost = next((path for path in workspace.left_out if path.startswith(prefix)), "")
    if lost:
        raise UnkeyableError(Refusal(Reason.OUTPUT_OUTSIDE_WORKSPACE, lost))
    mode = workspace.mode
    nodes = []
    blobs: dict[Digest, BlobRef] = {}
    for node in workspace.tree.nodes:
        if node.path == below:
            mode = node.mode
        if not node.path.startswith(prefix):
            continue
        if node.kind is NodeKind.INPUT or _leaves(node, prefix):
            raise UnkeyableError(Refusal(Reason.OUTPUT_OUTSIDE_WORKSPACE, node.path))
        data = node.at(node.path[len(prefix) :]).to_json()
        if node.digest is not None:
            digest = workspace.digests[node.path]
            data["sha1"] = digest.sha1
            data["program"] = digest.program
            blobs[node.digest] = BlobRef(node.digest, node.size)
        nodes.append(data)
    memo = {"tree": {"nodes": nodes}, **mode.to_json()}
    return (memo if nodes else {**memo, "empty": True}), blobs


def _leaves(node: TreeNode, prefix: str) -> bool:
    """Tell whether a link below a directory leads out of it."""
    if node.kind is not NodeKind.SYMLINK:
        return False
    target = os.path.normpath(os.path.join(os.path.dirname(node.path), node.target))
    return not f"{target}/".startswith(prefix)


def restore_tree(
    target: str,
    memo: Mapping[str, Any],
    path: str,
    add: Callable[[str, TreeNode, Mapping[str, Any]], None],
) -> dict[str, Mode]:
    """Make a recorded Directory stand at ``target``.

    :param memo: what is recorded of it.
    :param path: of ``memo`` in the output object, for messages.
    :param add: told each file with its place and what is recorded of it.
    :returns: the modes that its directories are to have, once all outputs stand there.
    :raises FormatError: if it is malformed.
    """
    tree = read_directory(memo, path)
    modes = {target: Mode.from_json(memo, path)}
    os.makedirs(target, exist_ok=True)
    for node, data in zip(tree.nodes, memo["tree"]["nodes"], strict=True):
        place = os.path.join(target, node.path)
        if node.kind is NodeKind.DIRECTORY:
            os.makedirs(place, exist_ok=True)
            modes[place] = node.mode
        elif node.kind is NodeKind.SYMLINK:
            _check_link(node, f"{path}.tree")
            os.makedirs(os.path.dirname(place), exist_ok=True)
            if not os.path.islink(place):
                os.symlink(node.target, place)
        else:
            add(place, node, data)
    return modes


def _check_link(node: TreeNode, path: str) -> None:
    """See that a link leads to a place below the directory that it belongs to.

    Another output may stand below the link, and would be written wherever it leads. Up comes
    before down, since what a link goes down through may be a link that goes up.

    :raises FormatError: if it does not.
    """
    up, down = 0, node.target.split("/")
    while down and down[0] == "..":
        up, down = up + 1, down[1:]
    if node.target.startswith("/") or ".." in down or up > node.path.count("/"):
        raise FormatError(f"link leaves the directory: {node.path[:200]!r}", path)
