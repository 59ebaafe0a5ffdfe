"""A real S3 server that misbehaves: nothing wrong comes out, nothing but store errors, no hang."""

from __future__ import annotations

import os
import random
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.errors import StoreError
from cwl_memo.store.shared.opening import open_shared
from cwl_memo.store.shared.store import SharedStore
from tests.servers.fault import Call, Fault, Kind
from tests.servers.faulty import FaultyProxy
from tests.store.shared.sharing import SMALL_FILE, job, opener, share, take, tombstone

pytestmark = pytest.mark.slow

NOISE = random.Random(1).randbytes(100_000)
TEXT = b"a line that compresses\n" * 10_000
LARGE = random.Random(2).randbytes(9 << 20)
"""More than one part of an upload in parts."""
CONTENTS = (SMALL_FILE, NOISE, TEXT, LARGE)

TIMEOUT = 1.0

every_kind = pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
sometimes = pytest.mark.parametrize(
    "rate", [1.0, 0.3] if os.environ.get("CWL_MEMO_EVERY_FAULT") else [0.3]
)


@pytest.fixture
def place(faulty: FaultyProxy) -> str:
    """The URL of a store in which three jobs are recorded, one of them through the proxy."""
    url = f"s3://memo/{secrets.token_hex(8)}"
    with_store(url, lambda store: [share(store, number, *CONTENTS) for number in (1, 2)])
    return url


def with_store(url: str, use: Callable[[SharedStore], object]) -> None:
    store = open_shared(url, timeout=TIMEOUT)
    try:
        use(store)
    finally:
        store.close()


def tried(ask: Callable[[], object]) -> object:
    """Return what a call gives; None for an error of the store. Any other fails the test."""
    try:
        return ask()
    except StoreError:
        return None


def look(store: SharedStore, number: int, folder: Path) -> int:
    """Ask for all that belongs to a job; return how many of its blobs came."""
    made = job(number, *CONTENTS)
    found = tried(lambda: store.find(made.key))
    came = 0
    if found is not None:
        assert found.entry == made  # type: ignore[attr-defined]
        for digest, data in found.inline.items():  # type: ignore[attr-defined]
            assert digest_of_bytes(data) == digest
    assert tried(lambda: store.has(made.key, made.blobs)) in {True, False, None}
    for i, content in enumerate(CONTENTS):
        target = folder / f"{number}-{i}"
        data = tried(lambda c=content, t=target: take(store, made, c, t))  # type: ignore[misc]
        assert data in {content, None}
        assert target.exists() == (data is not None)
        came += data is not None
        target.unlink(missing_ok=True)
    assert list(folder.iterdir()) == []
    return came


def fault(kind: Kind, rate: float) -> Fault:
    return Fault((kind,), rate, seconds=-7200 if kind is Kind.CLOCK else 0.5)


def assert_met(faulty: FaultyProxy, kind: Kind, rate: float, method: str) -> None:
    """Claim that a fault that there can be was there."""
    if rate == 1 and fault(kind, rate).possible(Call(method, "")):
        assert faulty.policy.count(kind)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "fetched"
    folder.mkdir()
    return folder


@every_kind
@sometimes
def test_what_is_read_is_right_or_nothing(
    faulty: FaultyProxy, place: str, folder: Path, kind: Kind, rate: float
) -> None:
    faulty.inject(fault(kind, rate))
    for number in (1, 2, 3):
        with_store(place, lambda store, n=number: look(store, n, folder))  # type: ignore[misc]
    assert_met(faulty, kind, rate, "GET")
    faulty.inject()
    with_store(place, lambda store: look(store, 1, folder))


@every_kind
@sometimes
def test_what_is_written_is_right_or_nothing(
    faulty: FaultyProxy, place: str, folder: Path, kind: Kind, rate: float
) -> None:
    def write(store: SharedStore) -> None:
        tried(lambda: store.publish(job(3, *CONTENTS), opener(*CONTENTS)))
        tried(lambda: store.quarantine(job(2, *CONTENTS), "a test"))
        tried(lambda: store.bury(job(1, *CONTENTS).key, tombstone("a test")))
        claim = tried(lambda: store.claim(job(4).key))
        if claim is not None:
            tried(claim.release)  # type: ignore[attr-defined]

    faulty.inject(fault(kind, rate))
    with_store(place, write)
    assert_met(faulty, kind, rate, "PUT")
    faulty.inject()
    for number in (1, 2, 3):
        with_store(place, lambda store, n=number: look(store, n, folder))  # type: ignore[misc]
    # It can be used as ever.
    with_store(place, lambda store: share(store, 3, *CONTENTS))
    came: list[int] = []
    with_store(place, lambda store: came.append(look(store, 3, folder)))
    assert came == [len(CONTENTS)]


def test_server_that_is_not_there(faulty: FaultyProxy, place: str, folder: Path) -> None:
    faulty.down()
    with_store(place, lambda store: look(store, 1, folder))
    faulty.up()
    came: list[int] = []
    with_store(place, lambda store: came.append(look(store, 1, folder)))
    assert came == [len(CONTENTS)]


@pytest.mark.parametrize("kind", [Kind.HANG, Kind.STALL])
def test_server_that_does_not_answer_is_given_up(
    faulty: FaultyProxy, place: str, folder: Path, kind: Kind
) -> None:
    faulty.inject(kind)
    before = len(faulty.policy.calls)

    def ask(store: SharedStore) -> None:
        for number in range(1, 30):
            assert tried(lambda n=number: store.find(job(n).key)) is None  # type: ignore[misc]

    with_store(place, ask)
    assert len(faulty.policy.calls) - before < 15


def test_one_of_two_machines_has_the_right_to_execute(faulty: FaultyProxy, place: str) -> None:
    """Whatever becomes of the requests of leases, a machine ends with an answer."""
    key = job(9).key
    for kind in Kind:
        faulty.inject(Fault((kind,), 0.5, names="/leases/", seconds=0.2))
        ended = threading.Event()

        def ask(ended: threading.Event = ended) -> None:
            def claim(store: SharedStore) -> None:
                held = tried(lambda: store.claim(key))
                if held is not None:
                    tried(held.release)  # type: ignore[attr-defined]

            with_store(place, claim)
            ended.set()

        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(60)
        assert ended.is_set(), kind
