"""The registry of run caches: made, found, changed and deleted, by several at once."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from cwl_memo.core.cache import CacheBehavior, CacheStatus, RunCache
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
    UnknownCacheError,
    UsageError,
)
from cwl_memo.store import cache_file, layout
from cwl_memo.store import caches as registry
from cwl_memo.store.caches import RunCaches
from cwl_memo.store.layout import remove_store
from cwl_memo.store.local import open_store
from tests.store.example import key, python, record

ALWAYS = CacheBehavior.CACHE_ALWAYS


@pytest.fixture
def caches(tmp_path: Path) -> RunCaches:
    """An empty registry."""
    return RunCaches(tmp_path / "caches")


def names(caches: RunCaches, *, deleted: bool = False) -> list[str]:
    return [cache.name for cache in caches.list(deleted=deleted)]


def file_of(caches: RunCaches, cache: RunCache) -> Path:
    return caches.directory / f"{cache.id}.json"


# make and find


def test_a_registry_that_nobody_made_has_no_caches_and_is_not_made(caches: RunCaches) -> None:
    assert caches.list() == ()
    with pytest.raises(UnknownCacheError, match="cwl-memo cache create nightly"):
        caches.get("nightly")
    assert not caches.directory.exists()


def test_a_cache_is_found_by_name_and_by_id(caches: RunCaches) -> None:
    made = caches.create("nightly", behavior=ALWAYS, description="d", tags={"a": "b"})
    assert caches.get("nightly") == caches.get(made.id) == made == caches.list()[0]
    assert (made.behavior, made.description, made.tags) == (ALWAYS, "d", {"a": "b"})
    assert made.status is CacheStatus.ACTIVE
    assert caches.is_active(made.id)
    assert not caches.is_active("1234567")


def test_a_cache_keeps_what_failed_runs_made_by_default(caches: RunCaches) -> None:
    assert caches.create("nightly").behavior is CacheBehavior.CACHE_ON_FAILURE


def test_another_process_finds_the_cache(caches: RunCaches) -> None:
    made = caches.create("nightly")
    assert RunCaches(caches.directory).get("nightly") == made


def test_a_cache_has_a_store_beside_the_registry(caches: RunCaches) -> None:
    made = caches.create("nightly")
    assert Path(made.location) == caches.directory / made.id
    store = caches.open("nightly")
    record(store, 1, b"one")
    store.close()
    store = caches.open(made.id, readonly=True)
    assert list(store.keys()) == [key(1)]
    assert not store.writable
    store.close()


def test_only_the_user_can_look_into_the_registry(caches: RunCaches) -> None:
    made = caches.create("nightly")
    assert caches.directory.stat().st_mode & 0o077 == 0
    assert file_of(caches, made).stat().st_mode & 0o077 == 0


def test_a_store_that_is_there_is_taken_over(caches: RunCaches, tmp_path: Path) -> None:
    store = open_store(tmp_path / "old")
    record(store, 1, b"one")
    store.close()
    assert caches.create("nightly", location=tmp_path / "old").location == str(tmp_path / "old")
    store = caches.open("nightly")
    assert list(store.keys()) == [key(1)]
    store.close()


def test_a_location_may_begin_at_home(
    caches: RunCaches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert caches.create("nightly", location="~/memo").location == str(tmp_path / "memo")


@pytest.mark.parametrize("location", ["", "s3://bucket/memo", "a\0b"])
def test_a_location_that_is_no_directory_of_this_machine_is_refused(
    caches: RunCaches, location: str
) -> None:
    with pytest.raises(UsageError, match="directory of this machine"):
        caches.create("nightly", location=location)
    assert caches.list() == ()


def test_a_foreign_location_is_refused_and_left_alone(caches: RunCaches, tmp_path: Path) -> None:
    foreign = tmp_path / "photos"
    foreign.mkdir()
    (foreign / "cat.jpg").touch()
    with pytest.raises(StoreUnavailableError, match="foreign"):
        caches.create("nightly", location=foreign)
    assert [path.name for path in foreign.iterdir()] == ["cat.jpg"]
    assert caches.list() == ()


def test_a_name_is_given_once(caches: RunCaches) -> None:
    made = caches.create("nightly")
    with pytest.raises(UsageError, match=made.id):
        caches.create("nightly")
    other = caches.create("other")
    with pytest.raises(UsageError, match=made.id):
        caches.update("other", name="nightly")
    assert caches.get(other.id).name == "other"


def test_a_name_is_the_same_in_another_spelling(caches: RunCaches) -> None:
    made = caches.create("na\u0308chtlich")
    assert caches.get("n\u00e4chtlich") == made
    with pytest.raises(UsageError):
        caches.create("n\u00e4chtlich")


def test_an_id_is_not_given_again(caches: RunCaches, monkeypatch: pytest.MonkeyPatch) -> None:
    made = caches.create("nightly")
    caches.delete("nightly")
    drawn = iter([int(made.id) - 1_000_000, 42])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    assert caches.create("nightly").id == "1000042"


@pytest.mark.parametrize(
    "wrong", [{"name": "a\nb"}, {"description": "x" * 257}, {"tags": {"": ""}}]
)
def test_what_a_cache_cannot_have_is_refused(caches: RunCaches, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        caches.create(**{"name": "nightly", **wrong})
    assert not caches.directory.exists()
    caches.create("nightly")
    with pytest.raises(UsageError):
        caches.update("nightly", **wrong)


def test_an_unknown_name_is_told_with_those_that_are_near(caches: RunCaches) -> None:
    for name in ("nightly", "development"):
        caches.create(name)
    with pytest.raises(UnknownCacheError, match=r"there are: nightly$"):
        caches.get("nigthly")
    with pytest.raises(UnknownCacheError, match=r"there are: development, nightly$"):
        caches.get("x\ny")


def test_caches_are_listed_by_their_age(caches: RunCaches, monkeypatch: pytest.MonkeyPatch) -> None:
    for second, name in enumerate(("b", "a", "c")):
        monkeypatch.setattr(registry, "now", lambda second=second: f"2026-01-01T00:00:0{second}")
        caches.create(name)
    assert names(caches) == ["b", "a", "c"]


# where the registry is


def test_the_environment_names_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CWL_MEMO_CACHES", str(tmp_path / "named"))
    assert RunCaches().directory == tmp_path / "named"
    monkeypatch.setenv("CWL_MEMO_CACHES", "")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name, **_: tmp_path / "data" / name)
    assert RunCaches().directory == tmp_path / "data" / "cwl-memo" / "caches"


# change


def test_a_change_leaves_the_rest_as_it_is(caches: RunCaches) -> None:
    made = caches.create("nightly", description="d", tags={"a": "1", "b": "2"})
    changed = caches.update("nightly", behavior=ALWAYS)
    assert (changed.behavior, changed.description, changed.tags) == (ALWAYS, "d", made.tags)
    changed = caches.update("nightly", tags={"b": "3", "c": "4"}, untag=["a"], description="e")
    assert changed.tags == {"b": "3", "c": "4"}
    changed = caches.update("nightly", name="daily")
    assert caches.get("daily") == changed
    assert (changed.id, changed.location, changed.created) == (made.id, made.location, made.created)
    assert (changed.behavior, changed.description) == (ALWAYS, "e")
    assert caches.update("daily", name="daily") == caches.get("daily")


def test_a_tag_that_is_not_there_cannot_go(caches: RunCaches) -> None:
    caches.create("nightly", tags={"a": "1"})
    with pytest.raises(UsageError, match="has no tag 'b'"):
        caches.update("nightly", untag=["a", "b"])
    assert caches.get("nightly").tags == {"a": "1"}


# delete


def test_deleting_keeps_the_data_and_frees_the_name(caches: RunCaches) -> None:
    made = caches.create("nightly")
    store = caches.open("nightly")
    record(store, 1, b"one")
    store.close()
    deleted, left = caches.delete("nightly")
    assert (deleted.status, left) == (CacheStatus.DELETED, ())
    assert not caches.is_active(made.id)
    assert names(caches) == []
    assert names(caches, deleted=True) == ["nightly"]
    assert caches.get(made.id) == deleted
    with pytest.raises(UnknownCacheError, match=f"is deleted .{made.id}."):
        caches.get("nightly")
    for use in (caches.open, caches.update, caches.delete):
        with pytest.raises(UsageError, match="is deleted"):
            use(made.id)
    again = caches.create("nightly", location=made.location)
    assert again.id != made.id
    store = caches.open("nightly")
    assert list(store.keys()) == [key(1)]
    store.close()


def test_a_purge_removes_the_store_and_nothing_else(caches: RunCaches, tmp_path: Path) -> None:
    other = caches.create("other")
    made = caches.create("nightly", location=tmp_path / "memo")
    store = caches.open("nightly")
    record(store, 1, b"one")
    store.secret()
    (tmp_path / "memo" / "replays").mkdir()
    store.close()
    (tmp_path / "memo" / "thesis.txt").write_text("mine")
    (tmp_path / "memo" / "data").mkdir()
    _, left = caches.delete("nightly", purge=True)
    assert left == ("data", "thesis.txt")
    assert sorted(path.name for path in (tmp_path / "memo").iterdir()) == ["data", "thesis.txt"]
    assert Path(other.location, "format").exists()
    assert caches.get(made.id).is_deleted


def test_a_purge_knows_all_that_a_store_is_made_of() -> None:
    named = re.findall(r"^    ([\w.]+)(?:/\S*)? {2,}", str(layout.__doc__), re.MULTILINE)
    assert len(named) > 10
    assert sorted(named) == sorted(layout._PARTS)
    assert layout._PARTS[-1] == "format"


def test_a_purge_removes_the_directory_where_nothing_else_is_in_it(caches: RunCaches) -> None:
    made = caches.create("nightly")
    caches.delete("nightly")
    assert caches.delete(made.id, purge=True) == (caches.get(made.id), ())
    assert not Path(made.location).exists()
    # And once more, though there is nothing left.
    assert caches.delete(made.id, purge=True) == (caches.get(made.id), ())


def test_a_purge_does_not_follow_links(caches: RunCaches, tmp_path: Path) -> None:
    made = caches.create("nightly")
    outside = tmp_path / "outside"
    (outside / "ab").mkdir(parents=True)
    (outside / "ab" / "thesis.txt").write_text("mine")
    Path(made.location, "blobs").rmdir()
    Path(made.location, "blobs").symlink_to(outside)
    caches.delete("nightly", purge=True)
    assert (outside / "ab" / "thesis.txt").read_text() == "mine"


def test_a_purge_leaves_a_link_to_the_store(caches: RunCaches, tmp_path: Path) -> None:
    (tmp_path / "memo").symlink_to(tmp_path / "real")
    (tmp_path / "real").mkdir()
    caches.create("nightly", location=tmp_path / "memo")
    caches.delete("nightly", purge=True)
    assert list((tmp_path / "memo").iterdir()) == []
    assert (tmp_path / "real").is_dir()


def test_what_is_no_store_is_not_purged_and_the_cache_not_deleted(
    caches: RunCaches, tmp_path: Path
) -> None:
    made = caches.create("nightly")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "format").write_text('{"program": "gimp", "format": 1}')
    (tmp_path / "photos" / "blobs").mkdir()
    data = json.loads(file_of(caches, made).read_text())
    data["cache"]["location"] = str(tmp_path / "photos")
    file_of(caches, made).write_text(json.dumps(data))
    with pytest.raises(StoreUnavailableError, match="nothing in it was touched"):
        caches.delete("nightly", purge=True)
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == ["blobs", "format"]
    assert caches.is_active(made.id)
    with pytest.raises(StoreUnavailableError):
        remove_store(tmp_path / "photos")


def test_the_data_of_another_cache_are_not_purged(caches: RunCaches, tmp_path: Path) -> None:
    caches.create("one", location=tmp_path / "memo")
    (tmp_path / "link").symlink_to(tmp_path / "memo")
    two = caches.create("two", location=tmp_path / "link")
    with pytest.raises(UsageError, match=f"two .{two.id}."):
        caches.delete("one", purge=True)
    assert sorted(names(caches)) == ["one", "two"]
    caches.delete("two")
    caches.delete("one", purge=True)
    assert not (tmp_path / "memo").exists()


RUN = """
import sys
from cwl_memo.store.local import open_store
store = open_store(sys.argv[1])
store.begin_run('2026-other')
print('ready', flush=True)
sys.stdin.readline()
store.close()
"""


@pytest.fixture
def living(caches: RunCaches) -> Iterator[subprocess.Popen[str]]:
    """A run of another process in a cache called nightly."""
    run = python(RUN, caches.create("nightly").location)
    assert run.stdout is not None
    assert run.stdout.readline() == "ready\n"
    yield run
    run.kill()
    run.communicate()


def test_a_cache_in_use_is_not_deleted(caches: RunCaches, living: subprocess.Popen[str]) -> None:
    before = caches.get("nightly")
    for purge in (False, True):
        with pytest.raises(StoreError, match="in use by a run that still lives"):
            caches.delete("nightly", purge=purge)
    assert caches.get("nightly") == before
    living.communicate("go on\n", timeout=60)
    assert caches.delete("nightly")[0].is_deleted


def test_a_run_that_was_killed_uses_no_cache(
    caches: RunCaches, living: subprocess.Popen[str]
) -> None:
    living.kill()
    living.communicate()
    assert caches.delete("nightly")[0].is_deleted


def test_a_cache_in_use_by_this_process_is_not_deleted(caches: RunCaches) -> None:
    caches.create("nightly")
    store = caches.open("nightly")
    store.begin_run("2026-own")
    with pytest.raises(StoreError, match="in use"):
        caches.delete("nightly")
    store.close()
    caches.delete("nightly")


def test_a_run_that_begins_while_its_cache_is_deleted_is_seen(
    caches: RunCaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run has said that it lives, and may have seen that the cache was not deleted."""
    made = caches.create("nightly")
    store = caches.open("nightly")
    write = cache_file.write_cache

    def begin_and_write(directory: Path, cache: RunCache) -> None:
        assert caches.is_active(cache.id)
        store.begin_run("2026-own")
        monkeypatch.setattr(registry, "write_cache", write)
        write(directory, cache)

    monkeypatch.setattr(registry, "write_cache", begin_and_write)
    with pytest.raises(StoreError, match="in use"):
        caches.delete("nightly", purge=True)
    store.close()
    assert caches.get("nightly") == made


