"""What became of each job, told by the workers to the leader.

A worker has no way to the leader but Toil's: messages that Toil brings there with the rest
of what a job leaves, whatever the batch system and the job store. One message holds the
records of a job; the leader takes it out of its log and into the run's record.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.run import JobRecord, SharedUse
from cwl_memo.errors import FormatError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LEVEL", "Relay", "message", "message_of_use"]

_MARK: Final = "cwl-memo-job: "

LEVEL: Final = logging.CRITICAL
"""Of the messages: one that is always brought; the leader shows none of them."""

_LOGGER: Final = "toil.statsAndLogging"


def message(job: JobRecord, made: Iterable[ReuseKey]) -> str:
    """Return what tells the leader of a job.

    :param made: keys of entries that are kept only if the run fails.
    """
    return _MARK + json.dumps({"job": job.to_json(), "made": [str(key) for key in made]})


def message_of_use(used: SharedUse) -> str:
    """Return what tells the leader how a worker used the shared store."""
    return _MARK + json.dumps({"shared": used.to_json()})


TakeJob = Callable[[JobRecord, "list[ReuseKey]"], None]
TakeUse = Callable[[SharedUse], None]


class Relay(logging.Filter):
    """Takes the messages of the workers out of the leader's log.

    :param take_job: takes what became of a job.
    :param take_use: takes how the shared store was used.
    """

    def __init__(self, take_job: TakeJob, take_use: TakeUse) -> None:
        super().__init__()
        self._take_job = take_job
        self._take_use = take_use

    def __enter__(self) -> Self:
        logging.getLogger(_LOGGER).addFilter(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger(_LOGGER).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Take a message of a worker; return whether it is to be logged, being none."""
        text = next((arg for arg in _arguments(record) if str(arg).startswith(_MARK)), None)
        if text is None:
            return True
        try:
            data = json.loads(str(text).removeprefix(_MARK))
            used = SharedUse.from_json(data.get("shared"))
            if used is not None:
                self._take_use(used)
                return False
            job = JobRecord.from_json(data["job"])
            made = [ReuseKey(key) for key in data["made"]]
        except (FormatError, ValueError, TypeError, KeyError, AttributeError):
            return True
        self._take_job(job, made)
        return False


def _arguments(record: logging.LogRecord) -> tuple[Any, ...]:
    return record.args if isinstance(record.args, tuple) else ()
