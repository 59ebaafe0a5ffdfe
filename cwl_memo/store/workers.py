"""Workers: a bounded number of threads that the process does not wait for as it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["Workers"]

_T = TypeVar("_T")


class Workers:
    """Does what it is given in other threads, first come, first served.

    Those of :mod:`concurrent.futures` would keep an interrupted process until each has ended.

    :param count: threads at most; each is started when there is work for it.
    :param name: of the threads, for whoever debugs them.
    """

    def __init__(self, count: int, name: str) -> None:
        self._count = count
        self._name = name
        self._queue: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._threads = 0
        self._idle = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, work: Callable[[], _T]) -> Future[_T]:
        """Have something done; its result, or its error, is in the future."""
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                future.cancel()
                return future
            self._queue.put((future, work))
            if self._queue.qsize() > self._idle and self._threads < self._count:
                self._threads += 1
                threading.Thread(target=self._work, name=self._name, daemon=True).start()
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

    def close(self) -> None:
        """Do nothing more; what has been begun goes on, and nobody waits for it."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            while not self._queue.empty():
                item = self._queue.get()
                if item is not None:
                    item[0].cancel()
            for _ in range(self._threads):
                self._queue.put(None)
