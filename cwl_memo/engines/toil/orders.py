"""Orders: what every process that serves a run has to know of it.

They travel in the pickle of each tool, from the leader to the workers. A restart has those
of the run that it goes on with; that it is to do without memoization, an environment
variable says, which Toil takes to the workers of each start and restart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.settings import Settings, SharedChoice, ToilLookup

__all__ = ["Orders", "is_switched_off", "switched_off"]

_OFF: Final = "CWL_MEMO_TOIL_OFF"


@contextmanager
def switched_off() -> Iterator[None]:
    """Have the tools of a run do without memoization, here and on the workers."""
    before = os.environ.get(_OFF)
    os.environ[_OFF] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OFF]
        else:
            os.environ[_OFF] = before


def is_switched_off() -> bool:
    """Tell whether this process is to do without memoization."""
    return os.environ.get(_OFF) == "1"


def _new_secret() -> bytes:
    return os.urandom(32)


@dataclass(frozen=True)
class Orders:
    """What a worker is told.

    :param run: id of the run.
    :param settings: the user's choices.
    :param store: the directory in which a worker has its store, if somebody named it.
    :param is_named: whether somebody did; each machine otherwise has one where its temporary
        files go.
    :param behavior: for which runs entries are kept.
    :param lookup: where jobs are looked up.
    :param shared: the store that others share, if there is one.
    :param are_alike: whether the leader's machine has the programs and the images of those
        that execute the jobs.
    :param time_limit: seconds that the batch system gives to a job; None if it is not said.
    :param secret: with which the run marks digests as its own.
    """

    run: str
    settings: Settings
    store: Path
    is_named: bool
    behavior: CacheBehavior
    lookup: ToilLookup
    shared: SharedChoice | None = None
    are_alike: bool = False
    time_limit: float | None = None
    secret: bytes = field(default_factory=_new_secret, repr=False)
