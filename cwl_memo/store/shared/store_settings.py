"""``settings.json`` of a shared store: read, and written whole."""

from __future__ import annotations

import json
from typing import Any, Final

from cwl_memo.core.signature import TrustPolicy
from cwl_memo.core.store_settings import StoreSettings
from cwl_memo.errors import FormatError, StoreDamagedError, StoreError, UsageError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.layout import SETTINGS

__all__ = ["read_settings", "read_trust", "write_settings"]

_LIMIT: Final = 1 << 20


def read_settings(bucket: Bucket) -> StoreSettings:
    """Return the settings of a shared store; those that say nothing where there are none.

    :raises StoreDamagedError: if they make no sense.
    """
    data = bucket.get(SETTINGS, _LIMIT)
    if data is None:
        return StoreSettings(bucket.url)
    try:
        decoded = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse)
        return StoreSettings.from_json(decoded)
    except (ValueError, RecursionError, FormatError) as error:
        raise StoreDamagedError(f"{bucket.url}/{SETTINGS}: not settings: {error}") from None


def write_settings(bucket: Bucket, settings: StoreSettings) -> None:
    """Write the settings of a shared store, in place of those that are there.

    :raises UsageError: if they are too large.
    """
    data = (json.dumps(settings.to_json(), indent=2) + "\n").encode()
    if len(data) > _LIMIT:
        raise UsageError("the settings of the store are too large; remove projects or keys")
    bucket.put(SETTINGS, data)


def read_trust(bucket: Bucket, trust: TrustPolicy) -> tuple[TrustPolicy, StoreError | None]:
    """Return whom a user trusts in a shared store, and why its settings do not count, if so.

    :param trust: whom the user trusts anywhere; with nobody, nobody is asked to sign.
    """
    if not trust.keys:
        return trust, None
    try:
        return read_settings(bucket).extend(trust, bucket.url), None
    except StoreError as error:
        return trust, error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")
