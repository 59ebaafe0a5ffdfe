"""Which store a command means: the one that is named, that of a run cache, or the default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cwl_memo.errors import UnknownCacheError, UsageError
from cwl_memo.store.location import STORE_VARIABLE, default_store_path, named_store_path

if TYPE_CHECKING:
    from cwl_memo.core.cache import RunCache

__all__ = ["CACHE_VARIABLE", "Place", "exclusive", "find_place", "place_of_cache"]

CACHE_VARIABLE: Final = "CWL_MEMO_CACHE"
"""The environment variable that names a run cache; an option on the command line wins."""


@dataclass(frozen=True)
class Place:
    """Where entries are kept.

    :param path: the directory of the store.
    :param origin: the option or variable that named it; empty for the default.
    :param cache: the run cache whose store it is; None where none was named.
    """

    path: Path
    origin: str = ""
    cache: RunCache | None = None


def find_place(
    environ: Mapping[str, str],
    *,
    store: str | None,
    cache: str | None,
    prefix: str = "--memo-",
) -> Place:
    """Return the store that is meant; the command line wins over the environment.

    :param store: the directory that the command line names, if any.
    :param cache: the run cache that the command line names, if any.
    :param prefix: how the two options begin.
    :raises UsageError: if both are named in the same place, or one makes no sense.
    :raises UnknownCacheError: if there is no such cache.
    """
    origins = (f"{prefix}store", f"{prefix}cache")
    if store is None and cache is None:
        store = environ.get(STORE_VARIABLE) or None
        cache = environ.get(CACHE_VARIABLE) or None
        origins = (STORE_VARIABLE, CACHE_VARIABLE)
    if store is not None and cache is not None:
        raise exclusive(*origins)
    if store == "":
        raise UsageError(f"{origins[0]}: names no directory")
    if cache is not None:
        return place_of_cache(cache, origins[1])
    if store is not None:
        return Place(named_store_path(store), origins[0])
    return Place(default_store_path({**environ, STORE_VARIABLE: ""}))


def exclusive(store: str, cache: str) -> UsageError:
    """Return the error of naming both a store and a run cache, by where each was named."""
    return UsageError(
        f"{store} and {cache} exclude one another: a run cache has a store of its own"
    )


def place_of_cache(name: str, origin: str) -> Place:
    """Return the store of a run cache.

    :param name: its name or its id.
    :param origin: the option, the variable or the line of a file that named it.
    :raises UnknownCacheError: if there is no such cache.
    """
    if not name:
        raise UsageError(f"{origin}: names no run cache")
    # Only here: most commands mean no cache, and have no need of the registry.
    from cwl_memo.store.caches import RunCaches

    try:
        found = RunCaches().get(name)
    except UnknownCacheError as error:
        raise UnknownCacheError(f"{origin}: {error}") from None
    return Place(Path(found.location), origin, found)
