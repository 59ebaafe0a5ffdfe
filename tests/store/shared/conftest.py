"""Places for shared stores, of every kind."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.opening import open_bucket
from tests.servers.faulty import FaultyProxy, overwrite, running_proxy
from tests.servers.s3 import S3Server, running_s3


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """A real S3 server, once for all tests that ask for it."""
    with running_s3() as server:
        yield server


@pytest.fixture(params=["memory", "file", pytest.param("s3", marks=pytest.mark.slow)])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A URL under which nothing is yet, of every kind in turn."""
    if request.param == "memory":
        return f"memory://{secrets.token_hex(8)}"
    if request.param == "file":
        return (tmp_path / "shared").as_uri()
    server: S3Server = request.getfixturevalue("s3")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    return server.url(secrets.token_hex(8))


@pytest.fixture
def bucket(url: str) -> Iterator[Bucket]:
    """An empty place, of every kind in turn."""
    bucket = open_bucket(url)
    yield bucket
    bucket.close()


@pytest.fixture
def memory() -> Iterator[Bucket]:
    """An empty place in memory."""
    bucket = open_bucket(f"memory://{secrets.token_hex(8)}")
    yield bucket
    bucket.close()


@pytest.fixture
def faulty(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyProxy]:
    """A proxy that may misbehave, in front of the real S3 server; clients are led to it."""
    with running_proxy(s3.endpoint, partial(overwrite, s3)) as proxy:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
        yield proxy
