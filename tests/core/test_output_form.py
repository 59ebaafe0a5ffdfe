"""What no recorder writes into an output object is refused; what one writes is not."""

from __future__ import annotations

from typing import Any

import pytest

from cwl_memo.core.output_form import check_output_form
from cwl_memo.errors import FormatError

MEMO = {"workspace": "x", "digest": "blake3:" + "a" * 64, "size": 1, "sha1": "b" * 40}
FILE = {"class": "File", "basename": "x", "memo": MEMO}
LITERAL = {"class": "File", "basename": "x", "contents": "text"}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


BAD: list[Any] = [
    "\ud800",
    {"a": "x\udcff"},
    {"a\udcff": 1},
    {**FILE, "basename": "x\udcff"},
    {**FILE, "basename": "x" * 256},
    {**FILE, "basename": "\u20ac" * 86},
    {**FILE, "memo": {**MEMO, "workspace": "y" * 256}},
    {**FILE, "memo": {**MEMO, "workspace": "."}},
    {**FILE, "memo": 5},
    {**FILE, "memo": None},
    {**FILE, "secondaryFiles": 5},
    {**FILE, "secondaryFiles": None},
    {**FILE, "secondaryFiles": ["x"]},
    {**FILE, "secondaryFiles": [{"class": "File", "basename": "y"}]},
    {**FILE, "size": "1"},
    {**FILE, "size": True},
    {**FILE, "nameroot": 5},
    {**FILE, "checksum": []},
    {"class": "File", "basename": "x"},
    {"class": "File", "contents": "x"},
    {"class": "Directory", "basename": "x"},
    {"class": "Directory", "basename": "x", "listing": {}},
    {"class": "Directory", "basename": "x", "listing": [{}]},
    {"class": "Directory", "basename": "x", "listing": [{"class": "File"}]},
    nested(400),
]


@pytest.mark.parametrize("value", BAD, ids=range(len(BAD)))
def test_form_that_no_recorder_writes_is_refused(value: Any) -> None:
    for output in ({"out": value}, {"out": {"any": [value]}}):
        with pytest.raises(FormatError) as caught:
            check_output_form(output, "output")
        str(caught.value).encode()


GOOD: list[Any] = [
    "\u20ac",
    {**FILE, "basename": "\u20ac" * 85},
    {**FILE, "secondaryFiles": [FILE, LITERAL]},
    {**FILE, "memo": {**MEMO, "workspace": "d\udcff/x"}},
    {**FILE, "memo": {"input": ["f", "\udcff"]}},
    LITERAL,
    {"class": "Directory", "basename": "x", "listing": [FILE, LITERAL]},
    {"class": ["File"]},
    {"class": "other", "secondaryFiles": 5},
    nested(50),
]


@pytest.mark.parametrize("value", GOOD, ids=range(len(GOOD)))
def test_form_that_a_recorder_writes_is_accepted(value: Any) -> None:
    check_output_form({"out": value}, "output")
