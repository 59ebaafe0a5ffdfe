"""Opening a store of this machine with a shared one behind it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import cast

from cwl_memo.core.settings import SharedChoice, SharedMode
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.store.keys import find_signing_key
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import Store
from cwl_memo.store.shared.once import Once
from cwl_memo.store.shared.opening import open_shared
from cwl_memo.store.tiered import TieredStore

__all__ = ["open_tiered", "put_behind"]


def open_tiered(
    path: str | os.PathLike[str],
    url: str,
    *,
    readonly: bool = False,
    mode: SharedMode = SharedMode.READ_WRITE,
    timeout: float = 20.0,
    trusted_keys: Iterable[str] = (),
    sign_with: str = "",
    leases: bool = True,
) -> Store:
    """Open the store in a directory, with the shared store at a URL behind it.

    Of the shared store nothing is asked yet, and no failure of it is ever raised: it costs
    executions at most.

    :param path: the directory, which is made if it does not exist.
    :param url: as ``s3://bucket/prefix`` or ``file:///directory``.
    :param readonly: whether nothing may be written to the directory.
    :param mode: what is done with the shared store.
    :param timeout: seconds for the answer to one request.
    :param trusted_keys: public keys whose entries count; all entries count if there are none.
    :param sign_with: the name of the user's key that signs what goes up.
    :param leases: whether machines agree on who executes a job.
    :raises UsageError: if nothing can be done with the URL or a key, or a package is missing.
    :raises StoreUnavailableError: as :func:`cwl_memo.open_store` does.
    """
    choice = SharedChoice(url, mode, timeout, tuple(trusted_keys), sign_with, leases)
    front = open_store(path, readonly=readonly)
    try:
        return cast("Store", put_behind(front, choice, os.environ))
    except BaseException:
        front.close()
        raise


def put_behind(
    front: Store, choice: SharedChoice, environ: Mapping[str, str], *, plans: bool = False
) -> TieredStore:
    """Return a store with a shared one behind it.

    :param environ: where a key to sign with may be.
    :param plans: whether nothing may be changed in the shared store.
    :raises UsageError: if nothing can be done with the URL or a key, or a package is missing.
    """
    signs = choice.mode is not SharedMode.READONLY and not plans
    mode = choice.mode
    if plans and mode is SharedMode.READ_WRITE:
        mode = SharedMode.READONLY
    once = Once()
    remote = open_shared(
        choice.url,
        mode=mode,
        trust=TrustPolicy(frozenset(choice.trusted_keys)),
        sign_with=find_signing_key(choice.sign_with, environ) if signs else None,
        timeout=choice.timeout,
        program=f"cwl-memo {metadata.version('cwl-memo')}",
        once=once,
    )
    spool = front.spool(choice.url) if isinstance(front, LocalStore) and signs else None
    untold = front.untold(choice.url) if isinstance(front, LocalStore) else None
    return TieredStore(front, remote, leases=choice.leases, spool=spool, untold=untold, once=once)
