"""Objects of S3, Google Cloud Storage and Azure, and of this process's memory, by obstore."""

from __future__ import annotations

import contextlib
import datetime as dt
import importlib
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    StoreForbiddenError,
    StoreFullError,
    StoreUnreachableError,
    StoreUnreadableError,
    UsageError,
)
from cwl_memo.store.compressed import Reader
from cwl_memo.store.shared.bucket import ObjectMeta
from cwl_memo.store.shared.credentials import aws_credentials
from cwl_memo.store.shared.layout import PROBES

__all__ = ["ObjectBucket", "open_objects"]

_PART: Final = 8 << 20
"""Bytes of one part of an upload in parts, each a request of its own."""

_PARTS_AT_ONCE: Final = 4
_CHUNK: Final = 1 << 20
"""Bytes of an object that are handed on at once."""

_RETRIES: Final = 2
_TRANSFER: Final = 3600.0
"""Seconds that a large object may take; that it stands still is noticed before."""

_AT_ONCE: Final = 1000
"""Objects that one request removes."""

_MISSING: Final = (
    "a shared store at {url} needs a package that is not installed: pip install 'cwl-memo[shared]'"
)

_memories: dict[str, Any] = {}
"""Stores of this process's memory, so that two who name the same URL share one."""


def open_objects(url: str, timeout: float) -> ObjectBucket:
    """Return the objects under a URL; nothing is asked of its server yet.

    :param timeout: seconds for the answer to one request.
    :raises UsageError: if obstore is not installed, or can do nothing with the URL.
    """
    try:
        obstore = importlib.import_module("obstore")
        stores = importlib.import_module("obstore.store")
    except ImportError:
        raise UsageError(_MISSING.format(url=url)) from None
    if url.startswith("memory://"):
        store = _memories.setdefault(url, stores.MemoryStore())
        return ObjectBucket(url, obstore, store, store, is_bulk=False)
    limit = dt.timedelta(seconds=timeout)
    client: dict[str, Any] = {
        "connect_timeout": min(limit, dt.timedelta(seconds=5)),
        "timeout": limit,
        **_client_options(),
    }
    retry = {
        "max_retries": _RETRIES,
        "retry_timeout": 2 * limit,
        "backoff": {"max_backoff": dt.timedelta(seconds=2)},
    }
    config = aws_credentials() if url.startswith("s3") else {}
    transfer = {**client, "timeout": dt.timedelta(seconds=_TRANSFER), "read_timeout": limit}
    try:
        make = partial(stores.from_url, url, retry_config=retry, **config)
        small = make(client_options=client)
        try:
            large = make(client_options=transfer)
        except ValueError:  # an obstore that does not know the time between two reads
            large = small
    except Exception as error:
        raise UsageError(f"{url} cannot be used as a shared store: {_said(error)}") from error
    return ObjectBucket(url, obstore, small, large, is_bulk=url.startswith("s3"))


def _client_options() -> dict[str, Any]:
    """Return what obstore reads from the environment only where it is given no options."""
    options: dict[str, Any] = {}
    endpoints = (os.environ.get(name, "") for name in _ENDPOINTS)
    allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in {"1", "true", "yes"}
    # An endpoint that somebody wrote with http:// is asked for in so many words.
    if allowed or any(endpoint.startswith("http://") for endpoint in endpoints):
        options["allow_http"] = True
    bundle = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")
    if bundle:
        with contextlib.suppress(OSError):
            options["root_certificate"] = Path(bundle).read_bytes()
    return options


_ENDPOINTS: Final = (
    "AWS_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_ENDPOINT",
)


