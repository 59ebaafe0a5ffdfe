"""Several processes on one store: claims, living runs, and processes that are killed."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from cwl_memo.errors import StoreError
from cwl_memo.store.claim import Claims
from cwl_memo.store.local import LocalStore, open_store
from tests.store.example import age, digest, key, python, record

LONG_AGO = 1_000_000_000.0

PRELUDE = """
import sys, time
from cwl_memo.store.local import open_store
from tests.store.example import digest, entry, key, record
store = open_store(sys.argv[1])
"""


@contextmanager
def process(code: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process on the store, which has said that it is ready; killed at the end."""
    started = python(PRELUDE + code, root)
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        yield started
    finally:
        started.kill()
        started.communicate()


def finish(started: subprocess.Popen[str]) -> None:
    """Let another process go on to its end."""
    started.communicate("go on\n", timeout=60)
    assert started.returncode == 0


CLAIM = "claim = store.claim(key(1))\nprint('ready', flush=True)\nsys.stdin.readline()\n"
RUN = (
    "store.begin_run('2026-other')\nstore.hold('2026-other', key(1), 1e9)\n"
    "print('ready', flush=True)\nsys.stdin.readline()\n"
)


def test_another_process_waits_for_a_claim_until_it_is_released(
    local: LocalStore, root: Path
) -> None:
    with process(CLAIM + "claim.release()\nstore.close()\n", root) as other:
        assert local.claim(key(1)) is None
        assert local.claim(key(2)) is not None
        finish(other)
    claim = local.claim(key(1))
    assert claim is not None
    claim.release()
    assert not (root / "locks" / f"{key(1).hex}.lock").exists()


def test_a_claim_ends_when_its_process_is_killed(local: LocalStore, root: Path) -> None:
    with process(CLAIM, root) as other:
        assert local.claim(key(1)) is None
        other.kill()
        other.communicate()
        assert local.claim(key(1)) is not None


def test_claims_end_when_the_store_is_closed(local: LocalStore, root: Path) -> None:
    assert local.claim(key(1)) is not None
    again = open_store(root)
    assert again.claim(key(1)) is None
    local.close()
    assert again.claim(key(1)) is not None
    again.close()


def test_a_claim_whose_file_is_gone_is_released_all_the_same(local: LocalStore, root: Path) -> None:
    claim = local.claim(key(1))
    assert claim is not None
    (root / "locks" / f"{key(1).hex}.lock").unlink()
    claim.release()
    assert local.claim(key(1)) is not None


def test_something_in_place_of_a_lock_is_a_failure_of_the_store(
    local: LocalStore, root: Path
) -> None:
    (root / "locks" / f"{key(1).hex}.lock").mkdir()
    with pytest.raises(StoreError):
        local.claim(key(1))


