"""Whatever stands in an envelope, what comes out of it was put in by who knew the job."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from cwl_memo.core.canonical import canonical_bytes
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.entry import Entry
from cwl_memo.errors import FormatError
from cwl_memo.store.shared.envelope import Place, Sealed, Stored, open_envelope, seal_envelope
from tests.store.shared.sharing import job

CONTENTS = (b"one", b"two\n", b"", b"x" * 20_000)
ENTRY = job(1, *CONTENTS)
_BLOBS = {digest_of_bytes(content): content for content in CONTENTS}
_SEALED = Sealed.of(ENTRY, lambda digest: io.BytesIO(_BLOBS[digest]))
_STORED = {blob.digest: Stored(Place.RAW, blob.size) for blob in _SEALED.rest}
ENVELOPE = seal_envelope(ENTRY, _SEALED.inline, _STORED, None)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def read(data: bytes) -> Entry | None:
    """Return the entry in an envelope, if there is one; any other error fails the test."""
    try:
        shared = open_envelope(data, ENTRY.key)
    except FormatError:
        return None
    if shared is None:
        return None
    assert shared.entry.key == ENTRY.key
    for digest, content in shared.inline.items():
        assert digest_of_bytes(content) == digest
    assert set(shared.stored) == {blob.digest for blob in shared.entry.blobs}
    return shared.entry


def test_an_envelope_is_read_as_it_was_sealed() -> None:
    assert read(ENVELOPE) == ENTRY


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert read(data) is None


@given(st.integers(0, len(ENVELOPE) - 1))
def test_an_envelope_that_was_cut_is_refused(end: int) -> None:
    assert read(ENVELOPE[:end]) is None


@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_an_envelope_with_another_byte_is_read_or_refused(place: int, change: int) -> None:
    mutated = bytearray(ENVELOPE)
    mutated[place] ^= change
    read(bytes(mutated))


@given(st.lists(st.tuples(st.integers(0, len(ENVELOPE)), st.binary(max_size=4)), max_size=5))
def test_an_envelope_with_other_bytes_in_it_is_read_or_refused(
    changes: list[tuple[int, bytes]],
) -> None:
    mutated = ENVELOPE
    for place, data in changes:
        mutated = mutated[:place] + data + mutated[place + len(data) // 2 :]
    read(mutated)


@given(st.data())
def test_whatever_stands_in_a_field_the_envelope_is_read_or_refused(data: st.DataObject) -> None:
    end = ENVELOPE.index(b"\n")
    head = json.loads(ENVELOPE[:end])
    place = data.draw(st.sampled_from([head, head["entry"], *head["blobs"]]))
    place[data.draw(st.sampled_from(sorted(place)))] = data.draw(values)
    try:
        first = canonical_bytes(head)
    except ValueError:
        first = json.dumps(head).encode()  # with NaN, as others write it
    read(first + ENVELOPE[end:])
