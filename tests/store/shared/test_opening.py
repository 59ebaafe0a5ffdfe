"""Shared stores by their URLs."""

from __future__ import annotations

import contextlib
import errno
import importlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreUnavailableError,
    StoreUnreadableError,
    UsageError,
)
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.credentials import aws_credentials
from cwl_memo.store.shared.file_bucket import FileBucket
from cwl_memo.store.shared.layout import MARKER
from cwl_memo.store.shared.opening import open_bucket, open_shared
from cwl_memo.store.shared.store import SharedStore
from tests.store.example import failing
from tests.store.shared.faults import FaultyBucket
from tests.store.shared.sharing import job, share


@pytest.mark.parametrize(
    "url",
    [
        "",
        "s3://[bucket/x",
        "/a/path",
        "bucket/prefix",
        "ftp://host/x",
        "http://host/x",
        "file://host/x",
        "file:relative",
        "s3://",
        "s3://bucket/x?y=1",
        "s3://bucket/x#y",
        "az://container/without/an/account",
    ],
)
def test_a_url_that_is_of_no_use_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError) as told:
        open_shared(url)
    assert "\n" not in str(told.value)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError) as told:
        open_shared("s3://key:hunter2@bucket/prefix")
    assert "hunter2" not in str(told.value)


def test_without_obstore_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(UsageError, match=r"pip install 'cwl-memo\[shared\]'"):
        open_bucket("s3://bucket/prefix")
    # A directory needs nothing.
    open_bucket(tmp_path.as_uri()).put("x", b"")


def test_to_open_a_store_asks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for url in ("s3://bucket/prefix", "s3://bucket", "file:///nowhere/at/all"):
        open_shared(url).close()


# the marker


def test_the_first_who_writes_makes_the_store(memory: Bucket) -> None:
    store = SharedStore(memory, program="cwl-memo 1.2.3")
    assert store.find(job(1).key) is None
    assert memory.head(MARKER) is None
    share(store, 1, b"x")
    store.close()
    made = json.loads(memory.get(MARKER, 1000) or b"")
    assert (made["format"], made["by"]) == (1, "cwl-memo 1.2.3")
    again = SharedStore(memory, program="another")
    share(again, 2, b"x")
    again.close()
    assert json.loads(memory.get(MARKER, 1000) or b"") == made


@pytest.mark.parametrize("data", [b'{"format":2}', b"not JSON", b"[]", b"{}", bytes(100_000)])
def test_a_store_of_another_format_is_left_alone(memory: Bucket, data: bytes) -> None:
    memory.put(MARKER, data)
    watched = FaultyBucket(memory)
    store = SharedStore(watched)
    with pytest.raises(StoreUnavailableError):
        share(store, 1, b"x")
    with pytest.raises(StoreUnavailableError):
        store.find(job(1).key)
    store.close()
    assert {call for call, _ in watched.calls} == {"get"}


def test_in_a_store_of_another_format_no_lease_is_written(memory: Bucket) -> None:
    memory.put(MARKER, b'{"format": 99}')
    watched = FaultyBucket(memory)
    store = SharedStore(watched)
    claim = store.claim(job(1).key)
    assert claim is not None
    claim.release()
    store.close()
    assert {call for call, _ in watched.calls} == {"get"}
    assert [found.name for found in memory.list("")] == [MARKER]


# a directory


@pytest.fixture
def files(tmp_path: Path) -> FileBucket:
    bucket = open_bucket((tmp_path / "shared").as_uri())
    assert isinstance(bucket, FileBucket)
    return bucket


def test_a_directory_whose_file_system_is_not_mounted_is_not_made(tmp_path: Path) -> None:
    bucket = open_bucket((tmp_path / "mnt" / "shared").as_uri())
    with pytest.raises(StoreError):
        bucket.put("x", b"")
    assert list(tmp_path.iterdir()) == []


