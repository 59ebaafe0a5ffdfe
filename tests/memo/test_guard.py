"""Nothing that a store does ends a run, not even what no store should do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import ReuseKey, digest_of_bytes, digest_of_value
from cwl_memo.core.fingerprint import Fingerprint
from cwl_memo.core.outcome import Miss, MissCause, Reason, Refusal
from cwl_memo.memo import Memo, Unclaimed


class Broken:
    """A store whose every method fails as no store should."""

    writable = True
    is_far = True

    def __getattr__(self, name: str) -> Any:
        def fail(*_: object, **__: object) -> None:
            raise RecursionError(f"{name} went too deep")

        return fail


@pytest.fixture
def memo(caplog: pytest.LogCaptureFixture) -> Memo:
    del caplog  # from the beginning
    return Memo(Broken(), run="run")


def wanted() -> Fingerprint:
    fields: dict[str, JSON] = {"tool": "x"}
    key = ReuseKey(digest_of_value("reuse-key", fields).hex)
    return Fingerprint(fields, key, digest_of_bytes(b"outputs"))


def test_a_lookup_that_breaks_down_is_a_miss(memo: Memo, caplog: pytest.LogCaptureFixture) -> None:
    found = memo.lookup(wanted(), "tool")
    assert isinstance(found, Miss)
    assert found.cause is MissCause.STORE_FAILED
    (told,) = (*caplog.get_records("setup"), *caplog.records)
    assert "unexpected error" in told.getMessage()
    assert "went too deep" in told.getMessage()


def test_what_breaks_down_is_told_once(memo: Memo, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(3):
        memo.lookup(wanted(), "tool")
    told = (*caplog.get_records("setup"), *caplog.records)
    assert [record.levelname for record in told] == ["WARNING"]


def test_a_claim_that_breaks_down_keeps_nobody_waiting(memo: Memo) -> None:
    assert isinstance(memo.claim(wanted().key), Unclaimed)
    assert not memo.is_claimed_here(wanted().key)


def test_a_result_that_cannot_be_recorded_is_told(memo: Memo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    taken = memo.ingest(tmp_path, {})
    assert isinstance(taken, Refusal)
    assert taken.reason is Reason.STORE_FAILED
    published = memo.publish(wanted(), None)  # type: ignore[arg-type]
    assert isinstance(published, Refusal)
    assert published.reason is Reason.STORE_FAILED
    assert memo.ingest_log(b"log") is None


def test_the_ends_of_a_run_are_reached(memo: Memo) -> None:
    assert memo.end_sharing(keep=True, wait=True) is None
    assert memo.look_ahead(wanted(), claim=True) is None
    memo.tidy()
    memo.close()