# a location that cannot be used


def make_foreign(location: Path) -> None:
    (location / "format").write_text("{}")


def make_newer(location: Path) -> None:
    (location / "format").write_text('{"program": "cwl-memo", "format": 99}')


def make_file(location: Path) -> None:
    remove_store(location)
    location.write_text("no directory")


def make_unreachable(location: Path) -> None:
    remove_store(location)
    location.parent.rmdir()
    location.parent.write_text("no directory")


@pytest.mark.parametrize("damage", [make_foreign, make_newer, make_file, make_unreachable])
def test_a_cache_whose_location_cannot_be_used_is_failed_while_that_is_so(
    caches: RunCaches, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    place = tmp_path / "disk" / "memo"
    made = caches.create("nightly", location=place)
    damage(place)
    found = caches.get("nightly")
    assert found.status is CacheStatus.FAILED
    assert str(place) in found.status_message
    assert caches.list() == (found,)
    assert caches.update("nightly", description="").status is CacheStatus.FAILED
    with pytest.raises(StoreError):
        caches.open("nightly")
    if damage is make_newer:
        make_newer(place)
        (place / "format").write_text('{"program": "cwl-memo", "format": 1}')
        assert caches.get("nightly").status is CacheStatus.ACTIVE
    assert caches.delete(made.id)[0].is_deleted


def test_a_store_that_somebody_removed_is_made_anew(caches: RunCaches) -> None:
    made = caches.create("nightly")
    remove_store(Path(made.location))
    assert caches.get("nightly") == made
    Path(made.location).mkdir()
    assert caches.get("nightly") == made
    caches.open("nightly").close()


def test_a_store_that_cannot_be_made_anew_is_failed(
    caches: RunCaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = caches.create("nightly")
    remove_store(Path(made.location))
    monkeypatch.setattr(registry, "is_writable", lambda _: False)
    found = caches.get("nightly")
    assert found.status is CacheStatus.FAILED
    assert "none can be made in" in found.status_message


# a registry as others left it


def garble(path: Path) -> None:
    path.write_text("{")


def other_format(path: Path) -> None:
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))


