"""A run cache or a store: which of the two holds, and for which runs it keeps entries."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.errors import SettingsFileError, UnknownCacheError, UsageError
from cwl_memo.store.caches import RunCaches

from .conftest import Desk

ON_FAILURE, ALWAYS = CacheBehavior.CACHE_ON_FAILURE, CacheBehavior.CACHE_ALWAYS


@pytest.fixture
def cache(desk: Desk) -> RunCache:
    """A run cache called nightly."""
    return RunCaches().create("nightly")


def test_a_run_cache_names_its_store_and_its_behavior(desk: Desk, cache: RunCache) -> None:
    desk.user_says('cache = "nightly"')
    loaded = desk.load()
    assert (loaded.cache, loaded.store) == (cache, Path(cache.location))
    assert loaded.behavior is ON_FAILURE
    place = f"{desk.user_file}:1"
    assert [str(loaded.origin(n)) for n in ("store", "cache")] == [place, place]
    assert str(loaded.origin("cache_behavior")) == "run cache nightly"
    assert loaded.values["store"].value == cache.location


def test_without_a_run_cache_everything_is_kept(desk: Desk) -> None:
    loaded = desk.load()
    assert (loaded.cache, loaded.behavior) == (None, ALWAYS)
    assert desk.load(cache_behavior="CACHE_ON_FAILURE").behavior is ON_FAILURE


def test_whoever_says_the_behavior_wins_over_the_cache(desk: Desk, cache: RunCache) -> None:
    desk.user_says('cache = "nightly"')
    desk.project_says('cache_behavior = "CACHE_ALWAYS"')
    loaded = desk.load()
    assert (loaded.cache, loaded.behavior) == (cache, ALWAYS)
    assert str(loaded.origin("cache_behavior")) == f"{desk.project_file}:1"


def test_the_later_place_wins_whichever_of_the_two_it_names(desk: Desk, cache: RunCache) -> None:
    desk.user_says('cache = "nightly"')
    desk.project_says('store = "memo"')
    loaded = desk.load()
    assert (loaded.cache, loaded.store) == (None, desk.project / "memo")
    assert (loaded.values["cache"].value, loaded.behavior) == (None, ALWAYS)
    loaded = desk.load({"CWL_MEMO_CACHE": "nightly"})
    assert (loaded.cache, loaded.store) == (cache, Path(cache.location))
    loaded = desk.load({"CWL_MEMO_CACHE": "nightly"}, store="/data/memo")
    assert (loaded.cache, loaded.store) == (None, Path("/data/memo"))
    loaded = desk.load({"CWL_MEMO_STORE": "/data/memo"}, cache=cache.id)
    assert loaded.cache == cache


def test_both_in_one_place_exclude_one_another(desk: Desk, cache: RunCache) -> None:
    with pytest.raises(UsageError, match="CWL_MEMO_STORE and CWL_MEMO_CACHE exclude"):
        desk.load({"CWL_MEMO_STORE": "/a", "CWL_MEMO_CACHE": "nightly"})
    desk.user_says('store = "/a"', 'cache = "nightly"')
    with pytest.raises(UsageError, match=r"settings.toml:1 and .*settings.toml:2 exclude"):
        desk.load()


def test_a_run_cache_that_is_not_there_is_told_with_its_line(desk: Desk, cache: RunCache) -> None:
    desk.user_says('cache = "nigthly"')
    with pytest.raises(UnknownCacheError, match=r"settings.toml:1: .*there are: nightly"):
        desk.load()
    desk.user_says('cache = ""')
    with pytest.raises(UsageError, match=r"settings.toml:1: names no run cache"):
        desk.load()


def test_without_memoization_no_run_cache_is_looked_for(desk: Desk) -> None:
    desk.user_says('cache = "none"')
    for loaded in (desk.load({"CWL_MEMO": "off"}), desk.load(mode="off")):
        assert (loaded.memo, loaded.cache) == (False, None)
        assert loaded.store == desk.home / ".cache" / "cwl-memo"


def test_a_project_names_a_run_cache_only_if_it_is_trusted(desk: Desk, cache: RunCache) -> None:
    """It is a store of the user's own, in which runs of the project would leave things."""
    desk.project_says('cache = "nightly"')
    with pytest.raises(SettingsFileError, match="a project file may not choose this"):
        desk.load()
    desk.trust()
    loaded = desk.load()
    assert loaded.cache == cache
    assert loaded.notes == (f"the store is {cache.location}, as {desk.project_file}:1 says",)
