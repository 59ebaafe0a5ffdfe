"""Trees of workspaces that are too large to be read into memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cwl_memo.core.digest import ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.entry import BlobRef, Entry
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Hit
from cwl_memo.errors import NotKeptError, StoreDamagedError
from cwl_memo.memo import Memo
from cwl_memo.memo.execution import Execution
from cwl_memo.store import tree_blob
from cwl_memo.store.lay_out import read_workspace
from cwl_memo.store.local import LocalStore
from cwl_memo.store.workspace import Workspace
from tests.store.example import blob, entry


class Unread(LocalStore):
    """A store of which no blob may be read."""

    def read_blob(self, digest: object) -> bytes:
        raise AssertionError(f"{digest} was read")

    def check_blob(self, *_: object) -> bool:
        return True


def test_a_tree_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    huge = BlobRef(digest_of_bytes(b"?"), tree_blob.TREE_LIMIT + 1)
    made = replace(entry(1), tree=huge.digest, blobs=(huge,))
    with Memo(Unread(tmp_path / "store")) as memo:
        assert memo.store is not None
        with pytest.raises(StoreDamagedError, match="too large"):
            memo.tree(made)
        with pytest.raises(StoreDamagedError, match="too large"):
            read_workspace(memo.store, made)
        with pytest.raises(StoreDamagedError):
            memo.tree(replace(made, blobs=()))
        with pytest.raises(NotKeptError):
            read_workspace(memo.store, replace(made, tree=None))


def test_a_tree_that_is_too_large_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"tool": "x"}
    wanted = Fingerprint(
        {**fields}, ReuseKey(digest_of_value("reuse-key", {**fields}).hex), digest_of_bytes(b"o")
    )
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in ("output", "rest"):
        (workspace / name).write_text(name)
    output = (blob(b"output"),)
    with Memo(LocalStore(tmp_path / "store")) as memo:
        taken = memo.ingest(workspace, {})
        assert isinstance(taken, Workspace)
        execution = Execution(taken, {"out": 1}, output, 0, entry(1).origin)
        monkeypatch.setattr(tree_blob, "TREE_LIMIT", 10)
        made = memo.publish(wanted, execution)
        assert isinstance(made, Entry)
        assert (made.tree, made.blobs) == (None, output)
        # Its outputs are reused as ever.
        assert isinstance(memo.lookup(wanted, "x"), Hit)
        monkeypatch.undo()
        whole = memo.publish(wanted, execution)
        assert isinstance(whole, Entry)
        assert [node.path for node in memo.tree(whole).nodes] == ["output", "rest"]
