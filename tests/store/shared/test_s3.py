"""A real S3 server that says no, hangs, goes away and comes back."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from cwl_memo.errors import StoreForbiddenError, StoreReadOnlyError, StoreUnreachableError
from cwl_memo.store.shared.opening import open_bucket, open_shared
from tests.servers.s3 import S3Server, running_s3
from tests.store.example import blob
from tests.store.shared.sharing import SMALL_FILE, job, share, take

pytestmark = pytest.mark.slow

NOISE = os.urandom(20 << 20)
"""More than one part of an upload."""


@pytest.fixture
def as_admin(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty store that may be written."""
    login(s3, "admin", monkeypatch)
    return s3.url(secrets.token_hex(8))


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    """A server for a test that ends it."""
    with running_s3() as server:
        login(server, "admin", monkeypatch)
        yield server


def login(server: S3Server, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in server.environment(identity).items():
        monkeypatch.setenv(name, value)


def test_a_reader_finds_and_does_not_write(
    s3: S3Server, as_admin: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    writer = open_shared(as_admin)
    made = share(writer, 1, SMALL_FILE, NOISE)
    writer.close()
    login(s3, "reader", monkeypatch)
    reader = open_shared(as_admin)
    assert reader.find(made.key) is not None
    assert take(reader, made, NOISE, tmp_path / "x") == NOISE
    assert reader.claim(job(9).key) is not None
    with pytest.raises(StoreForbiddenError):
        share(reader, 2, SMALL_FILE)
    # It is not tried again, and reading goes on.
    assert not reader.may_write
    with pytest.raises(StoreReadOnlyError):
        share(reader, 3, SMALL_FILE)
    assert reader.find(made.key) is not None
    reader.close()


def test_a_wrong_secret_is_forbidden(as_admin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    store = open_shared(as_admin)
    with pytest.raises(StoreForbiddenError):
        store.find(job(1).key)
    assert store.find(job(1).key) is None
    store.close()


def test_a_reader_of_objects_may_remove_none(
    s3: S3Server, as_admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_bucket(as_admin).put("a/x", b"1")
    login(s3, "reader", monkeypatch)
    bucket = open_bucket(as_admin)
    for names in (["a/x"], ["a/x", "a/y"]):
        with pytest.raises(StoreForbiddenError):
            bucket.delete(names)
    with pytest.raises(StoreForbiddenError):
        bucket.put_file("a/large", io.BytesIO(NOISE), len(NOISE))
    with pytest.raises(StoreForbiddenError):
        bucket.has_create()


def test_a_server_that_hangs_costs_its_time_outs_and_no_more(own: S3Server) -> None:
    url = own.url("hang")
    store = open_shared(url, timeout=1.0)
    made = share(store, 1, SMALL_FILE)
    own.freeze()
    try:
        for _ in range(3):
            with pytest.raises(StoreUnreachableError):
                store.find(made.key)
        with pytest.raises(StoreUnreachableError, match="not asked any more"):
            store.find(made.key)
        with pytest.raises(StoreUnreachableError, match="not asked any more"):
            share(store, 2, SMALL_FILE)
        assert store.claim(made.key) is not None
    finally:
        own.thaw()
    store.close()
    again = open_shared(url, timeout=5.0)
    assert again.find(made.key) is not None
    again.close()


def test_a_server_that_goes_away_in_the_middle_of_a_blob_leaves_no_file(
    own: S3Server, tmp_path: Path
) -> None:
    url = own.url("gone")
    store = open_shared(url, timeout=2.0)
    made = share(store, 1, SMALL_FILE, NOISE)
    assert store.find(made.key) is not None
    own.kill()
    with pytest.raises(StoreUnreachableError):
        store.fetch(made.key, blob(NOISE), tmp_path / "x")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreUnreachableError):
        share(store, 2, NOISE[::-1])
    store.close()
    own.start()
    again = open_shared(url, timeout=5.0)
    assert take(again, made, NOISE, tmp_path / "x") == NOISE
    again.close()
