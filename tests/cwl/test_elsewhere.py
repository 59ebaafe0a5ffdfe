"""Inputs that stand where only an engine can read them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cwl_memo.cwl.expression import ExpressionUse
from cwl_memo.cwl.files import FileFacts, Secrets, Sources
from cwl_memo.store.hashing import hash_file
from cwl_memo.store.protocol import FileDigest, FileIdentity


class Reader:
    """Reads files, and knows of none without."""

    def digest_file(self, path: str, /) -> tuple[FileDigest, FileIdentity]:
        return hash_file(Path(path)), FileIdentity.of(Path(path).stat())

    def digest_of(self, path: str, /) -> None: ...
    def is_executable(self, path: str, /) -> None: ...
    def mode_of(self, path: str, /) -> None: ...


def read(path: Path) -> Sources:
    """Return the sources of an input that is here under one name, and elsewhere under another."""
    facts = FileFacts(
        Reader(),
        Reader(),
        Secrets(None, b""),
        "/",
        [ExpressionUse()],
        locate=lambda _location, _basedir: str(path),
    )
    facts.file({"class": "File", "location": "there:1", "basename": "f"}, ("f",))
    return facts.sources


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(b"data")
    return path


def test_a_file_is_known_where_the_job_is_given_it(data: Path, tmp_path: Path) -> None:
    sources = read(data)
    staged = tmp_path / "staged"
    staged.write_bytes(b"data")
    sources.stage("there:1", str(staged))
    sources.stage("there:unknown", str(tmp_path / "stranger"))
    assert sources.digests()[str(staged)].size == 4
    assert sources.pointers()[str(staged)] == ("f",)
    assert str(tmp_path / "stranger") not in sources.digests()


def test_a_hard_link_is_no_change(data: Path, tmp_path: Path) -> None:
    sources = read(data)
    os.link(data, tmp_path / "link")
    assert sources.changed() == []


def test_other_bytes_are_a_change_though_the_times_are_set_back(data: Path) -> None:
    sources = read(data)
    before = data.stat()
    data.write_bytes(b"atad")
    os.utime(data, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sources.changed() == [str(data)]


def test_a_file_of_this_machine_that_is_linked_counts_as_changed(
    data: Path, tmp_path: Path
) -> None:
    sources = read(data)
    sources.elsewhere.clear()
    os.link(data, tmp_path / "link")
    assert sources.changed() == [str(data)]


@pytest.mark.parametrize("change", ["append", "remove", "fifo"])
def test_what_was_taken_from_a_word_is_read_once_the_job_has_run(
    data: Path, tmp_path: Path, change: str
) -> None:
    sources = Sources()
    # As of a file that carries its digest: known by its location, and not looked at.
    sources.files["there:1"] = hash_file(data)
    sources.elsewhere["there:1"] = "there:1"
    staged = tmp_path / "staged"
    staged.symlink_to(data)
    sources.stage("there:1", str(staged))
    assert sources.changed() == []
    if change == "append":
        with data.open("ab") as file:
            file.write(b"more")
    else:
        data.unlink()
        if change == "fifo":
            os.mkfifo(data)
    assert sources.changed() == [str(staged)]
