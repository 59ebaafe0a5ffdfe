"""A place that does not answer is asked no more in this run."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from cwl_memo.errors import (
    StoreDamagedError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
)
from cwl_memo.store.shared.breaker import BreakerBucket
from cwl_memo.store.shared.bucket import Bucket
from tests.store.shared.faults import Fault, FaultyBucket

CALLS: dict[str, Callable[[Bucket], object]] = {
    "get": lambda bucket: bucket.get("x", 10),
    "read": lambda bucket: list(bucket.read("x")),
    "head": lambda bucket: bucket.head("x"),
    "put": lambda bucket: bucket.put("x", b""),
    "put_file": lambda bucket: bucket.put_file("x", io.BytesIO(b"1"), 1),
    "list": lambda bucket: list(bucket.list()),
    "delete": lambda bucket: bucket.delete(["x"]),
    "has_create": lambda bucket: bucket.has_create(),
}


@pytest.mark.parametrize("call", CALLS)
def test_after_three_failures_in_a_row_nothing_is_asked(memory: Bucket, call: str) -> None:
    faulty = FaultyBucket(memory, Fault.UNREACHABLE)
    breaker = BreakerBucket(faulty)
    for _ in range(3):
        assert not breaker.is_open
        with pytest.raises(StoreUnreachableError, match="injected"):
            CALLS[call](breaker)
    assert breaker.is_open
    asked = len(faulty.calls)
    faulty.fault = Fault.NONE
    for other in CALLS.values():
        with pytest.raises(StoreUnreachableError, match="not asked any more"):
            other(breaker)
    assert len(faulty.calls) == asked


def test_failures_apart_from_each_other_are_forgiven(memory: Bucket) -> None:
    faulty = FaultyBucket(memory)
    breaker = BreakerBucket(faulty)
    for _ in range(10):
        for fault in (Fault.UNREACHABLE, Fault.UNREACHABLE, Fault.NONE):
            faulty.fault = fault
            if fault is Fault.NONE:
                breaker.head("x")
            else:
                with pytest.raises(StoreUnreachableError):
                    breaker.head("x")
    assert not breaker.is_open


def test_failures_that_cost_too_much_time_are_not(memory: Bucket) -> None:
    faulty = FaultyBucket(memory)
    breaker = BreakerBucket(faulty, lost=0.0)
    faulty.fault = Fault.UNREACHABLE
    with pytest.raises(StoreUnreachableError):
        breaker.head("x")
    assert breaker.is_open


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.FORBIDDEN, StoreForbiddenError),
        (Fault.FORBIDDEN_WRITES, StoreForbiddenError),
        (Fault.FULL, StoreFullError),
        (Fault.LOST, StoreDamagedError),
    ],
    ids=["forbidden", "forbidden-writes", "full", "lost"],
)
def test_a_place_that_says_no_is_in_good_health(
    memory: Bucket, fault: Fault, error: type[Exception]
) -> None:
    breaker = BreakerBucket(FaultyBucket(memory, fault))
    ask = CALLS["read" if fault is Fault.LOST else "put"]
    for _ in range(10):
        with pytest.raises(error):
            ask(breaker)
    assert not breaker.is_open
