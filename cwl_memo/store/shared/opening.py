"""Opening a shared store by its URL."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from cwl_memo.core.settings import SharedMode
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.errors import UsageError
from cwl_memo.store.shared.breaker import BreakerBucket
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.file_bucket import open_files
from cwl_memo.store.shared.object_bucket import open_objects
from cwl_memo.store.shared.once import Once
from cwl_memo.store.shared.store import SharedStore

__all__ = ["TIMEOUT", "open_bucket", "open_shared"]

TIMEOUT: Final = 20.0
"""Seconds for the answer to one request."""

_OBJECTS: Final = frozenset({"s3", "s3a", "gs", "az", "azure", "abfs", "abfss", "adl", "memory"})


def open_bucket(url: str, *, timeout: float = TIMEOUT) -> Bucket:
    """Return the objects under a URL; nothing is asked of its server yet.

    :param timeout: seconds for the answer to one request.
    :raises UsageError: if nothing can be done with the URL.
    """
    try:
        parts = urlsplit(url)
        has_secret = parts.password is not None
    except ValueError as error:
        raise UsageError(f"not the URL of a shared store: {error}") from error
    if has_secret:
        raise UsageError(
            "the URL of a shared store holds no password: it stands in reports and logs; "
            "give credentials by the environment"
        )
    if parts.query or parts.fragment:
        raise UsageError(f"the URL of a shared store has no query and no fragment: {url}")
    if parts.scheme == "file":
        return open_files(url)
    if parts.scheme in _OBJECTS:
        return open_objects(url, timeout)
    raise UsageError(
        f"not the URL of a shared store: {url!r}; it is s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, "
        "az://CONTAINER/PREFIX or file:///DIRECTORY"
    )


def open_shared(
    url: str,
    *,
    mode: SharedMode = SharedMode.READ_WRITE,
    trust: TrustPolicy | None = None,
    sign_with: SigningKey | None = None,
    timeout: float = TIMEOUT,
    program: str = "cwl-memo",
    once: Once | None = None,
) -> SharedStore:
    """Return the shared store at a URL; nothing is asked of its server yet.

    :param mode: what may be done with it.
    :param trust: whose entries count; all, where there is none.
    :param sign_with: signs the entries that are published.
    :param timeout: seconds for the answer to one request.
    :param program: name and version of this program, for people.
    :param once: says that something there cannot be used.
    :raises UsageError: if nothing can be done with the URL, or a package is missing.
    """
    bucket = BreakerBucket(open_bucket(url, timeout=timeout))
    return SharedStore(
        bucket, mode=mode, trust=trust, sign_with=sign_with, program=program, once=once
    )
