"""The registry of run caches: which there are, and where."""

from __future__ import annotations

import difflib
import logging
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cwl_memo.core.cache import (
    CacheBehavior,
    CacheStatus,
    RunCache,
    check_description,
    check_name,
    check_tags,
)
from cwl_memo.errors import (
    StoreDamagedError,
    StoreError,
    UnknownCacheError,
    UsageError,
)
from cwl_memo.store.cache_file import find_cache_ids, read_cache, write_cache
from cwl_memo.store.clock import now
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.layout import Layout, is_vacant, is_writable, open_layout, remove_store
from cwl_memo.store.location import named_store_path

if TYPE_CHECKING:
    from cwl_memo.store.local import LocalStore

__all__ = ["CACHES_VARIABLE", "RunCaches", "require_usable"]

_log = logging.getLogger("cwltool")

CACHES_VARIABLE: Final = "CWL_MEMO_CACHES"
"""The environment variable that names the directory of the registry."""

_PATIENCE: Final = 10.0
"""Seconds to wait for another process that registers a cache; it takes some thousandths."""

_NEAR: Final = 5


class RunCaches:
    """The run caches that are registered in a directory.

    The default is ``$CWL_MEMO_CACHES``, else ``caches`` in the user's data directory.

    :param directory: holds a file for each cache, and the stores of those that are not
        given another location. Made when the first cache is.
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self.directory = _default_directory() if directory is None else Path(directory).absolute()

    # look

    def get(self, name_or_id: str) -> RunCache:
        """Return a cache by its id, or by its name if it is not deleted.

        One whose location cannot be used is ``FAILED``, for as long as that is so.

        :raises UnknownCacheError: if there is none.
        """
        return _looked_at(self._find(name_or_id))

    def list(self, *, deleted: bool = False) -> tuple[RunCache, ...]:
        """Return all caches by the time of their making.

        :param deleted: whether those that were deleted are among them.
        """
        caches = (cache for cache in self._all() if deleted or not cache.is_deleted)
        return tuple(sorted(map(_looked_at, caches), key=lambda cache: (cache.created, cache.id)))

    def is_active(self, cache_id: str) -> bool:
        """Tell whether a cache has not been deleted."""
        cache = read_cache(self.directory, cache_id)
        return cache is not None and not cache.is_deleted

    def open(self, name_or_id: str, *, readonly: bool = False) -> LocalStore:
        """Open the store of a cache, for :class:`~cwl_memo.Session` or to look into it.

        :raises UsageError: if there is no such cache, or it is deleted.
        :raises StoreUnavailableError: if its location cannot be used.
        """
        from cwl_memo.store.local import open_store

        cache = self._find(name_or_id)
        if cache.is_deleted:
            raise UsageError(f"run cache {cache.name} ({cache.id}) is deleted")
        return open_store(cache.location, readonly=readonly)

    def _all(self) -> Iterator[RunCache]:
        for cache_id in find_cache_ids(self.directory):
            try:
                cache = read_cache(self.directory, cache_id)
            except StoreDamagedError as error:
                _log.warning("cwl-memo: left alone: %s", error)
                continue
            if cache is not None:
                yield cache

    def _find(self, name_or_id: str) -> RunCache:
        caches = list(self._all())
        for cache in caches:
            if cache.id == name_or_id:
                return cache
        active = {cache.name: cache for cache in caches if not cache.is_deleted}
        try:
            name = check_name(name_or_id)
        except UsageError:
            name = name_or_id
        if name in active:
            return active[name]
        raise UnknownCacheError(_unknown(name, caches, active))

    # change

    def create(
        self,
        name: str,
        *,
        location: str | os.PathLike[str] | None = None,
        behavior: CacheBehavior = CacheBehavior.CACHE_ON_FAILURE,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> RunCache:
        """Register a cache, and make its store; one that is there already is taken over.

        :param name: unique among the caches that are not deleted.
        :param location: the directory of the store; by default one beside the registry.
        :param behavior: for which runs it keeps entries.
        :param description: for people; at most 256 characters.
        :param tags: at most 50; keys of at most 128 characters, values of at most 256.
        :raises UsageError: if one of these cannot be, or the name is taken.
        :raises StoreError: if there can be no store there, or nothing can be registered.
        """
        name, tags = check_name(name), check_tags(tags or {})
        check_description(description)
        place = None if location is None else _given_location(os.fspath(location))
        with self._locked():
            self._require_free(name)
            cache_id = self._new_id()
            root = self.directory / cache_id if place is None else place
            open_layout(root)
            when = now()
            cache = RunCache(
                cache_id,
                name,
                str(root),
                CacheBehavior(behavior),
                description,
                tags,
                created=when,
                updated=when,
            )
            write_cache(self.directory, cache)
        return cache

    def update(
        self,
        name_or_id: str,
        *,
        name: str | None = None,
        behavior: CacheBehavior | None = None,
        description: str | None = None,
        tags: Mapping[str, str] | None = None,
        untag: Iterable[str] = (),
    ) -> RunCache:
        """Change a cache; runs that have begun go on as they began. Its location stays.

        :param tags: added to those it has, or in place of those of the same keys.
        :param untag: keys of tags that it loses.
        :raises UsageError: if there is no such cache, or a value cannot be.
        """
        with self._locked():
            cache = self._find(name_or_id)
            if cache.is_deleted:
                raise UsageError(f"run cache {cache.name} ({cache.id}) is deleted")
            if name is not None and check_name(name) != cache.name:
                self._require_free(check_name(name))
            gone = set(untag)
            if gone - cache.tags.keys():
                missing = min(gone - cache.tags.keys())
                raise UsageError(f"run cache {cache.name} has no tag {missing!r}")
            kept = {key: value for key, value in cache.tags.items() if key not in gone}
            cache = replace(
                cache,
                name=cache.name if name is None else check_name(name),
                behavior=cache.behavior if behavior is None else CacheBehavior(behavior),
                description=(
                    cache.description if description is None else check_description(description)
                ),
                tags=check_tags({**kept, **(tags or {})}),
                updated=now(),
            )
            write_cache(self.directory, cache)
        return _looked_at(cache)

    def delete(self, name_or_id: str, *, purge: bool = False) -> tuple[RunCache, tuple[str, ...]]:
        """Delete a cache: no run may use it any more, and its name is free.

        :param purge: whether its store is removed, too; of a deleted one also later.
        :returns: the cache, and what a purge left alone because no store has it.
        :raises UsageError: if there is no such cache, or it is deleted already, or what is to be
            purged is also the store of another cache.
        :raises StoreError: if a living run uses its store, or what is to be purged is none;
            nothing is changed then.
        """
        with self._locked():
            cache = self._find(name_or_id)
            if cache.is_deleted and not purge:
                raise UsageError(
                    f"run cache {cache.name} ({cache.id}) is deleted already; "
                    "--purge removes its data"
                )
            if purge:
                self._require_purgeable(cache)
            _require_idle(cache)
            deleted = replace(
                cache,
                status=CacheStatus.DELETED,
                updated=cache.updated if cache.is_deleted else now(),
            )
            write_cache(self.directory, deleted)
            try:
                # A run looks whether the cache is deleted after it has said that it lives: of
                # two who are at it at once, one at least sees the other.
                _require_idle(cache)
            except StoreError:
                write_cache(self.directory, cache)
                raise
            has_data = purge and not is_vacant(Path(cache.location))
            left = remove_store(Path(cache.location)) if has_data else []
        return deleted, tuple(left)

    def _new_id(self) -> str:
        while True:
            cache_id = str(1_000_000 + secrets.randbelow(9_000_000))
            places = (self.directory / cache_id, self.directory / f"{cache_id}.json")
            if not any(map(os.path.lexists, places)):
                return cache_id

    def _require_free(self, name: str) -> None:
        for cache in self._all():
            if cache.name == name and not cache.is_deleted:
                raise UsageError(
                    f"there is a run cache {name} already, with id {cache.id}; choose another "
                    f"name, or see 'cwl-memo cache get {cache.id}'"
                )

    def _require_purgeable(self, cache: RunCache) -> None:
        if not is_vacant(Path(cache.location)):
            open_layout(Path(cache.location), readonly=True)
        real = os.path.realpath(cache.location)
        for other in self._all():
            if other.id == cache.id or other.is_deleted:
                continue
            if os.path.realpath(other.location) == real:
                raise UsageError(
                    f"the data of run cache {cache.name} are also those of run cache "
                    f"{other.name} ({other.id}); leave out --purge, or delete that one first"
                )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Have nobody else change the registry during the block."""
        # Only who changes something waits for it to be imported.
        from filelock import FileLock, Timeout

        with writing("open the registry of run caches"):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = FileLock(self.directory / ".lock")
            try:
                lock.acquire(timeout=_PATIENCE)
            except Timeout:
                raise StoreError(
                    f"another process keeps the registry {self.directory} locked"
                ) from None
        try:
            yield
        finally:
            lock.release()


