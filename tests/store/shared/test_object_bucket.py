"""What obstore says, told as errors of the store."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import obstore.store
import pytest
from obstore.exceptions import (
    AlreadyExistsError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
)
from cwl_memo.store.shared.object_bucket import ObjectBucket, open_objects

STATUS = "Server returned non-2xx status code: "


class FakeObstore:
    """Stands for the package: each call gives, or raises, what was said."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        answer = self._answers[name]

        def call(*arguments: Any, **options: Any) -> Any:
            if isinstance(answer, BaseException):
                raise answer
            return answer(*arguments, **options) if callable(answer) else answer

        return call


class FakeResult:
    """What a get gives of an object said to have ten bytes."""

    def __init__(self, *parts: bytes) -> None:
        self.meta = {"size": 10}
        self._parts = parts

    def bytes(self) -> bytes:
        return b"".join(self._parts)

    def stream(self, **_: Any) -> Iterator[Any]:
        return iter(self._parts)


def bucket(**answers: Any) -> ObjectBucket:
    return ObjectBucket("s3://b/p", FakeObstore(**answers), None, None, is_bulk=True)


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (PermissionDeniedError("no"), StoreForbiddenError),
        (UnauthenticatedError("who?"), StoreForbiddenError),
        (GenericError("DeleteObjects failed (code: AccessDenied)"), StoreForbiddenError),
        (GenericError(STATUS + "403 Forbidden"), StoreForbiddenError),
        (GenericError(STATUS + "507 Insufficient Storage"), StoreFullError),
        (GenericError("<Code>QuotaExceeded</Code>"), StoreFullError),
        (GenericError(STATUS + "500 Internal Server Error"), StoreUnreachableError),
        (TimeoutError(), StoreUnreachableError),
        (RuntimeError("out of the blue"), StoreUnreachableError),
        (StoreDamagedError("passed on"), StoreDamagedError),
    ],
    ids=range(10),
)
def test_every_failure_is_an_error_of_the_store(raised: Exception, error: type[StoreError]) -> None:
    place = bucket(get=raised, head=raised, put=raised, list=raised, delete=raised)
    for ask in (
        lambda: place.get("x", 10),
        lambda: list(place.read("x")),
        lambda: place.head("x"),
        lambda: place.put("x", b""),
        lambda: place.put_file("x", io.BytesIO(b"1"), 1),
        lambda: place.put_file("x", io.BytesIO(bytes(9 << 20)), 9 << 20),
        lambda: list(place.list()),
        lambda: place.delete(["x"]),
        lambda: place.delete(["x", "y"]),
        place.has_create,
    ):
        with pytest.raises(error) as told:
            ask()
        assert type(told.value) is error


def test_what_obstore_says_is_told_in_one_line() -> None:
    place = bucket(head=GenericError("the cause\n\nDebug source:\n" + "x" * 10_000))
    with pytest.raises(StoreUnreachableError) as told:
        place.head("x")
    assert str(told.value) == "could not look at x: the cause"


def test_an_object_that_is_cut_is_damage() -> None:
    assert bucket(get=FakeResult(b"01234", b"56789")).get("x", 10) == b"0123456789"
    with pytest.raises(StoreDamagedError):
        bucket(get=FakeResult(b"012")).get("x", 10)
    with pytest.raises(StoreDamagedError):
        list(bucket(get=FakeResult(b"012", b"345")).read("x"))


def test_a_server_that_ignores_the_condition_is_found_out() -> None:
    there: dict[str, bytes] = {}

    def put(_: Any, name: str, data: bytes, **__: Any) -> None:
        there[name] = data

    def head(_: Any, name: str) -> dict[str, Any]:
        if name not in there:
            raise FileNotFoundError
        now = dt.datetime.now(dt.timezone.utc)
        return {"size": len(there[name]), "last_modified": now, "e_tag": None}

    def delete(_: Any, name: str) -> None:
        there.pop(name)

    place = bucket(put=put, head=head, delete=delete)
    assert not place.has_create()
    assert there == {}
    # What can be done without is done.
    assert place.put("x", b"1", create=True)
    assert not place.put("x", b"2", create=True)
    assert there == {"x": b"1"}
    found = place.head("x")
    assert found is not None
    assert found.tag == ""


@pytest.mark.parametrize("said", ["501 Not Implemented", "400 Bad Request"])
def test_a_server_that_does_not_know_the_condition_has_none(said: str) -> None:
    place = bucket(put=GenericError(STATUS + said), delete=None)
    assert not place.has_create()


def test_a_server_that_knows_the_condition_has_it() -> None:
    answers = iter([None, AlreadyExistsError("there")])

    def put(*_: Any, **__: Any) -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    place = bucket(put=put, delete=GenericError("not now"))
    assert place.has_create()
    assert place.has_create()


def test_an_obstore_that_knows_no_time_between_two_reads_will_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []

    def from_url(url: str, *, client_options: dict[str, Any], **_: Any) -> object:
        if "read_timeout" in client_options:
            raise ValueError("Invalid key: read_timeout")
        made.append(client_options)
        return object()

    monkeypatch.setattr(obstore.store, "from_url", from_url)
    open_objects("s3://b/p", 3.0)
    assert [options["timeout"] for options in made] == [dt.timedelta(seconds=3)]


def test_what_obstore_does_not_read_itself_is_told_to_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []

    def from_url(url: str, *, client_options: dict[str, Any], **_: Any) -> object:
        made.append(client_options)
        return object()

    monkeypatch.setattr(obstore.store, "from_url", from_url)
    for name in ("AWS_ALLOW_HTTP", "AWS_ENDPOINT_URL", "AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    open_objects("gs://b/p", 3.0)
    assert "allow_http" not in made[-1]
    assert "root_certificate" not in made[-1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (tmp_path / "ca.pem").write_bytes(b"PEM")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    open_objects("s3://b/p", 3.0)
    assert made[-1]["allow_http"] is True
    assert made[-1]["root_certificate"] == b"PEM"


def test_no_object_is_a_file_of_this_machine() -> None:
    assert bucket().path_of("x") is None