class ObjectBucket:
    """Objects behind a store of obstore.

    :param url: of the place.
    :param obstore: the package.
    :param small: the store for requests that are answered soon.
    :param large: the same for objects that may take long.
    :param is_bulk: whether one request can remove many objects.
    """

    def __init__(self, url: str, obstore: Any, small: Any, large: Any, *, is_bulk: bool) -> None:
        self.url = url
        self._obstore = obstore
        self._small = small
        self._large = large
        self._is_bulk = is_bulk
        self._errors = importlib.import_module("obstore.exceptions")
        self._has_create: bool | None = None
        self._probing = threading.Lock()

    @contextmanager
    def _asking(self, doing: str) -> Iterator[None]:
        """Turn what obstore raises into errors of the store."""
        try:
            yield
        except StoreError:
            raise
        except (self._errors.PermissionDeniedError, self._errors.UnauthenticatedError) as error:
            raise StoreForbiddenError(f"may not {doing}: {_said(error)}") from error
        except Exception as error:
            # obstore names most of what can happen by a text alone.
            raise _error_of(f"could not {doing}: {_said(error)}", str(error)) from error

    def get(self, name: str, limit: int) -> bytes | None:
        """Return the bytes of an object; None where there is none."""
        with self._asking(f"read {name}"):
            try:
                found = self._obstore.get(self._small, name)
                size = found.meta["size"]
                if size > limit:
                    raise StoreDamagedError(f"{name} is larger than it can be: {size} bytes")
                data = bytes(found.bytes())
            except FileNotFoundError:
                return None
        if len(data) != size:
            raise StoreUnreadableError(f"{name} ends too early")
        return data

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the bytes of an object in parts, as they arrive."""
        with self._asking(f"read {name}"):
            try:
                found = self._obstore.get(self._large, name)
                left = found.meta["size"]
                chunks = iter(found.stream(min_chunk_size=_CHUNK))
            except FileNotFoundError:
                raise StoreDamagedError(f"{name} is not there") from None
        while True:
            with self._asking(f"read {name}"):
                chunk = next(chunks, None)
            if chunk is None:
                break
            data = bytes(chunk)
            left -= len(data)
            yield data
        if left:
            raise StoreUnreadableError(f"{name} ends too early")

    def head(self, name: str) -> ObjectMeta | None:
        """Return what the place tells of an object; None where there is none."""
        with self._asking(f"look at {name}"):
            try:
                found = self._obstore.head(self._small, name)
            except FileNotFoundError:
                return None
            return _meta({**found, "path": name})

    def put(self, name: str, data: bytes, *, create: bool = False) -> bool:
        """Write an object, whole or not at all."""
        if create and not self.has_create():
            if self.head(name) is not None:
                return False
            create = False
        return self._put(name, data, create=create)

    def _put(self, name: str, data: bytes, *, create: bool) -> bool:
        with self._asking(f"write {name}"):
            mode = "create" if create else "overwrite"
            try:
                self._obstore.put(self._small, name, data, mode=mode, use_multipart=False)
            except (self._errors.AlreadyExistsError, self._errors.PreconditionError):
                return False
        return True

    def put_file(self, name: str, source: Reader, size: int) -> None:
        """Write an object from an open file, in parts, holding few of them in memory."""
        if size <= _PART:
            data = b"".join(_parts(source, size, name))
            with self._asking(f"write {name}"):
                self._obstore.put(self._large, name, data, use_multipart=False)
            return
        with self._asking(f"write {name}"):
            self._obstore.put(
                self._large,
                name,
                _parts(source, size, name),
                use_multipart=True,
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def list(self, prefix: str = "") -> Iterator[ObjectMeta]:
        """Yield the objects whose names begin so, in no order."""
        # A prefix is whole names of folders there, and the beginning of a name here.
        folder = prefix.rpartition("/")[0]
        with self._asking(f"list {prefix or 'the objects'}"):
            batches = iter(self._obstore.list(self._small, folder or None, chunk_size=_AT_ONCE))
        while True:
            with self._asking(f"list {prefix or 'the objects'}"):
                batch = next(batches, None)
            if batch is None:
                return
            for found in batch:
                if found["path"].startswith(prefix):
                    yield _meta(found)

    def delete(self, names: Iterable[str]) -> None:
        """Remove objects; those that are not there are no error."""
        left = iter(names)
        while chunk := list(islice(left, _AT_ONCE)):
            if self._is_bulk and len(chunk) > 1:
                with self._asking(f"remove {len(chunk)} objects"):
                    self._obstore.delete(self._small, chunk)
                continue
            for name in chunk:
                with self._asking(f"remove {name}"), contextlib.suppress(FileNotFoundError):
                    self._obstore.delete(self._small, name)

    def path_of(self, name: str) -> Path | None:  # noqa: ARG002  (of the protocol)
        """Return None: no object is a file of this machine."""
        return None

    def has_create(self) -> bool:
        """Tell whether of several that create an object only one succeeds; probed once."""
        with self._probing:
            if self._has_create is None:
                name = f"{PROBES}{secrets.token_hex(16)}"
                try:
                    # Some servers take the second as well, and say nothing.
                    first = self._put(name, b"1", create=True)
                    self._has_create = first and not self._put(name, b"2", create=True)
                except StoreUnreachableError as error:
                    said = str(error.__cause__)
                    if not any(f"status code: {code}" in said for code in (400, 501)):
                        raise
                    self._has_create = False  # the server says that it knows no such thing
                with contextlib.suppress(StoreError):
                    self.delete([name])
            return self._has_create

    def close(self) -> None:
        """Do nothing: obstore lets go of connections by itself."""


def _parts(source: Reader, size: int, name: str) -> Iterator[bytes]:
    """Yield so many bytes of a file.

    :raises StoreDamagedError: if there are fewer; what has been sent becomes no object then.
    """
    while size:
        data = source.read(min(size, _CHUNK))
        if not data:
            raise StoreDamagedError(f"what was to become {name} ends too early")
        size -= len(data)
        yield data


def _meta(found: Any) -> ObjectMeta:
    modified = found["last_modified"].timestamp()
    return ObjectMeta(found["path"], found["size"], modified, found["e_tag"] or "")


_MARKUP: Final = re.compile(r"<[?!a-zA-Z]")
_SAID: Final = 200
"""Characters of an error that people are told."""


def _said(error: BaseException) -> str:
    """Return the beginning of what obstore says, which goes on for pages.

    What the server itself said is in it, as XML or a page of HTML: that is for nobody.
    """
    text = str(error).strip() or type(error).__name__
    said = _MARKUP.split(text.splitlines()[0], maxsplit=1)[0].rstrip(" :,")
    return said if len(said) <= _SAID else f"{said[: _SAID - 1]}…"


def _error_of(message: str, text: str) -> StoreError:
    if "AccessDenied" in text or "status code: 403" in text or "status code: 401" in text:
        return StoreForbiddenError(message)
    if "507 Insufficient" in text or "QuotaExceeded" in text:
        return StoreFullError(message)
    return StoreUnreachableError(message)
