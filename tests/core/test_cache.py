"""Run caches: what one may be called, and what is believed of a registered one."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.cache import (
    CacheBehavior,
    CacheStatus,
    RunCache,
    check_description,
    check_name,
    check_tags,
    is_cache_id,
    parse_behavior,
)
from cwl_memo.errors import FormatError, UsageError

CACHE = RunCache(
    "4711007",
    "nightly",
    "/data/nightly",
    CacheBehavior.CACHE_ALWAYS,
    "what failed last night",
    {"team": "words", "empty": ""},
    created="2026-11-22T19:30:00+00:00",
    updated="2026-11-22T19:31:00+00:00",
)


def test_a_cache_is_read_as_it_was_written() -> None:
    assert RunCache.from_json(CACHE.to_json()) == CACHE


def test_a_cache_keeps_what_failed_runs_made_unless_more_is_said() -> None:
    assert RunCache("4711007", "x", "/x").behavior is CacheBehavior.CACHE_ON_FAILURE


def test_a_failed_cache_says_why() -> None:
    failed = CACHE.failed("no such disk")
    assert (failed.status, failed.status_message) == (CacheStatus.FAILED, "no such disk")
    assert not failed.is_deleted


WRONG: dict[str, list[Any]] = {
    "id": [None, 4711007, "", "471100", "4" * 19, "../4711", "47110o7", "٤٧١١٠٠٧"],
    "name": [None, 1, "", "a\nb", " a", "x" * 129],
    "location": [None, 1, "", "data", "~/data", "/data\0", "/" + "x" * 4096],
    "behavior": [None, "", "CACHE_NEVER", "cache_always", ["CACHE_ALWAYS"]],
    "description": [None, 1, "x" * 257, "a\x1bb"],
    "tags": [None, [], {"a": 1}, {"": "a"}, {"a": "x" * 257}, {"a\n": ""}],
    "status": [None, "", "GONE"],
    "created": [None, 1],
    "updated": [None, 1],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_a_registered_cache_that_is_not_one_is_refused(name: str, value: Any) -> None:
    with pytest.raises(FormatError):
        RunCache.from_json({**CACHE.to_json(), name: value})


@pytest.mark.parametrize("name", WRONG)
def test_a_registered_cache_has_every_field(name: str) -> None:
    data = CACHE.to_json()
    del data[name]
    with pytest.raises(FormatError):
        RunCache.from_json(data)


@pytest.mark.parametrize("data", [None, [], "nightly", 1])
def test_what_is_no_object_is_no_cache(data: Any) -> None:
    with pytest.raises(FormatError):
        RunCache.from_json(data)


def test_why_a_cache_failed_is_not_believed_but_found_out() -> None:
    data = CACHE.failed("a lie").to_json()
    assert RunCache.from_json(data).status_message == ""


@pytest.mark.parametrize("name", ["a", "my cache", "Nächtlich №1", "x" * 128, "123456", "a-b.c/d"])
def test_a_name_may_be_anything_that_can_be_printed(name: str) -> None:
    assert check_name(name) == name


def test_one_name_in_two_spellings_is_one_name() -> None:
    assert check_name("na\u0308chtlich") == "n\u00e4chtlich"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "1 to 128"),
        ("x" * 129, "1 to 128"),
        (" a", "spaces"),
        ("a ", "spaces"),
        ("a\nb", "printable"),
        ("a\u2028b", "printable"),
        ("a\x1b[31mb", "printable"),
        ("a\ud800", "printable"),
        ("-a", "an option"),
        ("4711007", "an id"),
    ],
)
def test_a_name_that_nobody_could_give_or_read_is_refused(name: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        check_name(name)


def test_a_description_is_short_and_may_be_empty() -> None:
    assert check_description("") == ""
    assert check_description("x" * 256) == "x" * 256
    for text in ("x" * 257, "two\nlines"):
        with pytest.raises(UsageError, match="256"):
            check_description(text)


def test_tags_are_few_and_short() -> None:
    full = {f"k{i}": "v" * 256 for i in range(50)}
    assert check_tags(full) == full
    with pytest.raises(UsageError, match="50"):
        check_tags({**full, "more": ""})


@pytest.mark.parametrize("tag", [("", "v"), ("k" * 129, ""), ("k", "v" * 257)])
def test_a_tag_of_the_wrong_length_is_refused(tag: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="256"):
        check_tags(dict([tag]))


@pytest.mark.parametrize("tag", [("a=b", ""), ("a\n", ""), ("a", "\t")])
def test_a_tag_that_cannot_be_written_down_is_refused(tag: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="printable"):
        check_tags(dict([tag]))


def test_an_id_has_seven_digits_or_more() -> None:
    assert is_cache_id("4711007")
    assert is_cache_id("4" * 18)
    assert not any(map(is_cache_id, ("471100", "4" * 19, "4711007\n", "name")))


def test_a_behavior_that_is_none_is_refused_by_where_it_came_from() -> None:
    assert parse_behavior("CACHE_ALWAYS", "--x") is CacheBehavior.CACHE_ALWAYS
    with pytest.raises(UsageError, match="--x: 'never' is none of CACHE_ON_FAILURE, CACHE_ALWAYS"):
        parse_behavior("never", "--x")
