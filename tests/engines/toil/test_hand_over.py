"""Files of a hit on their way into Toil's job store."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.cwl.files import GENERATION
from cwl_memo.engines.toil.carried import Carried
from cwl_memo.store.protocol import FileDigest
from tests.engines.toil.conftest import Runners

pytestmark = pytest.mark.toil

SECRET = b"s" * 32
KNOWN = FileDigest(digest_of_bytes(b"data"), 4, "a" * 40, program=False)


class View:
    """Files that stand for those of a hit."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.forgotten: list[str] = []

    def is_known(self, path: str) -> bool:
        return path.startswith(str(self.folder))

    def ensure(self, path: str, *, owned: bool) -> bool:
        return owned and Path(path).exists()

    def ensure_in(self, value: Any, *, owned: bool) -> bool:
        return owned and bool(value)

    def forget(self, path: str) -> None:
        self.forgotten.append(path)


@pytest.fixture
def job_store(runners: Runners) -> Any:
    from toil.common import Config
    from toil.jobStores.fileJobStore import FileJobStore

    made = FileJobStore(str(runners.folder / "jobs"))
    made.initialize(Config())
    return made


@pytest.fixture
def view(tmp_path: Path) -> View:
    folder = tmp_path / "view"
    folder.mkdir()
    (folder / "f").write_bytes(b"data")
    return View(folder)


def give(job_store: Any, view: View) -> tuple[str, Path]:
    """Hand a file over; return its location and where the job store has it."""
    from cwl_memo.engines.toil.hand_over import HandOver

    carried = Carried(job_store, SECRET)
    hand = HandOver(SimpleNamespace(jobStore=job_store), [], carried)
    item = {"class": "File", "location": str(view.folder / "f")}
    twice: dict[str, Any] = {"one": item, "two": [dict(item)]}
    assert hand.give(twice, lambda _: KNOWN, view, noted=True)  # type: ignore[arg-type]
    location = item["location"]
    assert twice["two"][0]["location"] == location
    assert set(item) == {"class", "location", GENERATION}
    assert Carried(job_store, SECRET).digest_of(location) == KNOWN
    from toil.fileStores import FileID

    identifier = FileID.unpack(location.removeprefix("toilfile:"))
    assert identifier.size == 4
    assert job_store.file_exists(identifier)
    return location, Path(job_store._get_file_path_from_id(identifier))


def test_a_file_that_nobody_else_has_is_moved(job_store: Any, view: View) -> None:
    before = (view.folder / "f").stat()
    _, place = give(job_store, view)
    assert place.read_bytes() == b"data"
    assert place.stat().st_ino == before.st_ino
    assert not place.is_symlink()
    assert not (view.folder / "f").exists()
    assert view.forgotten == [str(view.folder / "f")]


def test_a_file_that_is_a_link_to_another_is_copied(
    job_store: Any, view: View, tmp_path: Path
) -> None:
    os.link(view.folder / "f", tmp_path / "blob")
    _, place = give(job_store, view)
    place.write_bytes(b"more")
    assert (tmp_path / "blob").read_bytes() == b"data"


def test_another_toil_copies_its_own_way(
    job_store: Any, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cwl_memo.engines.toil import hand_over

    monkeypatch.setattr(hand_over, "is_tested", lambda: False)
    _, place = give(job_store, view)
    assert place.read_bytes() == b"data"
    assert (view.folder / "f").exists()
