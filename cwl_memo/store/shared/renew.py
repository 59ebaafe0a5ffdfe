"""Entries that are used stay young: what goes by age is what nobody uses.

The time of an object is that of its last write, for the upkeep here as for the lifecycle
rules of providers, and a read does not change it. So an entry that is used and was written
long ago is written once more, byte for byte. Its blobs are not: they are large, and stay as
long as an entry needs them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import StoreDamagedError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.envelope import ENVELOPE_LIMIT
from cwl_memo.store.shared.layout import entry_name
from cwl_memo.store.shared.walk import ahead, server_time

__all__ = ["RENEWED", "renew"]

RENEWED: Final = 7 * 24 * 3600.0
"""Seconds after which an entry that is used is written once more.

A rule that removes by age has to leave it twice as long at least.
"""


def renew(bucket: Bucket, keys: Iterable[ReuseKey], age: float = RENEWED) -> int:
    """Write entries that were used once more if they are old; return how many were.

    One request for each entry and two more for each that is old: work for the end of a run.

    :param keys: of the entries that were used.
    :param age: seconds from which an entry is old.
    :raises StoreError: if the place does not answer, or may not be written.
    """
    now = server_time(bucket)
    return sum(done for _, done in ahead(lambda key: _renew(bucket, key, now - age), keys))


def _renew(bucket: Bucket, key: ReuseKey, before: float) -> bool:
    name = entry_name(key)
    found = bucket.head(name)
    if found is None or found.modified >= before:
        return False
    try:
        data = bucket.get(name, ENVELOPE_LIMIT)
    except StoreDamagedError:
        return False
    # What another has written meanwhile is young, and knows more. Where it comes between this
    # look and the next line, an older version of the entry stands there: as right as any.
    if data is None or bucket.head(name) != found:
        return False
    bucket.put(name, data)
    return True
