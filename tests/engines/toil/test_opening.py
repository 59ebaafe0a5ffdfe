"""Opening a store among everybody's temporary files, and reading what a job wrote."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.settings import Settings, SharedChoice, ToilLookup
from cwl_memo.engines.toil import opening
from cwl_memo.engines.toil.opening import open_for, store_of_node
from cwl_memo.engines.toil.orders import Orders, is_switched_off, switched_off
from cwl_memo.engines.toil.stream import Streams


def orders(store: Path, *, is_named: bool, shared: SharedChoice | None = None) -> Orders:
    return Orders(
        run="2026-01-01-000000-abcdef",
        settings=Settings(),
        store=store,
        is_named=is_named,
        behavior=CacheBehavior.CACHE_ALWAYS,
        lookup=ToilLookup.WORKER,
        shared=shared,
    )


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this machine has its store; the leader's is elsewhere."""
    monkeypatch.setattr(opening, "_TEMPORARY", str(tmp_path / "tmp"))
    return store_of_node()


def unnamed(tmp_path: Path, shared: SharedChoice | None = None) -> Orders:
    return orders(tmp_path / "of-the-leader" / "store", is_named=False, shared=shared)


def test_the_store_of_a_machine_is_its_own_and_nobody_elses(node: Path, tmp_path: Path) -> None:
    store = open_for(unnamed(tmp_path))
    assert store is not None
    store.close()
    assert node.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "of-the-leader").exists()


def test_a_directory_that_others_may_write_to_is_not_used(node: Path, tmp_path: Path) -> None:
    node.mkdir(parents=True)
    node.chmod(0o777)
    assert open_for(unnamed(tmp_path)) is None


def test_a_link_is_not_followed(node: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o700)
    node.parent.mkdir()
    node.symlink_to(tmp_path / "there")
    assert open_for(unnamed(tmp_path)) is None


@pytest.mark.parametrize("is_named", [False, True])
def test_without_a_place_of_its_own_a_machine_still_has_the_shared_store(
    node: Path, tmp_path: Path, is_named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    node.parent.touch()
    shared = SharedChoice((tmp_path / "shared").as_uri())
    store = open_for(
        orders(node, is_named=is_named, shared=shared), lambda: str(tmp_path / "of-the-job")
    )
    assert store is not None
    store.close()
    assert (tmp_path / "of-the-job/store").is_dir()
    assert "without a store of this machine" in caplog.text


def test_without_any_place_a_job_is_executed(node: Path, tmp_path: Path) -> None:
    node.parent.touch()
    shared = SharedChoice((tmp_path / "shared").as_uri())
    assert open_for(unnamed(tmp_path, shared), lambda: str(node)) is None
    assert open_for(unnamed(tmp_path, shared)) is None


def test_a_shared_store_that_cannot_be_had_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared = SharedChoice("nowhere://bucket")
    store = open_for(orders(tmp_path / "store", is_named=True, shared=shared))
    assert store is not None
    store.close()
    assert "without the shared store" in caplog.text


def test_the_store_of_a_machine_has_the_users_number_in_its_name() -> None:
    assert store_of_node().name.startswith("cwl-memo-")


def test_orders_do_not_show_their_secret(tmp_path: Path) -> None:
    made = orders(tmp_path, is_named=True)
    assert len(made.secret) == 32
    assert "secret" not in repr(made)


def test_what_is_too_much_to_keep_in_memory_is_kept_in_a_file() -> None:
    data = b"0123456789abcdef" * 200_000
    with tempfile.TemporaryFile() as out:
        out.write(data)
        out.flush()
        context: Any = SimpleNamespace(default_stdout=out, default_stderr=None)
        streams = Streams(context)
    log, _ = streams.end()
    assert isinstance(log, Path)
    assert log.read_bytes() == data
    streams.close()
    assert not log.exists()


def test_what_a_job_wrote_is_read_after_its_file_was_closed() -> None:
    with tempfile.TemporaryFile() as out:
        context: Any = SimpleNamespace(default_stdout=out, default_stderr=None)
        streams = Streams(context)
        out.write(b"said")
        out.flush()
    assert streams.end() == (b"said", None)
    streams.close()
    assert streams.end() == (None, None)


def test_a_restart_can_be_told_to_do_without_memoization(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CWL_MEMO_TOIL_OFF", raising=False)
    assert not is_switched_off()
    with switched_off():
        assert is_switched_off()
    assert not is_switched_off()
