"""Workers: what an ending process, or one that gets no threads, sees of them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any

import pytest

from cwl_memo.errors import StoreUnavailableError
from cwl_memo.store.workers import Workers


def refuse(_: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_what_is_given_is_done() -> None:
    workers = Workers(2, "test")
    assert list(workers.map(str, range(20))) == [str(number) for number in range(20)]
    workers.shutdown()
    with pytest.raises(StoreUnavailableError):
        workers.submit(str)


def test_an_end_does_not_wait_for_what_a_worker_took_last() -> None:
    class Raced(SimpleQueue):  # type: ignore[type-arg]
        """A worker takes the last item between a look and the next line."""

        def empty(self) -> bool:
            if self.qsize() == 1:
                self.get()
                return False
            return super().empty()

    workers = Workers(1, "test")
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait()

    workers.submit(hold)
    assert begun.wait(30)
    workers._queue = Raced()
    waiting: Future[str] = workers.submit(str)
    ending = threading.Thread(
        target=workers.shutdown, kwargs={"wait": False, "cancel_futures": True}, daemon=True
    )
    ending.start()
    ending.join(30)
    assert not ending.is_alive()
    assert waiting.cancelled()
    go_on.set()


def test_who_is_told_of_the_end_may_ask_for_more() -> None:
    workers = Workers(1, "test")
    begun, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        go_on.wait()

    workers.submit(hold)
    assert begun.wait(30)
    told = []

    def again(_: Future[str]) -> None:
        with pytest.raises(StoreUnavailableError):
            workers.submit(str)
        told.append(True)

    workers.submit(str).add_done_callback(again)
    workers.shutdown(wait=False, cancel_futures=True)
    go_on.set()
    assert told


def test_where_there_is_no_thread_it_is_an_error_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(4, "test")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        done: list[int] = []
        with pytest.raises(StoreUnavailableError, match="new thread"):
            workers.submit(done.append, 1)
    assert workers.submit(str, 5).result(30) == "5"
    assert done == []
    workers.shutdown()


def test_where_there_is_no_other_thread_work_waits_for_those_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers = Workers(4, "test")
    go_on = threading.Event()
    first = workers.submit(go_on.wait)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        futures: list[Future[Any]] = [workers.submit(str, number) for number in range(5)]
    go_on.set()
    ask: Callable[[Future[Any]], Any] = lambda future: future.result(30)  # noqa: E731
    assert ask(first)
    assert [ask(future) for future in futures] == [str(number) for number in range(5)]
    workers.shutdown()
