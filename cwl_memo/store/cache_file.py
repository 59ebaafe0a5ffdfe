"""Registered run caches as files: one small file of JSON for each."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.cache import CACHE_FORMAT, RunCache, is_cache_id
from cwl_memo.errors import FormatError, StoreDamagedError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.regular import NotRegularError, read_regular, write_all

__all__ = ["find_cache_ids", "read_cache", "write_cache"]

_LIMIT: Final = 1 << 18
"""Bytes that such a file may have; fifty tags of the longest take less."""

_SUFFIX: Final = ".json"


def find_cache_ids(directory: Path) -> Iterator[str]:
    """Yield the id of each cache that is registered in a directory."""
    with reading("list the run caches"):
        try:
            names = os.listdir(directory)  # noqa: PTH208  (only the names)
        except FileNotFoundError:
            return
    for name in sorted(names):
        if name.endswith(_SUFFIX) and is_cache_id(name[: -len(_SUFFIX)]):
            yield name[: -len(_SUFFIX)]


def read_cache(directory: Path, cache_id: str) -> RunCache | None:
    """Return a registered cache; None where there is none.

    :raises StoreDamagedError: if its file is not what was written, or of another format.
    """
    path = directory / f"{cache_id}{_SUFFIX}"
    with reading("read a run cache"):
        try:
            data: Any = json.loads(read_regular(path, _LIMIT))
            if not isinstance(data, dict) or data.get("format") != CACHE_FORMAT:
                raise FormatError(f"not of format {CACHE_FORMAT}, which this program knows")
            cache = RunCache.from_json(data.get("cache"))
            if cache.id != cache_id:
                raise FormatError("it is the file of another cache")
        except FileNotFoundError:
            return None
        except (NotRegularError, FormatError, ValueError, RecursionError) as error:
            raise StoreDamagedError(f"{path}: not a run cache: {error}") from error
    return cache


def write_cache(directory: Path, cache: RunCache) -> None:
    """Write the file of a cache, atomically, in place of an older one."""
    text = json.dumps({"format": CACHE_FORMAT, "cache": cache.to_json()}, indent=1) + "\n"
    with writing("register a run cache"):
        descriptor, name = tempfile.mkstemp(prefix=".cache-", dir=directory)
        temporary = Path(name)
        try:
            try:
                write_all(descriptor, text.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            temporary.replace(directory / f"{cache.id}{_SUFFIX}")
        finally:
            temporary.unlink(missing_ok=True)
