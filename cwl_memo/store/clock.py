"""The time, as records tell it."""

from __future__ import annotations

import datetime as dt
import time
from functools import lru_cache

__all__ = ["now", "stamp"]


def now() -> str:
    """Return the time as ISO 8601, to the second, with the offset of this place."""
    return stamp(time.time())


def stamp(seconds: float) -> str:
    """Return a time given in seconds since the epoch as :func:`now` would."""
    return _stamp(int(seconds // 1))


@lru_cache(maxsize=16)
def _stamp(seconds: int) -> str:
    # Asked for by every job, of which many begin in one second.
    return dt.datetime.fromtimestamp(seconds).astimezone().isoformat(timespec="seconds")