def require_usable(cache: RunCache, origin: str) -> None:
    """See that a run may use a cache.

    :param origin: the option or variable that named it.
    :raises UsageError: if it may not; says what to do.
    """
    name = f"{origin}: run cache {cache.name} ({cache.id})"
    if cache.status is CacheStatus.DELETED:
        raise UsageError(
            f"{name} is deleted; name another, or make one that takes its data over with "
            f"'cwl-memo cache create NAME --location {cache.location}'"
        )
    if cache.status is CacheStatus.FAILED:
        raise UsageError(
            f"{name} is FAILED, its location cannot be used: {cache.status_message}; mend that, "
            "or name another cache"
        )


def _default_directory() -> Path:
    named = os.environ.get(CACHES_VARIABLE, "")
    if named:
        return named_store_path(named)
    from platformdirs import user_data_path

    return user_data_path("cwl-memo", appauthor=False) / "caches"


def _given_location(text: str) -> Path:
    if not text or "\0" in text or "://" in text:
        raise UsageError(f"location {text!r}: name a directory of this machine")
    return named_store_path(text)


def _looked_at(cache: RunCache) -> RunCache:
    why = "" if cache.is_deleted else _problem_with(Path(cache.location))
    return cache.failed(why) if why else cache


def _problem_with(location: Path) -> str:
    """Return why a store cannot be used there; empty where it can."""
    try:
        if not is_vacant(location):
            open_layout(location, readonly=True)
            return ""
        above = location
        while not os.path.lexists(above):
            above = above.parent
    except (StoreError, OSError) as error:
        return str(error)
    if above.is_dir() and is_writable(above):
        return ""
    return f"{location}: there is no store, and none can be made in {above}"


def _require_idle(cache: RunCache) -> None:
    """See that no living run uses the store of a cache.

    :raises StoreError: if one does.
    """
    from cwl_memo.store.lease import Leases

    layout = Layout(Path(cache.location))
    with reading("look for living runs"):
        lives = layout.locks.is_dir() and Leases(layout.locks).others_live()
    if lives:
        raise StoreError(
            f"run cache {cache.name} ({cache.id}) is in use by a run that still lives; wait for "
            "it to end, or end it"
        )


def _unknown(name: str, caches: list[RunCache], active: Mapping[str, RunCache]) -> str:
    deleted = [cache.id for cache in caches if cache.is_deleted and cache.name == name]
    if deleted:
        return f"run cache {name!r} is deleted ({deleted[-1]}); create it anew, or name another"
    near = difflib.get_close_matches(name, active, _NEAR) or sorted(active)[:_NEAR]
    if not near:
        return f"there is no run cache {name!r}; 'cwl-memo cache create {name}' makes it"
    return f"there is no run cache {name!r}; there are: {', '.join(near)}"
