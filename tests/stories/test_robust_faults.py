"""A fault at every store call in turn: the run still succeeds with the right outputs."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
)
from cwl_memo.store.local import LocalStore
from cwl_memo.store.memory import MemoryStore

from .bench import Bench, Run
from .delivered import delivered
from .workflows import chain

BODIES = ("cat $1; echo a", "cat $1; echo b", "cat $1; echo c")
MANY = 1000
"""More calls than any of these runs makes."""


class FaultyStore:
    """A store that fails at its n-th call, or from then on at every call.

    :param store: what does the work.
    :param fails: tells by the number of a call whether it fails.
    """

    def __init__(
        self, store: Any, fails: Callable[[int], bool], error: type[StoreError] = StoreError
    ) -> None:
        self._store = store
        self._fails = fails
        self._error = error
        self._lock = threading.Lock()
        self.location = store.location
        self.writable = store.writable
        self.is_far = store.is_far
        self.calls: list[str] = []

    def _call(self, name: str) -> None:
        with self._lock:
            self.calls.append(name)
            number = len(self.calls)
        if self._fails(number):
            raise self._error(f"fault at call {number}: {name}")

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._call(name)
            return method(*args, **kwargs)

        return call

    def keys(self, prefix: str = "") -> Iterator[ReuseKey]:
        self._call("keys")
        yield from self._store.keys(prefix)


class Clay:
    """A memory store's state, of which any number of stores can be made."""

    def __init__(self, store: MemoryStore) -> None:
        self._content = store._content

    def store(self) -> MemoryStore:
        store = MemoryStore()
        # Its entries, blobs and digests are values: a copy of the containers is enough.
        for part in fields(store._content):
            if part.name != "lock":
                value = copy.copy(getattr(self._content, part.name))
                setattr(store._content, part.name, value)
        return store


def job(bench: Bench) -> dict[str, Any]:
    return {"f": {"class": "File", "path": str(bench.write("in.txt", "one\n" * 5000))}}


def run_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, store: Any, workflow: Path, *options: str
) -> Run:
    with monkeypatch.context() as patch:
        patch.setattr("cwl_memo.cwl.runner.open_store", lambda *_args, **_names: store)
        return bench.run(workflow, job(bench), *options)


def every_call(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    make_store: Callable[[], Any],
    error: type[StoreError],
    *options: str,
    step: int = 1,
) -> int:
    """Run once with a fault at each call in turn; return how many calls there were."""
    workflow = chain(bench, *BODIES)
    expected = delivered(bench.run(workflow, job(bench), "--no-memo"))
    for number in range(1, MANY, step):
        faulty = FaultyStore(make_store(), number.__eq__, error)
        run = run_on(bench, monkeypatch, faulty, workflow, *options)
        where = f"call {number}: {faulty.calls[number - 1 : number]}\n{run.log}"
        assert delivered(run) == expected, where
        assert "Traceback" not in run.log, where
        if len(faulty.calls) < number:
            return number - 1
        # What the fault left behind does no harm either.
        after = run_on(bench, monkeypatch, faulty._store, workflow)
        assert delivered(after) == expected, where
    raise AssertionError("the run never ran out of calls")


def warm_clay(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Clay:
    store = MemoryStore()
    workflow = chain(bench, *BODIES)
    assert run_on(bench, monkeypatch, store, workflow).executed == 3
    clay = Clay(store)
    assert run_on(bench, monkeypatch, clay.store(), workflow).executed == 0
    return clay


def test_run_is_right_with_a_fault_at_every_call_when_cold(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = every_call(bench, monkeypatch, MemoryStore, StoreError)
    assert calls > 3 * 5


def test_run_is_right_with_a_fault_at_every_call_when_warm(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clay = warm_clay(bench, monkeypatch)
    calls = every_call(bench, monkeypatch, clay.store, StoreError)
    assert calls > 3 * 3


def test_run_is_right_with_a_fault_at_every_call_when_half_warm(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clay = warm_clay(bench, monkeypatch)
    monkeypatch.setattr(f"{__name__}.BODIES", (*BODIES[:2], "cat $1; echo C"))
    every_call(bench, monkeypatch, clay.store, StoreError)


def test_run_is_right_with_a_fault_at_every_call_when_hits_are_executed_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    clay = warm_clay(bench, monkeypatch)
    every_call(bench, monkeypatch, clay.store, StoreError, "--memo-recheck", "1", step=3)


@pytest.mark.slow
@pytest.mark.parametrize("error", [StoreFullError, StoreReadOnlyError, StoreDamagedError])
@pytest.mark.parametrize("more", [(), ("--parallel",)], ids=["serial", "parallel"])
def test_run_is_right_with_another_fault_at_every_call(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    error: type[StoreError],
    more: tuple[str, ...],
) -> None:
    every_call(bench, monkeypatch, MemoryStore, error, *more)
    clay = warm_clay(bench, monkeypatch)
    every_call(bench, monkeypatch, clay.store, error, *more)


@pytest.mark.slow
def test_run_is_right_with_a_fault_at_every_call_of_a_local_store(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = iter(range(MANY))
    every_call(
        bench,
        monkeypatch,
        lambda: LocalStore(bench.folder / f"store{next(count)}"),
        StoreFullError,
    )


@pytest.mark.parametrize("error", [StoreError, StoreFullError, StoreDamagedError])
@pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("first", [1, 4, 8, 12])
def test_run_is_right_when_every_call_fails_from_some_point_on(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    error: type[StoreError],
    warm: bool,
    first: int,
) -> None:
    workflow = chain(bench, *BODIES)
    store = warm_clay(bench, monkeypatch).store() if warm else MemoryStore()
    expected = delivered(bench.run(workflow, job(bench), "--no-memo"))
    faulty = FaultyStore(store, lambda number: number >= first, error)
    run = run_on(bench, monkeypatch, faulty, workflow)
    assert delivered(run) == expected
    assert run.log.count("the store failed, jobs may be executed again") == 1
    assert "Traceback" not in run.log


@pytest.mark.parametrize("call", ["materialise", "check_blob", "get_entry", "read_blob"])
def test_run_is_right_when_one_kind_of_call_always_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    # A blob that is announced and cannot be had: the job is executed after all.
    workflow = chain(bench, *BODIES)
    clay = warm_clay(bench, monkeypatch)
    for more in ((), ("--parallel",)):
        store = clay.store()

        def fail(*_: object, **__: object) -> None:
            raise StoreError("lost")

        monkeypatch.setattr(store, call, fail)
        run = run_on(bench, monkeypatch, store, workflow, *more)
        assert (run.code, run.text()) == (0, "one\n" * 5000 + "a\nb\nc\n"), run.log


@pytest.mark.parametrize(
    "name",
    [
        "static.read_tool",
        "facts.ToolFacts.traits",
        "facts.ToolFacts.gather",
        "attempt.record_output",
        "attempt.Attempt._key_anew",
        "tool.restore_output",
    ],
)
def test_fault_of_our_own_costs_reuse_and_no_result(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of our own")

    workflow = chain(bench, *BODIES)
    store = warm_clay(bench, monkeypatch).store()
    monkeypatch.setattr(f"cwl_memo.cwl.{name}", fail)
    for more in ((), ("--parallel",)):
        for document in (workflow, chain(bench, *BODIES[:2], f"cat $1; echo c # {more}")):
            run = run_on(bench, monkeypatch, store, document, *more)
            assert (run.code, run.text()) == (0, "one\n" * 5000 + "a\nb\nc\n"), run.log
