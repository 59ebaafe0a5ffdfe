"""No blob goes while an entry that needs it is being published."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.errors import StoreDamagedError, StoreError
from cwl_memo.store.blob import BlobFiles
from cwl_memo.store.collect import Collector
from cwl_memo.store.entry_file import EntryFiles, seal_entry
from cwl_memo.store.lease import Leases
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.sweep import Sweep
from tests.store.damage import entry_path, flip
from tests.store.example import age, digest, entry, key, path_of, python, record

LONG_AGO = 1_000_000_000.0


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    return Sweep(tmp_path, patience=0.05)


def test_two_may_publish_at_once(sweep: Sweep) -> None:
    with sweep.publishing(key(1)), sweep.publishing(key(2)):
        pass


def test_nobody_publishes_while_blobs_are_removed(sweep: Sweep) -> None:
    with (
        sweep.at_work(),
        sweep.removing(),
        pytest.raises(StoreError, match="locked"),
        sweep.publishing(key(1)),
    ):
        pass


def test_no_blobs_are_removed_while_somebody_publishes(sweep: Sweep) -> None:
    with (
        sweep.at_work(),
        sweep.publishing(key(1)),
        pytest.raises(StoreError, match="locked"),
        sweep.removing(),
    ):
        pass


def test_whoever_removes_blobs_hears_of_each_entry_once(sweep: Sweep, tmp_path: Path) -> None:
    with sweep.publishing(key(1)):
        pass
    with sweep.at_work():
        for numbers in ((2, 3), (), (4,)):
            for number in numbers:
                with sweep.publishing(key(number)):
                    pass
            with sweep.removing() as published:
                assert published == [key(number) for number in numbers]
    assert not (tmp_path / "sweep.keys").exists()


def test_a_line_half_written_hides_no_other(sweep: Sweep, tmp_path: Path) -> None:
    with sweep.at_work():
        with (tmp_path / "sweep.keys").open("a") as file:
            file.write(key(1).hex[:40])
        with sweep.publishing(key(2)), pytest.raises(StoreError), sweep.removing():
            pass
        with sweep.removing() as published:
            assert published == [key(2)]


def test_a_list_that_a_killed_process_left_is_begun_anew(sweep: Sweep, tmp_path: Path) -> None:
    (tmp_path / "sweep.keys").write_text(f"{key(1).hex}\n")
    with sweep.publishing(key(2)):
        pass
    with sweep.at_work(), sweep.removing() as published:
        assert published == []


def test_a_lock_ends_with_its_process(local: LocalStore) -> None:
    process = python(
        "import sys\n"
        "from pathlib import Path\n"
        "from cwl_memo.store.sweep import Sweep\n"
        "sweep = Sweep(Path(sys.argv[1], 'locks'))\n"
        "with sweep.at_work(), sweep.removing():\n"
        "    print('here', flush=True)\n"
        "    sys.stdin.read()\n",
        local.location,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.kill()
    process.communicate()
    made = record(local, 1, b"one")
    assert local.get_entry(key(1)) == made


def test_one_who_publishes_waits_for_one_who_removes(sweep: Sweep, tmp_path: Path) -> None:
    patient = Sweep(tmp_path, patience=60)
    done = threading.Event()

    def publish() -> None:
        with patient.publishing(key(1)):
            done.set()

    with sweep.at_work():
        with sweep.removing():
            thread = threading.Thread(target=publish)
            thread.start()
            assert not done.wait(0.05)
        thread.join()
    assert done.is_set()


# in the store

_Act = Callable[[], object]


def _between(monkeypatch: pytest.MonkeyPatch, name: str, act: _Act) -> None:
    """Do something once, just before a step of collecting."""
    step: Any = getattr(Collector, name)
    waiting = [act]

    def act_then_step(*arguments: Any) -> Any:
        if waiting:
            waiting.pop()()
        return step(*arguments)

    monkeypatch.setattr(Collector, name, act_then_step)


@pytest.mark.parametrize("step", ["_look_at_orphans", "_choose", "_mark", "_take_blobs"])
def test_a_blob_of_an_entry_published_meanwhile_stays(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(local, 1, b"shared", used=LONG_AGO)
    other = open_store(root)
    _between(monkeypatch, step, lambda: other.publish(entry(2, b"shared")))
    local.gc(0)
    assert local.check_blob(digest(b"shared"), 6)
    other.close()


@pytest.mark.parametrize("step", ["_look_at_orphans", "_choose", "_mark", "_take_blobs", "_remove"])
def test_an_orphan_that_an_entry_published_meanwhile_needs_stays(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    local.ingest_bytes(b"one")
    age(path_of(local, b"one"), 4000)
    _between(monkeypatch, step, lambda: local.publish(entry(1, b"one")))
    local.gc(1 << 30)
    assert local.check_blob(digest(b"one"), 3)


@pytest.mark.parametrize("step", ["_look_at_orphans", "_choose", "_mark", "_take_blobs", "_remove"])
def test_an_orphan_that_is_ingested_again_meanwhile_stays(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    local.ingest_bytes(b"one")
    age(path_of(local, b"one"), 4000)
    local._blobs.read_again(digest(b"one"))
    _between(monkeypatch, step, lambda: local.ingest_bytes(b"one"))
    local.gc(1 << 30)
    local.publish(entry(1, b"one"))


def _later(content: bytes) -> bytes:
    time.sleep(0.03)
    return content


@pytest.mark.parametrize("step", ["_choose", "_mark", "_take_blobs"])
def test_a_blob_of_a_victim_that_is_ingested_meanwhile_stays(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    age(path_of(local, b"one"), 4000)
    local._blobs.read_again(digest(b"one"))
    # A file system's clock may be some hundredths of a second behind.
    _between(monkeypatch, step, lambda: local.ingest_bytes(_later(b"one")))
    assert [eviction.key for eviction in local.gc(0)] == [key(1)]
    local.publish(entry(2, b"one"))


@pytest.mark.parametrize("step", ["_choose", "_mark", "_take_blobs"])
def test_a_victim_that_is_recorded_anew_meanwhile_is_whole(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.ingest_bytes(b"new")
    other = open_store(root)
    _between(monkeypatch, step, lambda: other.publish(entry(1, b"one", b"new")))
    assert local.gc(0) == []
    assert not local.is_evicted(key(1))
    assert local.check_blob(digest(b"one"), 3)
    assert local.check_blob(digest(b"new"), 3)
    other.close()


@pytest.mark.parametrize("step", ["_choose", "_mark", "_take_blobs"])
def test_a_victim_that_a_run_of_another_process_holds_meanwhile_is_whole(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    other = open_store(root)
    other.begin_run("2026-a")
    _between(monkeypatch, step, lambda: Leases.hold(other._leases, "2026-a", key(1)))
    assert local.gc(0) == []
    assert not local.is_evicted(key(1))
    assert local.check_blob(digest(b"one"), 3)
    other.close()


@pytest.mark.parametrize("step", ["_mark", "_take_blobs"])
def test_a_blob_that_a_spared_victim_shares_with_another_stays(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    record(local, 1, b"own1", b"shared", used=LONG_AGO)
    record(local, 2, b"own2", b"shared", used=LONG_AGO + 1)
    monkeypatch.setattr("cwl_memo.store.collect._BATCH", 1)
    _between(monkeypatch, step, lambda: local.hold("no run", key(1), time.time()))
    local.gc(0)
    assert local.check_blob(digest(b"own1"), 4)
    assert local.check_blob(digest(b"shared"), 6)
    assert not local.check_blob(digest(b"own2"), 4)


def test_batches_take_everything(local: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cwl_memo.store.collect._BATCH", 2)
    for number in range(5):
        record(local, number, b"%d" % number, used=LONG_AGO + number)
        local.ingest_bytes(b"orphan %d" % number)
        age(path_of(local, b"orphan %d" % number), 4000)
    assert len(local.gc(0)) == 5
    assert local.stats().blobs == 0


def test_a_victim_whose_file_says_something_else_is_spared(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    record(local, 2, b"two", used=LONG_AGO + 1)
    local.stats()
    local.ingest_bytes(b"mine")
    other = entry(1, b"mine")
    # In place, so that only its bytes tell.
    entry_path(root, 1).chmod(0o644)
    entry_path(root, 1).write_bytes(seal_entry(other))
    local._entries.touch(key(1), LONG_AGO)
    age(path_of(local, b"mine"), 4000)
    assert [eviction.key for eviction in local.gc(0)] == [key(2)]
    assert local.get_entry(key(1)) == other
    assert local.check_blob(digest(b"mine"), 4)
    # And now the index knows.
    assert [eviction.key for eviction in local.gc(0)] == [key(1)]


def test_a_victim_that_turns_out_damaged_is_set_aside(local: LocalStore, root: Path) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.stats()
    flip(entry_path(root))
    local._entries.touch(key(1), LONG_AGO)
    assert local.gc(0) == []
    assert local.stats().quarantined == 1


def test_an_entry_is_not_published_without_its_blobs(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though they were there when it was begun."""
    local.ingest_bytes(b"one")
    write = EntryFiles.write

    def late(files: EntryFiles, what: Any, placing: AbstractContextManager[Any]) -> Any:
        @contextmanager
        def removed() -> Any:
            path_of(local, b"one").unlink()
            with placing:
                yield

        return write(files, what, removed())

    monkeypatch.setattr(EntryFiles, "write", late)
    with pytest.raises(StoreDamagedError):
        local.publish(entry(1, b"one"))
    assert local.get_entry(key(1)) is None
    assert list((Path(local.location) / "tmp").iterdir()) == []


