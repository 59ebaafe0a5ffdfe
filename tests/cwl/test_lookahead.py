"""cwltool is never told that nothing is under way while a look-up has just had its answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any, cast

import pytest

from cwl_memo.cwl.lookahead import Lookahead, PatientProcess


class Answered(Future[None]):
    """A look-up that has its answer as soon as somebody was told that it has none."""

    def done(self) -> bool:
        """Tell that it has none, once."""
        was_done = super().done()
        if not was_done:
            self.set_result(None)
        return was_done


class Steps:
    """A process of jobs that each wait for a look-up, asked as cwltool asks a workflow's steps."""

    def __init__(self, lookahead: Lookahead, pending: list[Future[None]]) -> None:
        self._lookahead = lookahead
        self._pending = pending

    def job(self, *_: object) -> Iterator[Any]:
        """Yield each job when it may begin, and None when none may."""
        waiting = [self._one(number) for number in range(len(self._pending))]
        while waiting:
            told = [(one, next(one, "ended")) for one in waiting]
            jobs = [job for _, job in told if isinstance(job, int)]
            yield from jobs
            waiting = [one for one, job in told if job != "ended"]
            if waiting and not jobs:
                yield None

    def _one(self, number: int) -> Iterator[Any]:
        yield from self._lookahead.wait_for(self._pending[number])
        yield number


def jobs(pending: list[Future[None]], lock: threading.Condition | None = None) -> list[Any]:
    """Return what a patient process yields."""
    lookahead = Lookahead()
    lookahead.is_on = True
    process = cast("Any", Steps(lookahead, pending))
    return list(PatientProcess(process, lookahead, lock).job({}, None, cast("Any", None)))


@pytest.mark.parametrize("count", [1, 5])
def test_an_answer_between_two_looks_is_no_end_of_the_workflow(count: int) -> None:
    assert sorted(jobs([Answered() for _ in range(count)])) == list(range(count))


def test_an_answer_between_two_looks_is_no_end_of_it_beside_other_jobs() -> None:
    lock = threading.Condition(threading.RLock())
    with lock:
        assert jobs([Answered(), Answered()], lock) == [0, 1]


def test_answers_that_come_late_are_waited_for() -> None:
    late: Future[None] = Future()
    timer = threading.Timer(0.1, late.set_result, [None])
    timer.start()
    assert sorted(jobs([late, Answered()])) == [0, 1]
    timer.join()


def test_nothing_is_waited_for_where_no_look_up_is_under_way() -> None:
    lookahead = Lookahead()
    lookahead.is_on = True
    process = cast("Any", Idle())
    assert list(PatientProcess(process, lookahead).job({}, None, cast("Any", None))) == [None]


class Idle:
    """A process that cannot make progress."""

    def job(self, *_: object) -> Iterator[None]:
        """Yield that, once."""
        yield None