def test_no_link_is_followed(files: FileBucket, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    files.put("blobs/x", b"1")
    root = tmp_path / "shared"
    (root / "blobs" / "link").symlink_to(tmp_path / "secret")
    (root / "entries").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreDamagedError):
        files.get("blobs/link", 100)
    with pytest.raises(StoreDamagedError):
        files.put("entries/x", b"1")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {found.name for found in files.list()} == {"blobs/x"}


def test_no_pipe_is_waited_for(files: FileBucket, tmp_path: Path) -> None:
    files.put("blobs/x", b"1")
    os.mkfifo(tmp_path / "shared" / "blobs" / "pipe")
    with pytest.raises(StoreDamagedError):
        files.get("blobs/pipe", 100)
    with pytest.raises(StoreDamagedError):
        list(files.read("blobs/pipe"))
    assert files.head("blobs/pipe") is None
    assert {found.name for found in files.list()} == {"blobs/x"}


def test_nobody_looks_deeper_than_objects_are(files: FileBucket, tmp_path: Path) -> None:
    files.put("blobs/ab/x.parts/00000", b"")
    files.put("quarantine/blobs/ab/x.parts/00000", b"")
    deep = tmp_path.joinpath("shared", "tombstones", *"a" * 30)
    deep.mkdir(parents=True)
    for folder in (deep, deep.parents[25], deep.parents[26], deep.parents[27]):
        (folder / "file").touch()
    found = {"tombstones/a/a/a/file", "tombstones/a/a/file"}
    assert {meta.name for meta in files.list("tombstones/")} == found
    parts = {"blobs/ab/x.parts/00000", "quarantine/blobs/ab/x.parts/00000"}
    assert {meta.name for meta in files.list()} == found | parts


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a//b", ".cwl-memo-tmp/x", ""])
def test_no_name_leads_out_of_the_directory(files: FileBucket, name: str) -> None:
    with pytest.raises(StoreError):
        files.put(name, b"1")