def test_entries_are_not_cleared_while_another_process_collects(
    local: LocalStore, root: Path
) -> None:
    record(local, 1, b"one")
    with (root / "locks" / "gc.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="try again"):
            local.clear([key(1)])
    assert local.clear([key(1)]) == 1


def test_clearing_keeps_blobs_of_entries_published_meanwhile(
    local: LocalStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one")
    other = open_store(root)
    _between(monkeypatch, "_remove", lambda: other.publish(entry(2, b"one")))
    assert local.clear([key(1)]) == 1
    assert local.check_blob(digest(b"one"), 3)
    other.close()


def test_a_blob_that_is_gone_meanwhile_is_no_failure(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(local, 1, b"one", used=LONG_AGO)
    local.ingest_bytes(b"orphan")
    _between(monkeypatch, "_look_at_orphans", path_of(local, b"orphan").unlink)
    _between(monkeypatch, "_take_blobs", path_of(local, b"one").unlink)
    assert len(local.gc(0)) == 1


def test_collecting_and_publishing_at_once_leaves_only_whole_entries(
    local: LocalStore, root: Path
) -> None:
    process = python(
        "import sys\n"
        "from cwl_memo.store.local import open_store\n"
        "from cwl_memo.errors import StoreDamagedError\n"
        "from tests.store.example import record\n"
        "store = open_store(sys.argv[1])\n"
        "print('here', flush=True)\n"
        "for number in range(400):\n"
        "    try:\n"
        "        record(store, number % 40, b'%d' % (number % 7), b'%d' % (number % 11))\n"
        "    except StoreDamagedError:\n"
        "        pass\n"
        "store.close()\n",
        root,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    while process.poll() is None:
        local.gc(5)
    process.communicate()
    assert process.returncode == 0
    for found in local.keys():  # noqa: SIM118  (no mapping)
        kept = local.get_entry(found)
        assert kept is not None
        if not local.is_evicted(found):
            assert all(local.check_blob(blob.digest, blob.size) for blob in kept.blobs)
    assert local.verify().missing_blobs == ()


@pytest.mark.parametrize("step", [BlobFiles.remove, EntryFiles.mark_evicted])
def test_a_collection_that_is_killed_leaves_only_whole_entries(
    local: LocalStore, monkeypatch: pytest.MonkeyPatch, step: Any
) -> None:
    class KilledError(BaseException):
        pass

    for number in range(6):
        record(local, number, b"%d" % number, b"shared", used=LONG_AGO + number)
    calls = []

    def killed(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KilledError
        return step(*arguments)

    monkeypatch.setattr("cwl_memo.store.collect._BATCH", 2)
    owner = BlobFiles if step is BlobFiles.remove else EntryFiles
    with monkeypatch.context() as patched:
        patched.setattr(owner, step.__name__, killed)
        with pytest.raises(KilledError):
            local.gc(0)
    assert local.verify().missing_blobs == ()
    assert len(local.gc(0)) + sum(local.is_evicted(key(n)) for n in range(6)) >= 6
    for path in (Path(local.location) / "blobs").glob("*/*"):
        age(path, 4000)
    local.gc(0)
    assert local.stats().blobs == 0
