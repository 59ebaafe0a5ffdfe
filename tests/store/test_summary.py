"""Summaries of entries as bytes."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.store.summary import EntrySummary, pack, summary_of, unpack
from tests.store.example import digest

summaries = st.builds(
    summary_of,
    st.integers(0, (1 << 64) - 1),
    st.integers(-(1 << 80), 1 << 80),
    st.floats(allow_nan=False),
    st.text(st.characters(blacklist_categories=())),
    st.lists(st.tuples(st.binary().map(digest), st.integers(-5, 1 << 80))),
    st.frozensets(st.binary().map(digest)),
    st.integers(0, 1 << 80),
)


@given(summaries)
def test_what_is_packed_is_unpacked(summary: EntrySummary) -> None:
    assert unpack(pack(summary)) == summary


@given(st.binary(max_size=200))
def test_any_bytes_are_a_summary_or_none(data: bytes) -> None:
    found = unpack(data)
    assert found is None or all(len(blob) == 32 for blob, _ in found.blobs())


@given(summaries, st.integers(1, 39))
def test_a_summary_cut_short_is_none(summary: EntrySummary, missing: int) -> None:
    data = pack(summary)
    assert unpack(data[:-missing]) is None


def test_a_blob_named_twice_is_counted_once() -> None:
    twice = [(digest(b"one"), 3), (digest(b"one"), 3)]
    summary = summary_of(1, 2, 3.0, "sort", twice, {digest(b"one")}, 0)
    assert ([size for _, size in summary.blobs()], summary.kept) == ([3], 1)


def test_what_outputs_need_stands_first() -> None:
    blobs = [(digest(b"tree"), 1), (digest(b"out"), 2), (digest(b"tmp"), 3), (digest(b"log"), 4)]
    kept = {digest(b"out"), digest(b"log"), digest(b"not there")}
    summary = summary_of(1, 2, 3.0, "sort", blobs, kept, 9)
    assert ([size for _, size in summary.blobs()], summary.kept) == ([2, 4, 1, 3], 2)
    assert summary.keep_until == 9


@given(st.integers(0, 9), st.text(max_size=60))
def test_a_summary_of_before_deadlines_is_none(blobs: int, tool: str) -> None:
    text = tool.encode()
    head = struct.pack("<QqdI", 1, 2, 3.0, len(text))
    assert unpack(head + text + bytes(40 * blobs)) is None