def test_who_may_read_an_object_is_for_the_umask_to_say(files: FileBucket, tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        files.put("blobs/x", b"1")
    finally:
        os.umask(before)
    found = (tmp_path / "shared" / "blobs" / "x").stat()
    assert stat.S_IMODE(found.st_mode) == 0o664


def test_a_file_system_without_hard_links_has_no_condition(
    files: FileBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    assert not files.has_create()
    assert files.put("x", b"1", create=True)
    assert not files.put("x", b"2", create=True)
    assert files.get("x", 10) == b"1"


def test_a_full_disk_is_told_as_such(files: FileBucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", failing(errno.ENOSPC))
    with pytest.raises(StoreFullError):
        files.has_create()
    monkeypatch.setattr(os, "replace", failing(errno.ENOSPC))
    with pytest.raises(StoreFullError):
        files.put("x", b"1")


def test_an_object_of_somebody_elses_is_not_used(
    files: FileBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.put("x", b"1")
    monkeypatch.setattr(os, "open", failing(errno.EACCES))
    with pytest.raises(StoreUnreadableError):
        files.get("x", 10)
    with pytest.raises(StoreUnreadableError):
        list(files.read("x"))


def test_an_object_knows_where_it_is(files: FileBucket, tmp_path: Path) -> None:
    assert files.path_of("a/x") == tmp_path / "shared" / "a" / "x"


def test_nothing_is_left_of_a_write_that_failed(files: FileBucket, tmp_path: Path) -> None:
    files.put(MARKER, b"{}")
    (tmp_path / "shared" / "x").mkdir()
    with pytest.raises(StoreError):
        files.put("x", b"1")
    assert list((tmp_path / "shared" / ".cwl-memo-tmp").iterdir()) == []


def test_what_dead_processes_left_is_swept(files: FileBucket, tmp_path: Path) -> None:
    files.put(MARKER, b"1")
    folder = tmp_path / "shared" / ".cwl-memo-tmp"
    dead, alive = "0" * 32, "1" * 32
    for name in (dead, alive, "somebody's"):
        (folder / name).write_bytes(b"")
    for name in (dead, "somebody's"):
        os.utime(folder / name, (1, 1))
    open_bucket(files.url).put("y", b"1")
    assert {path.name for path in folder.iterdir()} == {alive, "somebody's"}
    assert {found.name for found in files.list()} == {MARKER, "y"}


@pytest.mark.parametrize("name", [".tmp", ".cwl-memo-tmp"])
def test_nothing_behind_a_link_is_swept(files: FileBucket, tmp_path: Path, name: str) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for old in ("thesis", "0" * 32):
        (mine / old).write_bytes(b"years of work")
        os.utime(mine / old, (1, 1))
    root = tmp_path / "shared"
    root.mkdir()
    (root / MARKER).write_bytes(b"{}")
    (root / name).symlink_to(mine)
    with contextlib.suppress(StoreDamagedError):
        files.put("blobs/x", b"1")
    assert {path.name for path in mine.iterdir()} == {"thesis", "0" * 32}
    (root / name).unlink()
    files.put("blobs/x", b"1")


@pytest.mark.parametrize("name", ["paper.tex", ".tmp", ".cwl-memo-tmp", "blobs"])
def test_a_directory_of_somebody_is_left_as_it_is(
    files: FileBucket, tmp_path: Path, name: str
) -> None:
    root = tmp_path / "shared"
    (root / name).mkdir(parents=True)
    (root / name / ("0" * 32)).write_bytes(b"")
    os.utime(root / name / ("0" * 32), (1, 1))
    before = {*root.rglob("*")}
    if name != ".cwl-memo-tmp":
        with pytest.raises(StoreUnavailableError, match="foreign"):
            files.put("entries/x", b"1")
        with pytest.raises(StoreUnavailableError, match="foreign"):
            files.has_create()
        assert {*root.rglob("*")} == before
    (root / MARKER).write_bytes(b"{}")
    files.put("entries/x", b"1")


def test_a_new_store_may_have_been_begun_by_another(files: FileBucket, tmp_path: Path) -> None:
    for name in ("probe", "leases", ".cwl-memo-tmp", "lost+found"):
        (tmp_path / "shared" / name).mkdir(parents=True)
    assert files.has_create()


# credentials


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)


def write_aws(home: Path, credentials: str, config: str = "") -> None:
    (home / ".aws").mkdir()
    (home / ".aws" / "credentials").write_text(credentials)
    (home / ".aws" / "config").write_text(config)


FILE = """\
[default]
aws_access_key_id = one
aws_secret_access_key = two
[team]
aws_access_key_id = three
aws_secret_access_key = four
aws_session_token = five
"""


def test_keys_of_the_users_aws_files_are_used(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aws_credentials() == {}
    write_aws(home, FILE, "[profile team]\nregion = eu-north-1\n")
    assert aws_credentials() == {"access_key_id": "one", "secret_access_key": "two"}
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert aws_credentials() == {
        "access_key_id": "three",
        "secret_access_key": "four",
        "session_token": "five",
        "region": "eu-north-1",
    }
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    assert "region" not in aws_credentials()
    monkeypatch.setenv("AWS_PROFILE", "none such")
    assert aws_credentials() == {}


def test_the_environment_comes_before_the_files(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_aws(home, FILE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    assert aws_credentials() == {}


def test_a_profile_that_signs_on_is_left_to_boto3(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_aws(home, "", "[profile sso]\nsso_session = x\n")
    monkeypatch.setenv("AWS_PROFILE", "sso")
    real = importlib.import_module

    class Boto3:
        @staticmethod
        def Session(profile_name: str) -> str:  # noqa: N802
            return f"session of {profile_name}"

        @staticmethod
        def Boto3CredentialProvider(session: str) -> str:  # noqa: N802
            return f"credentials of the {session}"

    def without(name: str) -> Any:
        if "boto3" in name:
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(importlib, "import_module", without)
    assert aws_credentials() == {}
    monkeypatch.setattr(importlib, "import_module", lambda _: Boto3)
    assert aws_credentials() == {"credential_provider": "credentials of the session of sso"}


def test_files_that_cannot_be_read_are_no_credentials(home: Path) -> None:
    write_aws(home, "not [ an ini\x00", "[default\n")
    assert aws_credentials() == {}
