from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from cwl_memo.core.digest import Digest, digest_of_bytes
from cwl_memo.core.mode import USUAL
from cwl_memo.core.settings import Settings
from cwl_memo.cwl.view import ViewFile, Views
from cwl_memo.memo import Memo
from cwl_memo.store.protocol import FileDigest

_PATIENCE = 60.0
"""Seconds after which something waits that should not."""


class SlowMemo:
    """Makes files when it is told to.

    :ivar begun: set when the slow one has begun.
    :ivar go_on: to be set when it may go on.
    """

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.settings = Settings()
        self.is_far = False
        self.made: list[str] = []

    def materialise(self, digest: Digest, target: Path, **_: Any) -> None:
        if digest == digest_of_bytes(b"slow"):
            self.begun.set()
            assert self.go_on.wait(_PATIENCE)
        target.write_bytes(b"made")
        self.made.append(target.name)

    def trust(self, path: str, digest: FileDigest) -> None:
        pass


@pytest.fixture
def memo() -> Iterator[SlowMemo]:
    memo = SlowMemo()
    yield memo
    memo.go_on.set()


@pytest.fixture
def views(memo: SlowMemo, tmp_path: Path) -> Views:
    return Views(cast("Memo", memo), lambda: str(tmp_path), lazy=True)


def file(data: bytes) -> ViewFile:
    known = FileDigest(digest_of_bytes(data), len(data), "0" * 40, program=False)
    return ViewFile(known, USUAL, lambda: "")


def test_nobody_waits_for_the_file_of_another_job(views: Views, memo: SlowMemo) -> None:
    slow, fast = (f"{views.new_directory()}/{name}" for name in ("slow", "fast"))
    views.add(slow, file(b"slow"))
    views.add(fast, file(b"fast"))
    first = threading.Thread(target=views.ensure, args=[slow], daemon=True)
    first.start()
    assert memo.begun.wait(_PATIENCE)

    def others() -> None:
        views.ensure(fast)
        views.add(f"{views.new_directory()}/more", file(b"more"))

    second = threading.Thread(target=others, daemon=True)
    second.start()
    second.join(_PATIENCE / 10)
    assert memo.made == ["fast"]
    assert not second.is_alive()
    assert first.is_alive()
    memo.go_on.set()
    first.join(_PATIENCE)
    assert memo.made == ["fast", "slow"]


def test_a_place_is_held_until_somebody_looks(views: Views, memo: SlowMemo) -> None:
    views.foresees = True
    path = Path(views.new_directory(), "d", "x")
    views.add(str(path), file(b"fast"))
    views.make([str(path), str(path)])
    assert (memo.made, path.stat().st_size) == ([], len(b"fast"))
    assert views.digest_of(str(path)) is not None
    path.parent.chmod(0o500)
    views.ensure(str(path))
    assert path.parent.stat().st_mode & 0o777 == 0o500
    path.parent.chmod(0o700)
    assert (memo.made, path.read_bytes()) == (["x"], b"made")


def test_a_file_that_two_need_is_made_once(views: Views, memo: SlowMemo) -> None:
    slow = f"{views.new_directory()}/slow"
    views.add(slow, file(b"slow"))
    threads = [threading.Thread(target=views.ensure, args=[slow], daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert memo.begun.wait(_PATIENCE)
    memo.go_on.set()
    for thread in threads:
        thread.join(_PATIENCE)
    assert memo.made == ["slow"]
