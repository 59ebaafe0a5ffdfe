"""What a shared store says of a project: one object is asked for, and only where it may count."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cwl_memo.core.settings import SharedChoice, SharedMode
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.errors import StoreDamagedError, StoreError, UsageError

if TYPE_CHECKING:
    from cwl_memo.core.project import StoreProject

__all__ = ["SharedProject", "read_shared_project"]


@dataclass(frozen=True)
class SharedProject:
    """What a shared store says of a project.

    :param place: where that stands.
    :param project: what it says; None for nothing, or nothing that counts.
    :param problem: why it does not count, if it does not; empty otherwise.
    :param is_open: whether the project file may hold alone. Not so where the settings are there
        and make no sense: whoever may not use the project is not known.
    """

    place: str
    project: StoreProject | None = None
    problem: str = ""
    is_open: bool = True


def read_shared_project(choice: SharedChoice, name: str) -> SharedProject:
    """Return what a shared store says of a project; never an error.

    Where there are trusted keys, it counts only if one of them signed it, for that store.
    """
    # Only for a project that has a name: object storage takes a while to import.
    from cwl_memo.store.shared.layout import SETTINGS
    from cwl_memo.store.shared.opening import open_bucket
    from cwl_memo.store.shared.store_settings import read_settings

    place = f"{choice.url.rstrip('/')}/{SETTINGS}"
    if choice.mode is SharedMode.WRITEONLY:
        return SharedProject(place)
    try:
        trust = TrustPolicy(frozenset(choice.trusted_keys))
        with closing(open_bucket(choice.url, timeout=choice.timeout)) as bucket:
            settings = read_settings(bucket)
            location = bucket.url
    except UsageError:
        return SharedProject(place)  # the run says so itself, as it opens the store
    except StoreDamagedError as error:
        return SharedProject(place, problem=str(error), is_open=bool(choice.trusted_keys))
    except StoreError as error:
        return SharedProject(place, problem=str(error))
    project = next((one for one in settings.projects if one.name == name), None)
    if project is None or not trust.keys:
        return SharedProject(place, project)
    is_signed = trust.accepts(settings.digest(), settings.signature) is not None
    if not is_signed or settings.location != location:
        return SharedProject(place, problem=f"{place}: no trusted key signed it, for this store")
    return SharedProject(place, project)
