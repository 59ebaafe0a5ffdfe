"""What a shared store says of a project of which the store of this machine knows nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.project import StoreProject
from cwl_memo.core.setting import Layer
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.core.signature import SigningKey
from cwl_memo.core.store_settings import StoreSettings
from cwl_memo.store.shared.layout import MARKER, marker
from cwl_memo.store.shared.opening import open_bucket
from cwl_memo.store.shared.store_settings import write_settings

from .conftest import Desk

MINE, THEIRS = (SigningKey.from_seed(bytes([n]) * 32) for n in (1, 2))
DAY = IntermediateFiles(Retention.LIMITED, 24)
OFF = StoreProject("genomes", ("ada",), use_memoization=False, intermediate_files=DAY)


class Bucket:
    """A shared store in a directory, which the user's settings name."""

    def __init__(self, root: Path, desk: Desk) -> None:
        self.root = root
        self.url = root.as_uri()
        self.desk = desk
        desk.project_says("[project]", 'name = "genomes"')
        self.asked()

    def asked(self, *more: str) -> None:
        self.desk.user_says(f'shared = "{self.url}"', *more)

    def says(self, project: StoreProject = OFF, signer: SigningKey | None = None) -> None:
        bucket = open_bucket(self.url)
        bucket.put(MARKER, marker("today", "cwl-memo"))
        settings = StoreSettings(bucket.url, projects=(project,))
        write_settings(bucket, settings if signer is None else settings.signed(signer))
        bucket.close()


@pytest.fixture
def bucket(tmp_path: Path, desk: Desk) -> Bucket:
    return Bucket(tmp_path / "shared", desk)


def rules(desk: Desk) -> tuple[Any, ...]:
    loaded = desk.load()
    return loaded.memo, loaded.settings.intermediate_files, bool(loaded.warnings)


def test_what_it_says_holds(bucket: Bucket, desk: Desk) -> None:
    bucket.says()
    loaded = desk.load()
    assert not loaded.memo
    assert loaded.settings.intermediate_files == DAY
    origin = loaded.origin("intermediate_files")
    assert (origin.layer, str(origin)) == (Layer.STORE, f"{bucket.url}/settings.json")
    assert loaded.warnings == ()


def test_it_is_not_asked_of_a_project_without_a_name(bucket: Bucket, desk: Desk) -> None:
    bucket.says()
    desk.project_says("[project]", "use_memoization = true")
    assert rules(desk) == (True, IntermediateFiles(), False)


def test_the_store_of_this_machine_comes_first(bucket: Bucket, desk: Desk) -> None:
    from cwl_memo.cli.main import main

    bucket.says()
    assert main(["project", "create", "genomes"]) == 0
    assert rules(desk) == (True, IntermediateFiles(), False)


def test_what_the_file_would_loosen_stays_strict(bucket: Bucket, desk: Desk) -> None:
    bucket.says()
    desk.project_says("[project]", 'name = "genomes"', "use_memoization = true")
    assert rules(desk) == (False, DAY, True)


def test_of_another_project_it_says_nothing(bucket: Bucket, desk: Desk) -> None:
    bucket.says(StoreProject("other", ("ada",), use_memoization=False))
    assert rules(desk) == (True, IntermediateFiles(), False)


def test_where_nobody_keeps_settings_the_file_holds(bucket: Bucket, desk: Desk) -> None:
    assert rules(desk) == (True, IntermediateFiles(), False)
    assert not bucket.root.exists()


def test_what_cannot_be_read_costs_time_at_most(bucket: Bucket, desk: Desk) -> None:
    bucket.says()
    (bucket.root / "settings.json").write_text("{")
    # Whoever may not use the project is not known.
    assert rules(desk) == (False, IntermediateFiles(), True)


def test_where_the_store_does_not_answer_the_file_holds(
    bucket: Bucket, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    desk.user_says('shared = "s3://nowhere/memo"', 'shared_timeout = "1s"')
    assert rules(desk) == (True, IntermediateFiles(), True)


def test_one_whose_keys_are_asked_for_has_to_sign(bucket: Bucket, desk: Desk) -> None:
    bucket.asked(f'trusted_keys = ["{MINE.public}"]')
    bucket.says()
    assert rules(desk) == (True, IntermediateFiles(), True)
    bucket.says(signer=THEIRS)
    assert rules(desk) == (True, IntermediateFiles(), True)
    (bucket.root / "settings.json").write_text("{")
    assert rules(desk) == (True, IntermediateFiles(), True)
    bucket.says(signer=MINE)
    assert rules(desk) == (False, DAY, False)


def test_what_was_signed_for_another_store_does_not_count(bucket: Bucket, desk: Desk) -> None:
    bucket.asked(f'trusted_keys = ["{MINE.public}"]')
    bucket.says(signer=MINE)
    path = bucket.root / "settings.json"
    elsewhere = StoreSettings("file:///elsewhere", projects=(OFF,)).signed(MINE)
    other = open_bucket(bucket.url)
    write_settings(other, elsewhere)
    assert path.is_file()
    assert rules(desk) == (True, IntermediateFiles(), True)


def test_who_says_memo_is_not_held_back(bucket: Bucket, desk: Desk) -> None:
    bucket.says()
    assert desk.load(memo=True).memo
