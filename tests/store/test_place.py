"""Which store a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from cwl_memo.errors import UnknownCacheError, UsageError
from cwl_memo.store.caches import RunCaches, require_usable
from cwl_memo.store.place import find_place


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunCaches:
    """A registry with a cache called nightly, that the environment names."""
    monkeypatch.setenv("CWL_MEMO_CACHES", str(tmp_path / "caches"))
    caches = RunCaches()
    caches.create("nightly")
    return caches


def test_without_a_word_it_is_the_default() -> None:
    place = find_place({"HOME": "/home/me"}, store=None, cache=None)
    assert (str(place.path), place.origin, place.cache) == ("/home/me/.cache/cwl-memo", "", None)


def test_a_variable_that_is_empty_counts_as_unset() -> None:
    environ = {"HOME": "/home/me", "CWL_MEMO_STORE": "", "CWL_MEMO_CACHE": ""}
    assert find_place(environ, store=None, cache=None).origin == ""


def test_a_store_is_named_by_option_or_variable() -> None:
    environ = {"CWL_MEMO_STORE": "/a"}
    assert find_place(environ, store=None, cache=None).path == Path("/a")
    assert find_place(environ, store=None, cache=None).origin == "CWL_MEMO_STORE"
    assert find_place(environ, store="/b", cache=None).path == Path("/b")
    assert find_place(environ, store="/b", cache=None).origin == "--memo-store"


def test_a_cache_is_named_by_option_or_variable(caches: RunCaches) -> None:
    cache = caches.get("nightly")
    place = find_place({"CWL_MEMO_CACHE": "nightly"}, store=None, cache=None)
    assert (place.path, place.cache) == (Path(cache.location), cache)
    assert place.origin == "CWL_MEMO_CACHE"
    place = find_place({}, store=None, cache=cache.id, prefix="--")
    assert (place.cache, place.origin) == (cache, "--cache")


def test_the_command_line_wins_over_the_environment(caches: RunCaches) -> None:
    place = find_place({"CWL_MEMO_CACHE": "nightly"}, store="/b", cache=None)
    assert (place.path, place.cache) == (Path("/b"), None)
    place = find_place({"CWL_MEMO_STORE": "/a"}, store=None, cache="nightly")
    assert place.cache is not None


def test_a_store_and_a_cache_exclude_one_another(caches: RunCaches) -> None:
    with pytest.raises(UsageError, match="--memo-store and --memo-cache exclude"):
        find_place({}, store="/a", cache="nightly")
    environ = {"CWL_MEMO_STORE": "/a", "CWL_MEMO_CACHE": "nightly"}
    with pytest.raises(UsageError, match="CWL_MEMO_STORE and CWL_MEMO_CACHE exclude"):
        find_place(environ, store=None, cache=None)


def test_an_option_that_names_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="--memo-store: names no directory"):
        find_place({}, store="", cache=None)
    with pytest.raises(UsageError, match="--memo-cache: names no run cache"):
        find_place({}, store=None, cache="")


def test_an_unknown_cache_is_told_by_where_it_was_named(caches: RunCaches) -> None:
    with pytest.raises(UnknownCacheError, match="CWL_MEMO_CACHE: there is no run cache 'x'"):
        find_place({"CWL_MEMO_CACHE": "x"}, store=None, cache=None)


def test_a_run_may_use_an_active_cache_and_no_other(caches: RunCaches) -> None:
    cache = caches.get("nightly")
    require_usable(cache, "--memo-cache")
    with pytest.raises(UsageError, match=r"--memo-cache: .* is FAILED, .*: no disk; mend"):
        require_usable(cache.failed("no disk"), "--memo-cache")
    caches.delete("nightly")
    with pytest.raises(UsageError, match=f"create NAME --location {cache.location}"):
        require_usable(caches.get(cache.id), "--memo-cache")
