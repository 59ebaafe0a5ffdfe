"""What every store does for runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.errors import StoreError
from cwl_memo.store.protocol import FileDigest, FileIdentity, Store
from tests.store.example import digest, key, record

LONG_AGO = 1_000_000_000.0

# use


def test_what_a_run_holds_is_evicted_only_after_it(store: Store) -> None:
    record(store, 1, b"one", used=LONG_AGO)
    store.begin_run("2026-a")
    store.begin_run("2026-a")
    store.hold("2026-a", key(1), LONG_AGO)
    store.hold("2026-a", key(1), LONG_AGO)
    assert store.gc(0) == []
    store.end_run("2026-a")
    store.end_run("2026-a")
    assert [eviction.key for eviction in store.gc(0)] == [key(1)]


def test_holding_what_is_not_there_yet_is_no_error(store: Store) -> None:
    store.begin_run("2026-a")
    store.hold("2026-a", key(1), time.time())
    store.hold("never begun", key(1), time.time())
    record(store, 1, b"one")
    assert store.gc(0) == []


@pytest.mark.parametrize("run", ["", "../out", "a/b", ".hidden", "a" * 200, "new\nline"])
def test_the_id_of_a_run_cannot_name_a_file_elsewhere(store: Store, run: str) -> None:
    with pytest.raises(StoreError):
        store.begin_run(run)
    with pytest.raises(StoreError):
        store.append_run(run, {})


def test_a_job_is_claimed_once_until_the_claim_is_released(store: Store) -> None:
    claim = store.claim(key(1))
    assert claim is not None
    assert store.claim(key(1)) is None
    assert store.claim(key(2)) is not None
    claim.release()
    second = store.claim(key(1))
    assert second is not None
    # Released once more: the claim of another must stand.
    claim.release()
    assert store.claim(key(1)) is None


def test_of_many_threads_one_gets_the_claim(store: Store) -> None:
    claims = []
    ready = threading.Barrier(8)

    def claim() -> None:
        ready.wait()
        claims.append(store.claim(key(1)))

    threads = [threading.Thread(target=claim) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(claim is not None for claim in claims) == 1


def test_threads_record_at_the_same_time(store: Store, tmp_path: Path) -> None:
    failures: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for number in range(10):
                made = record(store, 100 * thread + number, b"shared", b"%d" % thread)
                assert store.get_entry(made.key) == made
                assert store.check_blob(digest(b"shared"), 6)
                store.materialise(digest(b"shared"), tmp_path / f"{thread}-{number}", hardlink=True)
        except BaseException as failure:  # noqa: BLE001  (shown by the assert below)
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.stats().entries == 40
    assert store.stats().blobs == 5
    assert store.verify().bad_blobs == ()


# digests of files outside the store


def _identity(**changes: int) -> FileIdentity:
    # Ten seconds old when it is hashed.
    then = time.time_ns() - 20_000_000_000
    fields = {"device": 1, "inode": 2, "size": 3, "mtime_ns": then, "ctime_ns": then}
    return FileIdentity(**{**fields, **changes})


KNOWN = FileDigest(Digest("ab" * 32), 3, "cd" * 20, program=True)


def test_a_digest_is_known_for_the_unchanged_file_alone(store: Store) -> None:
    identity = _identity()
    store.remember_digest(identity, KNOWN, time.time_ns())
    assert store.known_digest(identity) == KNOWN
    for name in ("device", "inode", "size", "mtime_ns", "ctime_ns"):
        other = identity._replace(**{name: getattr(identity, name) + 1})
        assert store.known_digest(other) is None


def test_a_digest_is_renewed_with_its_file(store: Store) -> None:
    identity = _identity()
    newer = FileDigest(Digest("cd" * 32), 3, "ab" * 20, program=False)
    store.remember_digest(identity, KNOWN, time.time_ns())
    store.remember_digest(identity, newer, time.time_ns())
    assert store.known_digest(identity) == newer


@pytest.mark.parametrize("field", ["mtime_ns", "ctime_ns"])
@pytest.mark.parametrize("age_ns", [-60_000_000_000, 0, 1_999_000_000])
def test_a_file_changed_as_it_was_hashed_is_not_trusted(
    store: Store, field: str, age_ns: int
) -> None:
    now = time.time_ns()
    identity = _identity(**{field: now - age_ns})
    store.remember_digest(identity, KNOWN, now)
    assert store.known_digest(identity) is None


def test_a_file_two_seconds_old_is_trusted(store: Store) -> None:
    now = time.time_ns()
    identity = _identity(mtime_ns=now - 2_000_000_000, ctime_ns=now - 2_000_000_000)
    store.remember_digest(identity, KNOWN, now)
    assert store.known_digest(identity) == KNOWN


def test_a_digest_from_the_future_is_not_trusted(store: Store) -> None:
    identity = _identity()
    store.remember_digest(identity, KNOWN, time.time_ns() + 60_000_000_000)
    assert store.known_digest(identity) is None


def test_the_secret_stays_the_same(store: Store) -> None:
    assert len(store.secret()) == 32
    assert store.secret() == store.secret()


# runs


def test_a_run_is_read_as_it_was_written(store: Store) -> None:
    lines = [{"line": "run", "run": "2026-a"}, {"line": "job", "name": "caf\u00e9\n"}]
    for line in lines:
        store.append_run("2026-a", line)
    assert store.read_run("2026-a") == lines
    assert store.read_run("2026-b") == []


def test_runs_are_listed_oldest_first(store: Store) -> None:
    for run in ("2026-02-01T10-00-00-a", "2026-01-01T10-00-00-b"):
        store.append_run(run, {})
    assert store.runs() == ["2026-01-01T10-00-00-b", "2026-02-01T10-00-00-a"]


@pytest.mark.parametrize("value", [float("nan"), object()])
def test_a_line_that_json_cannot_name_is_refused(store: Store, value: object) -> None:
    with pytest.raises(StoreError):
        store.append_run("2026-a", {"value": value})
