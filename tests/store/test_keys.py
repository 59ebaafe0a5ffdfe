"""Private keys stay private, and are never lost to another of their name."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from cwl_memo.core.digest import Digest
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import StoreError, UsageError
from cwl_memo.store.keys import KEY_VARIABLE, KeyFiles, find_signing_key

SEED = bytes(range(32))
DIGEST = Digest("a" * 64)


@pytest.fixture
def keys(home: Path) -> KeyFiles:
    return KeyFiles.of_user({"HOME": str(home)})


def test_a_key_is_kept_where_only_its_user_reads_it(keys: KeyFiles, home: Path) -> None:
    made = keys.create("laptop")
    path = keys.path("laptop")
    assert path == home / ".config/cwl-memo/keys/laptop.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.read("laptop") == made
    signature = made.sign(DIGEST)
    assert TrustPolicy(frozenset({made.public})).accepts(DIGEST, signature) == made.public


def test_nothing_but_keys_is_left_of_making_them(keys: KeyFiles) -> None:
    keys.create("b")
    keys.create("a")
    assert sorted(keys.directory.iterdir()) == [keys.path("a"), keys.path("b")]
    assert list(keys.find()) == ["a", "b"]


def test_no_two_keys_are_equal(keys: KeyFiles) -> None:
    assert keys.create("a") != keys.create("b")


def test_a_key_is_never_overwritten(keys: KeyFiles) -> None:
    made = keys.create("laptop")
    with pytest.raises(UsageError, match="there is a key 'laptop'"):
        keys.create("laptop")
    assert keys.read("laptop") == made
    assert list(keys.directory.iterdir()) == [keys.path("laptop")]


def test_a_link_in_the_place_of_a_new_key_is_not_followed(keys: KeyFiles, tmp_path: Path) -> None:
    keys.directory.mkdir(parents=True)
    keys.path("laptop").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        keys.create("laptop")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_can_read_or_write_is_refused(keys: KeyFiles, mode: int) -> None:
    keys.create("laptop")
    keys.path("laptop").chmod(mode)
    with pytest.raises(UsageError, match="chmod 600"):
        keys.read("laptop")


def test_a_key_of_another_user_is_refused(keys: KeyFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    keys.create("laptop")
    owner = keys.path("laptop").stat().st_uid
    if owner == 0:
        os.chown(keys.path("laptop"), 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(UsageError, match="another user"):
        keys.read("laptop")


@pytest.mark.parametrize("content", [b"", b"secret text", b"\xff\xfe", b"x" * 100_000])
def test_what_is_no_key_is_refused_and_not_told(keys: KeyFiles, content: bytes) -> None:
    keys.create("laptop")
    keys.path("laptop").write_bytes(content)
    with pytest.raises(UsageError, match=r"laptop\.pem: not a private key") as caught:
        keys.read("laptop")
    assert "secret" not in str(caught.value)


def test_a_pipe_in_the_place_of_a_key_is_not_waited_for(keys: KeyFiles) -> None:
    keys.directory.mkdir(parents=True)
    os.mkfifo(keys.path("laptop"), 0o600)
    with pytest.raises(UsageError, match="regular file"):
        keys.read("laptop")


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "a\n", "x" * 65, "ä"])
def test_a_name_that_is_no_name_of_a_file_is_refused(keys: KeyFiles, name: str) -> None:
    with pytest.raises(UsageError, match="no name of a key"):
        keys.create(name)


def test_a_key_is_removed(keys: KeyFiles) -> None:
    keys.create("laptop")
    assert keys.remove("laptop")
    assert not keys.remove("laptop")
    assert keys.read("laptop") is None
    assert list(keys.find()) == []


def test_without_a_directory_there_are_no_keys(keys: KeyFiles) -> None:
    assert list(keys.find()) == []
    assert keys.read("laptop") is None


def test_a_directory_that_cannot_be_made_is_a_store_error(home: Path) -> None:
    (home / ".config").write_text("a file")
    with pytest.raises(StoreError, match="write key"):
        KeyFiles.of_user({"HOME": str(home)}).create("laptop")


def test_without_a_home_there_is_no_place_for_keys() -> None:
    with pytest.raises(UsageError, match=KEY_VARIABLE):
        KeyFiles.of_user({})


def test_the_named_key_signs(keys: KeyFiles, home: Path) -> None:
    made = keys.create("laptop")
    environ = {"HOME": str(home), KEY_VARIABLE: base64.b64encode(SEED).decode()}
    assert find_signing_key("laptop", environ) == made
    with pytest.raises(UsageError, match="cwl-memo key new other"):
        find_signing_key("other", environ)


def test_the_key_of_the_environment_signs_where_none_is_named() -> None:
    key = SigningKey.from_seed(SEED)
    assert find_signing_key("", {KEY_VARIABLE: base64.b64encode(SEED).decode()}) == key
    assert find_signing_key("", {KEY_VARIABLE: key.to_pem()}) == key
    assert find_signing_key("", {KEY_VARIABLE: " \n"}) is None
    assert find_signing_key("", {}) is None


def test_what_the_environment_holds_is_not_told() -> None:
    with pytest.raises(UsageError, match=KEY_VARIABLE) as caught:
        find_signing_key("", {KEY_VARIABLE: "hunter2"})
    assert "hunter2" not in str(caught.value)
