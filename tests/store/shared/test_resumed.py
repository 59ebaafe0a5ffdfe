"""A large blob whose download a killed run began: the next run fetches what is missing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cwl_memo.errors import StoreDamagedError, StoreUnreachableError
from cwl_memo.store import blob as blob_module
from cwl_memo.store.local import open_store
from cwl_memo.store.shared import store as store_module
from cwl_memo.store.shared.blobs import Blobs
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.store import SharedStore
from cwl_memo.store.tiered import TieredStore
from tests.store.example import digest
from tests.store.shared.faults import FaultyBucket
from tests.store.shared.sharing import share

PART = 100_000
NOISE = os.urandom(5 * PART)


class Line(FaultyBucket):
    """One that is dead after so many parts."""

    left = 3
    read_parts = 0

    def read(self, name: str) -> Iterator[bytes]:
        if self.left <= 0:
            raise StoreUnreachableError("the line is dead")
        self.left -= 1
        self.read_parts += 1
        return super().read(name)


def test_it_does_not_begin_again(
    memory: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blob_module, "_RESUMED", PART)
    monkeypatch.setattr(store_module, "Blobs", partial(Blobs, part=PART))
    made = share(SharedStore(memory), 1, NOISE)
    line = Line(memory)

    def home() -> TieredStore:
        return TieredStore(open_store(tmp_path / "home"), SharedStore(line), ask_again=0)

    store = home()
    assert store.get_entry(made.key) == made
    with pytest.raises(StoreDamagedError):
        store.read_blob(digest(NOISE))
    store.close()
    line.left, line.read_parts = 100, 0
    store = home()
    assert store.get_entry(made.key) == made
    assert store.read_blob(digest(NOISE)) == NOISE
    assert line.read_parts == 2
    assert list((tmp_path / "home" / "tmp").iterdir()) == []
    store.close()
