"""Digests that Files carry, which nobody but the run itself can have them carry."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.engines.toil.carried import CARRIED, Carried, mark, without_marks
from cwl_memo.store.protocol import FileDigest

SECRET = b"s" * 32
KNOWN = FileDigest(digest_of_bytes(b"data"), 4, "a" * 40, program=True)


def carrying(location: str = "toilfile:4:0:one") -> dict[str, Any]:
    item: dict[str, Any] = {"class": "File", "location": location, "basename": "f"}
    mark(item, KNOWN, executable=True, secret=SECRET)
    return item


def test_a_digest_is_carried_and_taken_away() -> None:
    carried = Carried(SECRET)
    item = carrying()
    taken = carried.take({"f": [item]})
    assert taken == {"f": [{k: v for k, v in item.items() if k != CARRIED}]}
    assert carried.digest_of(item["location"]) == KNOWN
    assert carried.is_executable(item["location"])


def test_a_file_in_secondary_files_carries_its_own() -> None:
    carried = Carried(SECRET)
    item = {**carrying(), "secondaryFiles": [carrying("toilfile:4:0:two")]}
    assert CARRIED not in str(carried.take(item))
    assert carried.digest_of("toilfile:4:0:two") == KNOWN


@pytest.mark.parametrize("change", ["location", "digest", "secret", "seal", "words", "kind"])
def test_nobody_else_is_believed(change: str) -> None:
    item = carrying()
    carried = Carried(b"t" * 32 if change == "secret" else SECRET)
    if change == "location":
        item["location"] = "toilfile:4:0:another"
    elif change == "digest":
        item[CARRIED] = item[CARRIED].replace(KNOWN.digest.hex, digest_of_bytes(b"another").hex)
    elif change == "seal":
        item[CARRIED] = item[CARRIED][:-1] + "é"
    elif change == "words":
        item[CARRIED] = "blake3:x 1"
    elif change == "kind":
        item[CARRIED] = ["a list"]
    before = dict(item)
    # A field of the user's own, which counts as any other.
    assert carried.take(item) == before
    assert carried.digest_of(item["location"]) is None


def test_final_outputs_carry_nothing() -> None:
    assert CARRIED not in str(without_marks({"out": [carrying()], "n": 1}))
