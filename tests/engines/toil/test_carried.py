"""Digests of files in the job store, which nobody but the run itself can give."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.engines.toil.carried import Carried, note_name
from cwl_memo.store.protocol import FileDigest

SECRET = b"s" * 32
KNOWN = FileDigest(digest_of_bytes(b"data"), 4, "a" * 40, program=True)
PLACE = "toilfile:4:0:one"


class JobStore:
    """What is used of Toil's, in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.reads = 0

    @contextmanager
    def write_shared_file_stream(self, shared_file_name: str) -> Iterator[io.BytesIO]:
        file = io.BytesIO()
        yield file
        self.files[shared_file_name] = file.getvalue()

    @contextmanager
    def read_shared_file_stream(self, shared_file_name: str) -> Iterator[io.BytesIO]:
        self.reads += 1
        yield io.BytesIO(self.files[shared_file_name])


def noted() -> JobStore:
    job_store = JobStore()
    Carried(job_store, SECRET).note(PLACE, KNOWN, executable=True)
    return job_store


def test_another_process_learns_what_one_has_noted() -> None:
    carried = Carried(noted(), SECRET)
    assert carried.digest_of(PLACE) == KNOWN
    assert carried.is_executable(PLACE)
    mode = carried.mode_of(PLACE)
    assert mode is not None
    assert mode.executable


def test_a_location_is_asked_for_once_and_a_path_never() -> None:
    job_store = noted()
    carried = Carried(job_store, SECRET)
    for _ in range(2):
        assert carried.digest_of("toilfile:4:0:unknown") is None
        assert carried.digest_of("/a/path") is None
    assert job_store.reads == 1


@pytest.mark.parametrize("change", ["location", "digest", "secret", "seal", "words", "bytes"])
def test_nobody_else_is_believed(change: str) -> None:
    job_store, place = noted(), PLACE
    name = note_name(PLACE)
    note = job_store.files[name]
    if change == "location":
        place = "toilfile:4:0:another"
        job_store.files[note_name(place)] = note
    elif change == "digest":
        other = digest_of_bytes(b"another").hex.encode()
        job_store.files[name] = note.replace(KNOWN.digest.hex.encode(), other)
    elif change == "seal":
        job_store.files[name] = note[:-1] + "é".encode()
    elif change == "words":
        job_store.files[name] = b"blake3:x 1"
    elif change == "bytes":
        job_store.files[name] = b"\xff" * 9000
    carried = Carried(job_store, b"t" * 32 if change == "secret" else SECRET)
    assert carried.digest_of(place) is None


def test_a_job_store_that_takes_no_notes_costs_no_job() -> None:
    carried = Carried(None, SECRET)
    carried.note(PLACE, KNOWN, executable=False)
    assert carried.digest_of(PLACE) is None
