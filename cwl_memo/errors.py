"""The errors of cwl-memo, in one tree.

::

    CwlMemoError
    ├── UsageError             an option or value that makes no sense; exit status 2
    │   ├── SettingsFileError  it stands in a settings file
    │   └── UnknownCacheError  no run cache answers to the name or id that was given
    ├── FormatError            bytes that are not what they claim to be; carries a path
    └── StoreError             the store could not do what was asked; never ends a run
        ├── StoreUnavailableError   cannot be opened at all: foreign, newer, no permission
        │   └── StoreUnreachableError   a shared store that gives no answer: network, time-out
        ├── StoreReadOnlyError      may be read, not written
        │   └── StoreForbiddenError     a shared store that says no to who asks
        ├── StoreFullError          no space is left
        ├── StoreDamagedError       what was read is not what was written
        │   └── StoreUnreadableError    it was not read, or not whole; it may be sound
        ├── NotGivenError           a hit's outputs cannot be laid out in this place
        ├── NotKeptError            what is asked for was never recorded, or is no longer kept
        ├── InvalidatedError        the entry was taken back before it was recorded
        └── PinnedError             the entry is pinned

A :class:`StoreError` costs a re-execution at most: :mod:`cwl_memo.memo` turns it into
a miss and one warning.
"""

from __future__ import annotations

__all__ = [
    "CwlMemoError",
    "FormatError",
    "InvalidatedError",
    "NotGivenError",
    "NotKeptError",
    "PinnedError",
    "SettingsFileError",
    "StoreDamagedError",
    "StoreError",
    "StoreForbiddenError",
    "StoreFullError",
    "StoreReadOnlyError",
    "StoreUnavailableError",
    "StoreUnreachableError",
    "StoreUnreadableError",
    "UnknownCacheError",
    "UsageError",
]


class CwlMemoError(Exception):
    """The root of every error that cwl-memo raises on purpose."""


class UsageError(CwlMemoError):
    """A setting or option that makes no sense; the message names it and the remedy."""


class SettingsFileError(UsageError):
    """A settings file that makes no sense; each line names the file, the line, the remedy."""


class UnknownCacheError(UsageError):
    """No run cache answers to the name or id that was given."""


class FormatError(CwlMemoError):
    """Data that does not have the form it should have.

    :param message: what is wrong.
    :param path: where, as in ``outputs[2].size``; empty for the whole.
    """

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


class StoreError(CwlMemoError):
    """The store could not do what was asked of it."""


class StoreUnavailableError(StoreError):
    """The store cannot be opened: a foreign directory, a newer format, no permission."""


class StoreUnreachableError(StoreUnavailableError):
    """A shared store gives no answer: no network, a time-out, an error of the server."""


class StoreReadOnlyError(StoreError):
    """The store can be read but not written."""


class StoreForbiddenError(StoreReadOnlyError):
    """A shared store does not let whoever asks do what was asked; reading may be that, too."""


class StoreFullError(StoreError):
    """No space is left for the store."""


class NotGivenError(StoreError):
    """The outputs of a hit cannot be laid out where it was looked up; elsewhere they can."""


class StoreDamagedError(StoreError):
    """What the store returned is not what was put into it."""


class StoreUnreadableError(StoreDamagedError):
    """Something was not read, by this user or this time; to them it is as good as damaged.

    It may be sound for others: no reason to remove it.
    """


class NotKeptError(StoreError):
    """What is asked for was never recorded, or is no longer kept; the message says which."""


class InvalidatedError(StoreError):
    """An entry is not recorded: it was invalidated after its execution had begun."""


class PinnedError(StoreError):
    """An entry is pinned, and was not to be taken back by force."""
