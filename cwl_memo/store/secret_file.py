"""The store's own key, with which secret inputs are hashed."""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from cwl_memo.errors import StoreError, StoreReadOnlyError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.layout import Layout
from cwl_memo.store.quarantine import Quarantine
from cwl_memo.store.regular import NotRegularError, read_regular, write_all

__all__ = ["find_secret", "read_secret"]

_SIZE: Final = 32
_PATIENCE: Final = 10.0
"""Seconds to wait for another process that makes the key."""


def read_secret(layout: Layout, quarantine: Quarantine, *, writable: bool) -> bytes:
    """Return the store's own key, made the first time that it is asked for.

    A damaged one is set aside: with the new one, old results of secret inputs are
    never found again, and nothing else is lost.

    :raises StoreReadOnlyError: if there is none and none may be made.
    """
    secret = _find(layout.secret, quarantine)
    if secret is not None:
        return secret
    if not writable:
        raise StoreReadOnlyError("the store has no key for secret inputs, and none can be made")
    # Only here: it takes longer to import than a run that is replayed.
    from filelock import FileLock, Timeout

    with writing("make the key for secret inputs"):
        try:
            # Two processes must not make two keys.
            with FileLock(layout.locks / "secret.lock", timeout=_PATIENCE):
                return _find(layout.secret, quarantine) or _make(layout)
        except Timeout as error:
            raise StoreError("another process keeps the key for secret inputs locked") from error


def find_secret(layout: Layout) -> bytes | None:
    """Return the store's own key; None where there is none, or a damaged one."""
    try:
        secret = read_regular(layout.secret, _SIZE)
    except (OSError, NotRegularError):
        return None
    return secret if len(secret) == _SIZE else None


def _find(path: Path, quarantine: Quarantine) -> bytes | None:
    with reading("read the key for secret inputs"):
        try:
            secret = read_regular(path, _SIZE)
        except FileNotFoundError:
            return None
        except NotRegularError as error:
            quarantine.take(path, str(error))
            return None
    if len(secret) != _SIZE:
        quarantine.take(path, "not a key")
        return None
    return secret


def _make(layout: Layout) -> bytes:
    secret = secrets.token_bytes(_SIZE)
    # Made with mode 0600.
    descriptor, name = tempfile.mkstemp(prefix="secret-", dir=layout.tmp)
    try:
        write_all(descriptor, secret)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    Path(name).replace(layout.secret)
    return secret
