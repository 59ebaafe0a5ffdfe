"""How a verb changes the settings of a shared store: signed again, and nothing signed along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from cwl_memo.cli.opening import effective
from cwl_memo.core.project import StoreProject
from cwl_memo.core.signature import SigningKey, TrustPolicy
from cwl_memo.core.store_settings import StoreSettings
from cwl_memo.errors import UsageError
from cwl_memo.store.shared.bucket import Bucket
from cwl_memo.store.shared.store_settings import read_settings, write_settings

__all__ = ["SharedProjects", "write_changed"]


def write_changed(
    bucket: Bucket,
    before: StoreSettings,
    settings: StoreSettings,
    key: SigningKey | None,
    named: Iterable[str] = (),
) -> StoreSettings:
    """Write changed settings, signed if there is a key, and return them.

    :param named: public keys of which the user says what becomes of them.
    :raises UsageError: if they list keys and nobody signs, or a key would be signed along that
        its owner has neither signed nor named.
    """
    if key is not None:
        _check_signed_along(bucket.url, before, key, frozenset(named))
        settings = settings.signed(key)
    elif settings.trusted_keys:
        # Whoever changes a limit must not take trust away, or seem to give it.
        raise UsageError(
            "the settings list trusted keys, which count only if they are signed; name a key of "
            "yours with --sign-with"
        )
    write_settings(bucket, settings)
    return settings


def _check_signed_along(
    location: str, before: StoreSettings, key: SigningKey, named: frozenset[str]
) -> None:
    mine = TrustPolicy(frozenset({key.public, *effective("trusted_keys").value}))
    if before.location == location and mine.accepts(before.digest(), before.signature):
        return
    unknown = [listed for listed in before.trusted_keys if listed not in named]
    if unknown:
        raise UsageError(
            "the settings list keys, and nobody whom you trust has signed them: "
            f"{', '.join(unknown)}; name each in 'cwl-memo shared set', with --trust to keep it "
            "or with --distrust"
        )


class SharedProjects:
    """The projects of a shared store.

    Two that change them at the same time: the last one wins.

    :param bucket: where its settings are.
    :param key: signs what is changed, if there is one.
    """

    def __init__(self, bucket: Bucket, key: SigningKey | None) -> None:
        self._bucket = bucket
        self._key = key

    def find(self) -> Iterator[str]:
        """Yield the names of all projects, in order."""
        yield from sorted(project.name for project in read_settings(self._bucket).projects)

    def read(self, name: str) -> StoreProject | None:
        """Return a project; None where there is none."""
        projects = read_settings(self._bucket).projects
        return next((project for project in projects if project.name == name), None)

    def has(self, name: str) -> bool:
        """Tell whether there is a project of a name."""
        return self.read(name) is not None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep nobody away: there is no lock that all machines see."""
        yield

    def write(self, project: StoreProject) -> None:
        """Write a project, in place of one of its name."""
        self._change(project.name, (project,))

    def drop(self, name: str) -> None:
        """Remove a project."""
        self._change(name, ())

    def _change(self, name: str, now: tuple[StoreProject, ...]) -> None:
        before = read_settings(self._bucket)
        if self._key is None and before.signature is not None:
            raise UsageError(
                "the settings of the store are signed, and would count no longer for those who "
                "ask for that; name a key of yours with --sign-with"
            )
        others = (project for project in before.projects if project.name != name)
        projects = tuple(sorted((*others, *now), key=lambda project: project.name))
        settings = before.changed(location=self._bucket.url, projects=projects)
        write_changed(self._bucket, before, settings, self._key)
