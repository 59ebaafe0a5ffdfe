"""Where the files of a Toil job are: locations that only Toil can read, as paths."""

from __future__ import annotations

import errno
from typing import Any, Final

from cwl_memo.cwl.location import local_path
from cwl_memo.engines.toil.carried import Carried

__all__ = ["Whereabouts"]

_TOIL: Final = ("toilfile:", "toildir:")


class Whereabouts:
    """Finds the files of one job.

    :param access: makes Toil's file access, given what relative paths are relative to.
    :param carried: knows the files that need not be read.
    """

    def __init__(self, access: Any, carried: Carried) -> None:
        self._access = access
        self._made: Any = None
        self._carried = carried

    def locate(self, location: str, basedir: str) -> str | None:
        """Return the path of a location; of a file that need not be read, the location.

        :raises OSError: if Toil cannot bring it here.
        """
        if not location.startswith(_TOIL):
            return local_path(location, basedir)
        if self._carried.digest_of(location) is not None:
            return location
        if self._made is None:
            # One for all: it fetches a Directory once.
            self._made = self._access("")
        try:
            return str(self._made._abs(location))  # noqa: SLF001  (cwltool's and Toil's own way)
        except OSError:
            raise
        except Exception as error:
            raise OSError(errno.EIO, str(error), location) from error
