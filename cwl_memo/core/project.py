"""Projects: who owns the settings of a project, and what becomes of two that differ."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.errors import FormatError, UsageError

__all__ = [
    "PROJECT_FORMAT",
    "Bound",
    "ProjectRules",
    "StoreProject",
    "bind",
    "check_project_name",
    "intermediate_files_json",
    "read_intermediate_files",
]

PROJECT_FORMAT: Final = 1
"""The format of a project in a store; one of another format is not read."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SHORTEST: Final = 1
_LONGEST: Final = 120
_USUAL: Final = 24
_MOST_ADMINISTRATORS: Final = 1000


def check_project_name(name: Any) -> str:
    """Return the name of a project.

    :raises UsageError: if it cannot be one: it is also the name of a file.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a project; use up to 64 letters, digits, '.', '_' and "
            "'-', a letter or a digit first"
        )
    return name


def read_intermediate_files(retention: Any, duration: Any) -> IntermediateFiles:
    """Return for how long intermediate files are kept.

    :param retention: ``LIMITED`` or ``UNLIMITED``.
    :param duration: whole hours from 1 to 120; None for 24, or for none with ``UNLIMITED``.
    :raises UsageError: if they are anything else.
    """
    try:
        kept = Retention(retention)
    except ValueError:
        raise UsageError(f"retention: {retention!r} is neither LIMITED nor UNLIMITED") from None
    if kept is Retention.UNLIMITED:
        if duration is not None:
            raise UsageError(
                "duration: goes with retention LIMITED only; take it out, or write LIMITED"
            )
        return IntermediateFiles()
    hours = _USUAL if duration is None else duration
    is_whole = isinstance(hours, int) and not isinstance(hours, bool)
    if not is_whole or not _SHORTEST <= hours <= _LONGEST:
        raise UsageError(
            f"duration: {hours!r} is not a whole number of hours from {_SHORTEST} to {_LONGEST}"
        )
    return IntermediateFiles(kept, hours)


@dataclass(frozen=True)
class ProjectRules:
    """What a project file says of its project.

    :param name: of the project, by which a store may know it; empty for none.
    :param use_memoization: whether its runs reuse and record; None where that is not said.
    :param intermediate_files: for how long they are kept; None where that is not said.
    """

    name: str = ""
    use_memoization: bool | None = None
    intermediate_files: IntermediateFiles | None = None


@dataclass(frozen=True)
class StoreProject:
    """A shared project, as a store keeps it.

    :param name: of the project.
    :param administrators: the users who may change it, its creator first; at least one.
    :param use_memoization: whether its runs reuse and record.
    :param intermediate_files: for how long they are kept.
    """

    name: str
    administrators: tuple[str, ...]
    use_memoization: bool = True
    intermediate_files: IntermediateFiles = field(default_factory=IntermediateFiles)

    def require_administrator(self, user: str) -> None:
        """See that a user may change the project.

        :raises UsageError: if not.
        """
        if user not in self.administrators:
            raise UsageError(
                f"{user} is no administrator of project {self.name!r}, which only "
                f"{', '.join(self.administrators)} may change; ask one of them"
            )

    def with_administrators(self, added: tuple[str, ...], removed: tuple[str, ...]) -> StoreProject:
        """Return the project with other administrators.

        :raises UsageError: if nobody would be left, or who is to go is none.
        """
        for user in removed:
            if user not in self.administrators:
                raise UsageError(f"{user} is no administrator of project {self.name!r}")
        kept = [user for user in self.administrators if user not in removed]
        kept += [user for user in dict.fromkeys(added) if user not in kept]
        if not kept:
            raise UsageError(
                f"project {self.name!r} would have no administrator; add one with --add-admin"
            )
        return replace(self, administrators=tuple(kept))

    def to_json(self) -> dict[str, JSON]:
        """Return the project as JSON."""
        kept = self.intermediate_files
        return {
            "format": PROJECT_FORMAT,
            "name": self.name,
            "administrators": list(self.administrators),
            "use_memoization": self.use_memoization,
            "intermediate_files": intermediate_files_json(kept),
        }

    @classmethod
    def from_json(cls, data: Any, name: str) -> StoreProject:
        """Read a project.

        :param name: the one that it must have.
        :raises FormatError: if it is malformed, or of another format.
        """
        if not isinstance(data, dict) or type(data.get("format")) is not int:
            raise FormatError("not a project")
        if data["format"] != PROJECT_FORMAT:
            raise FormatError("of another format", "format")
        if data.get("name") != name:
            raise FormatError("it is another project", "name")
        match data.get("administrators"):
            case [_, *_] as users if len(users) <= _MOST_ADMINISTRATORS:
                if not all(isinstance(user, str) and user for user in users):
                    raise FormatError("not names of users", "administrators")
            case _:
                raise FormatError("not a list of users", "administrators")
        if not isinstance(data.get("use_memoization"), bool):
            raise FormatError("neither true nor false", "use_memoization")
        kept = data.get("intermediate_files")
        if not isinstance(kept, dict):
            raise FormatError("not an object", "intermediate_files")
        try:
            files = read_intermediate_files(kept.get("retention"), kept.get("duration"))
        except UsageError as error:
            raise FormatError(str(error), "intermediate_files") from None
        return cls(name, tuple(users), data["use_memoization"], files)


def intermediate_files_json(kept: IntermediateFiles) -> dict[str, JSON]:
    """Return for how long intermediate files are kept, as projects say it."""
    duration = {} if kept.duration_hours is None else {"duration": kept.duration_hours}
    return {"retention": kept.retention.value, **duration}


@dataclass(frozen=True)
class Bound:
    """What holds of a project of which a file and a store both know.

    :param rules: what holds.
    :param from_store: the names of those rules that are the store's.
    :param loosened: the names of those that the file would have loosened.
    """

    rules: ProjectRules
    from_store: frozenset[str]
    loosened: tuple[str, ...]


def bind(said: ProjectRules, store: StoreProject) -> Bound:
    """Return what holds of a project: what its file says, nowhere looser than the store."""
    rules = said
    from_store = set()
    loosened = []
    if said.use_memoization is None or (said.use_memoization and not store.use_memoization):
        rules = replace(rules, use_memoization=store.use_memoization)
        from_store.add("use_memoization")
        if said.use_memoization is not None:
            loosened.append("use_memoization")
    wanted = said.intermediate_files
    if wanted is None or _hours(wanted) > _hours(store.intermediate_files):
        rules = replace(rules, intermediate_files=store.intermediate_files)
        from_store.add("intermediate_files")
        if wanted is not None:
            loosened.append("intermediate_files")
    return Bound(rules, frozenset(from_store), tuple(loosened))


def _hours(kept: IntermediateFiles) -> float:
    return float("inf") if kept.duration_hours is None else kept.duration_hours