def other_id(path: Path) -> None:
    data = json.loads(path.read_text())
    data["cache"]["id"] = "7654321"
    path.write_text(json.dumps(data))


def no_object(path: Path) -> None:
    path.write_text("[]")


def relative(path: Path) -> None:
    data = json.loads(path.read_text())
    data["cache"]["location"] = "../.."
    path.write_text(json.dumps(data))


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


def large(path: Path) -> None:
    path.write_text(path.read_text() + " " * (1 << 19))


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


def link(path: Path) -> None:
    path.rename(path.with_suffix(".moved"))
    path.symlink_to(path.with_suffix(".moved"))


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = (
    garble, other_format, other_id, no_object, relative, deep, large, binary, link, pipe, directory
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_damaged_file_is_told_and_left_alone(
    caches: RunCaches, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    sound = caches.create("sound")
    made = caches.create("nightly")
    path = file_of(caches, made)
    damage(path)
    with caplog.at_level(logging.WARNING, logger="cwltool"):
        assert caches.list() == (sound,)
    assert str(path) in caplog.text
    with pytest.raises(UnknownCacheError):
        caches.get("nightly")
    with pytest.raises(StoreDamagedError):
        caches.is_active(made.id)
    again = caches.create("nightly")
    assert again.id != made.id
    assert os.path.lexists(path)


def test_what_is_not_called_like_a_cache_is_none(caches: RunCaches) -> None:
    made = caches.create("nightly")
    (caches.directory / "notes.json").write_text("{}")
    (caches.directory / "123.json").write_text("{}")
    assert caches.list() == (made,)
    assert cache_file.read_cache(caches.directory, "1234567") is None


def test_a_file_that_went_meanwhile_is_no_cache(
    caches: RunCaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches.create("nightly")
    monkeypatch.setattr(registry, "find_cache_ids", lambda _: iter(["1234567"]))
    assert caches.list() == ()


def test_a_registry_that_cannot_be_made_or_read_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    caches = RunCaches(tmp_path / "file" / "caches")
    for use in (lambda: caches.create("nightly"), lambda: RunCaches(tmp_path / "file").list()):
        with pytest.raises(StoreError):
            use()


def test_nobody_waits_for_ever_for_the_registry(
    caches: RunCaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    caches.create("nightly")
    monkeypatch.setattr(registry, "_PATIENCE", 0.0)
    with (
        FileLock(caches.directory / ".lock"),
        pytest.raises(StoreError, match="keeps the registry"),
    ):
        caches.create("other")
    caches.create("other")


def test_nothing_is_left_of_a_registration_that_failed(
    caches: RunCaches, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = caches.create("nightly")
    before = file_of(caches, made).read_text()

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="No space"):
        caches.update("nightly", description="x")
    assert file_of(caches, made).read_text() == before
    found = {path.name for path in caches.directory.iterdir()}
    assert found == {".lock", made.id, f"{made.id}.json"}


CREATE = """
import sys
from cwl_memo.errors import UsageError
from cwl_memo.store.caches import RunCaches
print('ready', flush=True)
sys.stdin.readline()
made = []
for number in range(4):
    try:
        made.append(RunCaches(sys.argv[1]).create(f'c{number}').id)
    except UsageError:
        pass
print(*made)
"""


def test_several_processes_at_once_make_one_cache_of_a_name(caches: RunCaches) -> None:
    started = [python(CREATE, caches.directory) for _ in range(3)]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        answers += out.split()
    assert len(answers) == len(set(answers)) == 4
    assert sorted(names(caches)) == ["c0", "c1", "c2", "c3"]


def test_looking_a_cache_up_imports_no_lock() -> None:
    """A run that is answered at once looks its cache up."""
    code = (
        "import sys\nfrom cwl_memo.store.caches import RunCaches\nRunCaches('none').list()\n"
        "assert 'filelock' not in sys.modules and 'platformdirs' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
