"""What a failing store means: a miss, or a result that is not recorded, and one warning.

Nothing that the store does may end a run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from cwl_memo.core.printable import printable
from cwl_memo.errors import StoreError

__all__ = ["Guard"]

_log = logging.getLogger("cwltool")

_T = TypeVar("_T")
_U = TypeVar("_U")


class Guard:
    """Stands between a run and a store that may fail."""

    def __init__(self) -> None:
        self._warned = False
        self._reported = False

    def guard(self, ask: Callable[[], _T], otherwise: _T) -> _T:
        """Return what the store answers, or ``otherwise`` where it fails."""
        return self.shield(ask, otherwise)

    def shield(
        self, ask: Callable[[], _T], otherwise: _U, *, passing: tuple[type[Exception], ...] = ()
    ) -> _T | _U:
        """Return what a decision about reuse gives, or ``otherwise`` if it breaks down.

        A fault of cwl-memo may cost an execution, never a run.

        :param passing: errors that belong to the run, and are raised.
        """
        try:
            return ask()
        except passing:
            raise
        except StoreError as error:
            self.warn(error)
        except Exception as error:  # noqa: BLE001  (see above)
            self._report(error)
        return otherwise

    def _report(self, error: Exception) -> None:
        """Say once in a run that something is wrong that is no failure of a store."""
        level, self._reported = logging.DEBUG if self._reported else logging.WARNING, True
        _log.log(
            level,
            "cwl-memo: unexpected error, jobs may be executed again, or not recorded; "
            "please report it: %r",
            error,
            exc_info=_log.isEnabledFor(logging.DEBUG),
        )

    def warn(self, error: StoreError) -> None:
        """Say once in a run that the store fails; the rest goes to the debug log."""
        text = printable(str(error))
        if self._warned:
            _log.debug("cwl-memo: %s", text)
        else:
            self._warned = True
            _log.warning("cwl-memo: the store failed, jobs may be executed again: %s", text)
