"""Claims that are asked for ahead in a shared store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cwl_memo.core.digest import ReuseKey
from cwl_memo.store.far_claim import FarClaims
from cwl_memo.store.protocol import Claim
from cwl_memo.store.workers import Workers
from tests.store.example import key

T = TypeVar("T")


class Granted:
    def release(self) -> None:
        pass


class Generous:
    """Gives every claim, and counts them."""

    def __init__(self) -> None:
        self.asked: list[ReuseKey] = []

    def claim(self, key: ReuseKey) -> Claim | None:
        self.asked.append(key)
        return Granted()


def guard(ask: Callable[[], T], otherwise: T) -> T:
    del otherwise
    return ask()


def test_no_more_is_claimed_ahead_than_is_soon_executed() -> None:
    remote: Any = Generous()
    claims = FarClaims(remote, Workers(1, "test"), guard, 1.0, most=4)
    for number in range(20):
        claims.ask_ahead(key(number))
    assert remote.asked == [key(number) for number in range(4)]
    # What was claimed ahead is used; what was not is asked for, and there is room again.
    assert claims.claim(key(0)) is not None
    assert remote.asked == [key(number) for number in range(4)]
    assert claims.claim(key(19)) is not None
    claims.ask_ahead(key(5))
    claims.ask_ahead(key(6))
    assert remote.asked == [*(key(number) for number in range(4)), key(19), key(5)]
