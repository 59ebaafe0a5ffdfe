"""Where the default store stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwl_memo.errors import StoreUnavailableError
from cwl_memo.store.location import default_store_path, named_store_path


def test_the_default_store_stands_in_the_home_directory() -> None:
    assert default_store_path({"HOME": "/home/ada"}) == Path("/home/ada/.cache/cwl-memo")


def test_xdg_cache_home_moves_the_default_store() -> None:
    environ = {"HOME": "/home/ada", "XDG_CACHE_HOME": "/scratch/cache"}
    assert default_store_path(environ) == Path("/scratch/cache/cwl-memo")


@pytest.mark.parametrize("value", ["", "cache", "./cache"])
def test_an_xdg_cache_home_that_is_not_absolute_does_not_count(value: str) -> None:
    environ = {"HOME": "/home/ada", "XDG_CACHE_HOME": value}
    assert default_store_path(environ) == Path("/home/ada/.cache/cwl-memo")


def test_cwl_memo_store_wins_over_xdg_cache_home() -> None:
    environ = {"HOME": "/home/ada", "XDG_CACHE_HOME": "/c", "CWL_MEMO_STORE": "/data/memo"}
    assert default_store_path(environ) == Path("/data/memo")


def test_an_empty_cwl_memo_store_does_not_count() -> None:
    environ = {"HOME": "/home/ada", "CWL_MEMO_STORE": ""}
    assert default_store_path(environ) == Path("/home/ada/.cache/cwl-memo")


def test_a_relative_store_is_one_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert named_store_path("memo") == tmp_path / "memo"


def test_a_tilde_that_the_shell_left_is_the_home_directory(home: Path) -> None:
    assert named_store_path("~/memo") == home / "memo"


def test_a_store_in_an_unknown_home_directory_is_unavailable() -> None:
    with pytest.raises(StoreUnavailableError, match="CWL_MEMO_STORE"):
        named_store_path("~no-such-user-here/memo")