def test_a_lock_of_the_whole_process_still_tells_its_threads_apart(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert local.claim(key(1)) is not None
    # As with a network file system that locks in this way.
    monkeypatch.setattr("cwl_memo.store.claim.try_lock", FileLock)
    assert local.claim(key(1)) is None
    assert local.claim(key(2)) is not None


def test_claims_know_nothing_of_other_keys(tmp_path: Path) -> None:
    claims = Claims(tmp_path)
    held = [claims.claim(key(number)) for number in range(3)]
    assert None not in held
    claims.end_all()
    claims.end_all()
    assert list(tmp_path.iterdir()) == []


# living runs


def test_what_a_run_of_another_process_holds_is_not_evicted(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 2, b"two", used=LONG_AGO)
    with process(RUN + "store.end_run('2026-other')\n", root) as other:
        assert [eviction.key for eviction in local.gc(0)] == [key(2)]
        assert local.check_blob(digest(b"one"), 3)
        finish(other)
    assert [eviction.key for eviction in local.gc(0)] == [key(1)]
    assert list((root / "locks").glob("run-*")) == []


def test_what_a_killed_run_held_is_evicted_and_the_run_forgotten(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    with process(RUN, root) as other:
        assert local.gc(0) == []
        other.kill()
        other.communicate()
        assert [eviction.key for eviction in local.gc(0)] == [key(1)]
        assert list((root / "locks").glob("run-*")) == []


def test_nothing_is_cleared_under_a_run_of_another_process(local: LocalStore, root: Path) -> None:
    made = record(local, 1, b"one")
    record(local, 2, b"two")
    with process(RUN + "store.close()\n", root) as other:
        with pytest.raises(StoreError, match="still lives"):
            local.clear()
        with pytest.raises(StoreError, match="still lives"):
            local.clear([key(1), key(2)])
        assert local.get_entry(key(1)) == made
        assert local.clear([key(2)]) == 1
        with pytest.raises(StoreError, match="lives in another process"):
            local.begin_run("2026-other")
        finish(other)
    assert local.clear() == 1


def test_a_run_of_this_process_does_not_keep_it_from_clearing(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one")
    local.begin_run("2026-own")
    local.hold("2026-own", key(1), 1.0)
    local.append_run("2026-own", {"line": "run"})
    local.append_run("2026-old", {"line": "run"})
    assert local.clear([key(1)]) == 1
    assert local.clear() == 0
    # It goes on writing its record.
    assert local.runs() == ["2026-own"]
    local.close()
    assert list((root / "locks").glob("run-*")) == []


def test_leases_that_nobody_wrote_hold_nothing(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    (root / "locks" / "run-bad name.keys").write_text(f"{key(1).hex}\n")
    with process(RUN, root):
        (root / "locks" / "run-2026-other.keys").write_bytes(b"\xff\nnot a key\n")
        assert [eviction.key for eviction in local.gc(0)] == [key(1)]
    local.gc(0)
    assert list((root / "locks").glob("run-*")) == []


def test_leases_that_cannot_be_read_or_written_hold_nothing(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 2, b"two", used=LONG_AGO)
    with process(RUN, root):
        keys = root / "locks" / "run-2026-other.keys"
        keys.unlink()
        keys.symlink_to(root / "README.txt")
        local.begin_run("2026-own")
        own = root / "locks" / "run-2026-own.keys"
        own.unlink()
        own.symlink_to(root / "README.txt")
        before = (root / "README.txt").read_bytes()
        local.hold("2026-own", key(2), LONG_AGO)
        # This process knows what it holds itself.
        assert [eviction.key for eviction in local.gc(0)] == [key(1)]
        assert (root / "README.txt").read_bytes() == before


def test_a_lease_is_not_begun_through_a_link(local: LocalStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_bytes(b"mine")
    (root / "locks" / "run-2026-own.keys").symlink_to(tmp_path / "mine")
    with pytest.raises(StoreError):
        local.begin_run("2026-own")
    assert (tmp_path / "mine").read_bytes() == b"mine"


# killed in the middle

RECORD_FOR_EVER = """
print('ready', flush=True)
number = 0
while True:
    number += 1
    content = b'%d ' % number * 20_000
    store.begin_run(f'2026-{number}')
    store.hold(f'2026-{number}', key(number % 5), time.time())
    record(store, number % 5, content, b'own %d' % number, b'shared')
    store.append_run(f'2026-{number}', {'line': 'run'})
    store.end_run(f'2026-{number}')
    if number % 7 == 0:
        store.gc(200_000)
"""


def test_a_process_killed_at_any_moment_leaves_whole_entries_or_none(
    local: LocalStore, root: Path
) -> None:
    local.close()
    recorded = 0
    for _ in range(5):
        with process(RECORD_FOR_EVER, root):
            time.sleep(random.uniform(0.01, 0.15))
        store = open_store(root)
        report = store.verify()
        assert (report.bad_entries, report.bad_blobs, report.missing_blobs) == ((), (), ())
        for found in list(store.keys()):
            entry = store.get_entry(found)
            assert entry is not None
            if not store.is_evicted(found):
                recorded += 1
                for blob in entry.blobs:
                    assert store.check_blob(blob.digest, blob.size)
        assert store.stats().quarantined == 0
        store.close()
    assert recorded


# what they leave behind


def test_old_leftovers_go_and_young_ones_stay(local: LocalStore, root: Path) -> None:
    names = ["blob-x", "entry-y"]
    for name in names:
        (root / "tmp" / name).write_bytes(b"half")
        (root / "tmp" / f"old-{name}").write_bytes(b"half")
        age(root / "tmp" / f"old-{name}", 3700)
    (root / "tmp" / "link").symlink_to(root / "entries")
    age(root / "tmp" / "link", 3700)
    (root / "quarantine" / "seen").mkdir()
    (root / "quarantine" / "seen" / "inside").write_bytes(b"")
    age(root / "quarantine" / "seen", 31 * 24 * 3600)
    (root / "quarantine" / "fresh").mkdir()
    age(root / "quarantine" / "fresh", 29 * 24 * 3600)
    local.gc(1 << 30, dry_run=True)
    assert len(list((root / "tmp").iterdir())) == 5
    local.gc(1 << 30)
    assert sorted(path.name for path in (root / "tmp").iterdir()) == names
    assert [path.name for path in (root / "quarantine").iterdir()] == ["fresh"]
    assert (root / "entries").is_dir()


def test_old_locks_of_dead_claims_go(local: LocalStore, root: Path) -> None:
    with process(CLAIM, root) as other:
        for number in (2, 3):
            (root / "locks" / f"{key(number).hex}.lock").touch()
        for number in (1, 2):
            age(root / "locks" / f"{key(number).hex}.lock", 3700)
        local.gc(0)
        left = {path.name for path in (root / "locks").glob("0*.lock")}
        assert left == {f"{key(1).hex}.lock", f"{key(3).hex}.lock"}
        assert local.claim(key(1)) is None
        other.kill()
    (root / "locks" / f"{key(4).hex}.lock").mkdir()
    age(root / "locks" / f"{key(4).hex}.lock", 3700)
    local.gc(0)
    assert os.path.lexists(root / "locks" / f"{key(4).hex}.lock")
