"""Who may say which store is shared, and whose entries count there."""

from __future__ import annotations

import pytest

from cwl_memo.core.settings import SharedChoice, SharedMode
from cwl_memo.errors import UsageError

from .conftest import Desk

KEY = "ed25519:O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik="


def test_nothing_is_shared_by_itself(desk: Desk) -> None:
    assert desk.load().shared is None


def test_what_is_said_of_a_shared_store_comes_together(desk: Desk) -> None:
    desk.user_says('shared = "s3://team/memo"', f'trusted_keys = ["{KEY}"]', 'sign_with = "ci"')
    loaded = desk.load({"CWL_MEMO_SHARED_TIMEOUT": "5s", "CWL_MEMO_SHARED_LEASES": "off"})
    assert loaded.shared == SharedChoice(
        "s3://team/memo", SharedMode.READ_WRITE, 5.0, (KEY,), "ci", leases=False
    )


@pytest.mark.parametrize(
    "line",
    ['shared = "s3://evil/memo"', f'trusted_keys = ["{KEY}"]', 'shared_mode = "readwrite"'],
)
def test_a_project_that_nobody_trusts_may_not_say_where_results_go(desk: Desk, line: str) -> None:
    desk.user_says('shared = "s3://team/memo"', 'shared_mode = "readonly"')
    desk.project_says(line)
    with pytest.raises(UsageError, match="a project file may not choose this"):
        desk.load()


def test_any_project_may_say_that_nothing_is_brought(desk: Desk) -> None:
    desk.user_says('shared = "s3://team/memo"')
    desk.project_says('shared_mode = "readonly"')
    shared = desk.load().shared
    assert shared is not None
    assert shared.mode is SharedMode.READONLY


def test_no_project_may_say_who_signs(desk: Desk) -> None:
    desk.user_says(f'trusted_projects = ["{desk.project}"]')
    desk.project_says('sign_with = "mine"')
    with pytest.raises(UsageError, match="only your own settings file may say this"):
        desk.load()


def test_a_run_tells_of_a_shared_store_that_a_project_names(desk: Desk) -> None:
    desk.user_says(f'trusted_projects = ["{desk.project}"]')
    desk.project_says('shared = "s3://team/memo"')
    (note,) = desk.load().notes
    assert "the shared store is s3://team/memo, as" in note


@pytest.mark.parametrize("text", ["nonsense", "ed25519:AAAA", f"{KEY},x"])
def test_a_key_that_is_none_is_a_usage_error(desk: Desk, text: str) -> None:
    with pytest.raises(UsageError, match="not a public key"):
        desk.load({"CWL_MEMO_TRUSTED_KEYS": text})
