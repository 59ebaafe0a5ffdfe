"""Opening the store in a process of a run."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cwl_memo.core.settings import Mode, SharedChoice
from cwl_memo.engines.toil.orders import Orders
from cwl_memo.errors import StoreError, StoreUnavailableError, UsageError
from cwl_memo.store.local import open_store
from cwl_memo.store.protocol import Store

__all__ = ["open_for", "store_of_node"]

_log = logging.getLogger("cwltool")

_TEMPORARY: Final = tempfile.gettempdir()
"""Found out as a worker starts: Toil sets TMPDIR to a directory of the job before each job."""


def store_of_node() -> Path:
    """Return where a machine has its store if nobody says where."""
    return Path(_TEMPORARY, f"cwl-memo-{os.getuid()}")


def open_for(orders: Orders, scratch: Callable[[], str] | None = None) -> Store | None:
    """Open the store of a run in this process; None, with a warning, where that fails.

    :param scratch: makes a directory that goes with the job. Where the machine has no place for
        a store, what is taken from the shared one is put there.
    """
    readonly = orders.settings.mode is Mode.READONLY
    try:
        # Another machine may have its temporary files elsewhere than the leader.
        path = orders.store if orders.is_named else _own(store_of_node())
        store = open_store(path, readonly=readonly)
    except StoreError as error:
        if scratch is None or orders.shared is None:
            _log.warning("cwl-memo: running without reuse: %s", error)
            return None
        _log.warning("cwl-memo: running without a store of this machine: %s", error)
        try:
            store = open_store(Path(scratch(), "store"))
        except (StoreError, OSError) as worse:
            _log.warning("cwl-memo: running without reuse: %s", worse)
            return None
    return store if orders.shared is None else _put_behind(store, orders.shared)


def _put_behind(store: Store, shared: SharedChoice) -> Store:
    from cwl_memo.store.sharing import put_behind

    try:
        return put_behind(store, shared, os.environ)
    except (UsageError, StoreError) as error:
        # As this machine is set up: it may lack a package, or the key to sign with.
        _log.warning("cwl-memo: running without the shared store: %s", error)
        return store


def _own(path: Path) -> Path:
    """Return a directory among everybody's temporary files, once it is seen to be ours alone.

    :raises StoreUnavailableError: if it is not.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=0o700, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise StoreUnavailableError(f"{path}: {error.strerror}") from error
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not is_own or found.st_mode & 0o022:
        raise StoreUnavailableError(f"{path} is not a directory that only this user may write to")
    return path
