"""Who executes a job after having waited for another that was to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cwl_memo.core.facts import JobTraits
from cwl_memo.cwl.attempt import Attempt
from cwl_memo.cwl.tool import MemoMixin
from cwl_memo.memo import Unclaimed


class Claim:
    released = False

    def release(self) -> None:
        self.released = True


class Tool(MemoMixin):
    """A tool whose jobs never have an entry; the first claim on each is another's."""

    def __init__(self, *, waits_in_line: bool, claims: list[Claim | None]) -> None:
        self.memo_session: Any = SimpleNamespace(
            memo=SimpleNamespace(is_far=False, claim=lambda _key: claims.pop(0)),
            wait_at_most=60.0,
            waits_in_line=waits_in_line,
        )

    def _is_answered(self, *_: Any) -> bool:
        return False

    def _wait(self, *_: Any) -> Any:
        yield None

    def claimed(self) -> Any:
        attempt: Any = Attempt(self.memo_session, "job", JobTraits("a.cwl"), {})
        attempt.wanted = SimpleNamespace(key="key")
        going_on = self._hit_or_claim(attempt, lambda *_: None, SimpleNamespace())  # type: ignore[arg-type]
        while True:
            try:
                next(going_on)
            except StopIteration as end:
                return end.value


@pytest.mark.parametrize("waits_in_line", [True, False])
def test_who_has_not_waited_executes_the_job_alone(waits_in_line: bool) -> None:
    claim = Claim()
    assert Tool(waits_in_line=waits_in_line, claims=[claim]).claimed() is claim
    assert not claim.released


def test_who_has_waited_in_vain_keeps_others_waiting() -> None:
    claim = Claim()
    assert Tool(waits_in_line=True, claims=[None, claim]).claimed() is claim


def test_who_holds_a_place_on_a_cluster_keeps_nobody_waiting() -> None:
    claim = Claim()
    tool = Tool(waits_in_line=False, claims=[None, claim])
    assert isinstance(tool.claimed(), Unclaimed)
    assert claim.released
