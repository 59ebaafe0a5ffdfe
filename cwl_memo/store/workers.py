"""Workers: a bounded number of threads that an ending process does not wait for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from cwl_memo.errors import StoreUnavailableError

__all__ = ["Workers"]

_T = TypeVar("_T")

_PATIENCE: Final = 5.0
"""Seconds that whoever shuts workers down waits for them at most."""


class Workers(Executor):
    """Does what it is given in other threads, first come, first served.

    Python waits for the threads of its own executor as it ends, however long that takes: an
    interrupted process would stay until the last of many gigabytes has gone up.

    :param count: threads at most; each is started when there is work for it.
    :param name: of the threads, for whoever debugs them.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._unfinished = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Have something done; its result, or its error, is in the future.

        :raises StoreUnavailableError: after :meth:`shutdown`, and where the system gives no
            thread; what others were given is done all the same.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                raise StoreUnavailableError(f"the {self._name} threads have been closed")
            self._queue.put((future, partial(fn, *args, **kwargs)))
            self._unfinished += 1
            if len(self._threads) < min(self._unfinished, self._count):
                self._start_one()
        return future

    def _start_one(self) -> None:
        thread = threading.Thread(target=self._work, name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            if self._threads:
                return  # it waits for those that there are
            with contextlib.suppress(Empty):
                self._queue.get_nowait()
                self._unfinished -= 1
            raise StoreUnavailableError(f"{self._name}: {error}") from error
        self._threads.append(thread)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            _do(*item)
            with self._lock:
                self._unfinished -= 1

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Begin nothing more.

        :param wait: whether to wait, for a few seconds, until what was begun is done.
        :param cancel_futures: whether what waits for its turn is not done.
        """
        with self._lock:
            cancelled = self._take_all() if cancel_futures else []
            self._closed = True
            for _ in self._threads:
                self._queue.put(None)
        # Whoever is told of it may ask for something here.
        for future in cancelled:
            future.cancel()
            future.set_running_or_notify_cancel()  # tells those who wait for it
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads if wait else ():
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _take_all(self) -> list[Future[Any]]:
        """Return what nobody has begun."""
        taken = []
        # A worker may take the last before it is taken here.
        with contextlib.suppress(Empty):
            while True:
                item = self._queue.get_nowait()
                if item is not None:
                    taken.append(item[0])
        return taken


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  (whoever asks for the result gets it)
        future.set_exception(error)
    else:
        future.set_result(result)
