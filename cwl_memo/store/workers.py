"""Workers: a bounded number of threads that an ending process does not wait for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

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
        self._idle = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> Future[_T]:
        """Have something done; its result, or its error, is in the future.

        :raises RuntimeError: after :meth:`shutdown`.
        """
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                raise RuntimeError("the workers were shut down")
            self._queue.put((future, partial(fn, *args, **kwargs)))
            if self._queue.qsize() > self._idle and len(self._threads) < self._count:
                thread = threading.Thread(target=self._work, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def _work(self) -> None:
        while True:
            with self._lock:
                self._idle += 1
            item = self._queue.get()
            with self._lock:
                self._idle -= 1
            if item is None:
                return
            future, work = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  (whoever asks for the result gets it)
                future.set_exception(error)
            else:
                future.set_result(result)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        """Begin nothing more.

        :param wait: whether to wait, for a few seconds, until what was begun is done.
        :param cancel_futures: whether what waits for its turn is not done.
        """
        with self._lock:
            if not self._closed:
                self._closed = True
                if cancel_futures:
                    self._cancel_all()
                for _ in self._threads:
                    self._queue.put(None)
        deadline = time.monotonic() + _PATIENCE
        for thread in self._threads if wait else ():
            thread.join(max(0.0, deadline - time.monotonic()))

    def _cancel_all(self) -> None:
        while not self._queue.empty():
            item = self._queue.get()
            if item is not None:
                item[0].cancel()
                item[0].set_running_or_notify_cancel()  # tells those who wait for it
