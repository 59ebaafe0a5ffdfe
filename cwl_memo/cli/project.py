"""``cwl-memo project``: the settings of shared projects, which their administrators change."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Final, Protocol

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.opening import store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.shared_opening import add_shared_argument, named_shared, place, shared_upkeep
from cwl_memo.cli.verb import Verb
from cwl_memo.core.project import StoreProject, check_project_name, read_intermediate_files
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.errors import StoreError, StoreReadOnlyError, StoreUnavailableError, UsageError
from cwl_memo.report.table import Column, printable, table
from cwl_memo.store.keys import find_signing_key
from cwl_memo.store.layout import open_layout
from cwl_memo.store.project_file import ProjectFiles, current_user

__all__ = ["VERB"]

_COLUMNS: Final = (
    Column("PROJECT"),
    Column("MEMOIZATION"),
    Column("INTERMEDIATE FILES"),
    Column("ADMINISTRATORS"),
)
_CHANGES: Final = ("use_memoization", "retention", "duration", "add_admin", "remove_admin")


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="create|list|show|set|delete",
        choices=("create", "list", "show", "set", "delete"),
        help="what to do",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the project; not with list")
    parser.add_argument(
        "--use-memoization",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="create, set: whether runs of the project reuse and record jobs; on at first",
    )
    parser.add_argument(
        "--retention",
        choices=[kind.value for kind in Retention],
        help="create, set: whether intermediate files have a clock; UNLIMITED at first",
    )
    parser.add_argument(
        "--duration",
        metavar="HOURS",
        type=int,
        help="create, set: hours that intermediate files are kept, 1 to 120 (default: 24)",
    )
    parser.add_argument(
        "--add-admin",
        metavar="USER",
        action="append",
        default=[],
        help="create, set: one more user of this machine who may change the project",
    )
    parser.add_argument(
        "--remove-admin",
        metavar="USER",
        action="append",
        default=[],
        help="set: a user who may no longer; one always stays",
    )
    add_shared_argument(parser)
    parser.add_argument(
        "--sign-with",
        metavar="NAME",
        help="with --shared: sign the settings of the shared store with this key of yours",
    )
    parser.add_argument("--yes", action="store_true", help="delete: do not ask")


def _run(arguments: Namespace) -> int:
    action = arguments.action
    if (arguments.name is None) is not (action == "list"):
        raise UsageError(
            "project list: takes no NAME" if arguments.name else f"project {action}: name it"
        )
    if arguments.name is not None:
        check_project_name(arguments.name)
    if action not in ("create", "set") and _is_change(arguments):
        raise UsageError(f"project {action}: changes nothing; 'project set' does")
    if arguments.sign_with is not None and named_shared(arguments) is None:
        raise UsageError("--sign-with: goes with --shared; nothing is signed in a local store")
    return _ACTIONS[action](arguments)


def _is_change(arguments: Namespace) -> bool:
    return any(getattr(arguments, name) not in (None, []) for name in _CHANGES)


class _Projects(Protocol):
    """The projects of a store, of this machine or shared."""

    def find(self) -> Iterator[str]: ...
    def read(self, name: str) -> StoreProject | None: ...
    def has(self, name: str) -> bool: ...
    def changing(self) -> AbstractContextManager[None]: ...
    def write(self, project: StoreProject) -> None: ...
    def drop(self, name: str) -> object: ...


@contextmanager
def _opened(arguments: Namespace, *, writable: bool, make: bool = False) -> Iterator[_Projects]:
    """Open the projects of the store that is meant.

    :param make: whether a store of this machine is made where there is none.
    """
    url = named_shared(arguments)
    if url is None:
        is_open = _writable(arguments, make=make) if writable else None
        yield is_open or ProjectFiles(store_path(arguments))
        return
    # Only where one is named: it takes longer to import than most verbs to answer.
    from cwl_memo.cli.shared_settings import SharedProjects

    key = find_signing_key(arguments.sign_with or "", os.environ) if writable else None
    with shared_upkeep(url, writable=writable) as shared:
        yield SharedProjects(shared.bucket, key)


# looking


def _list(arguments: Namespace) -> int:
    projects = []
    with _opened(arguments, writable=False) as files:
        for name in files.find():
            try:
                project = files.read(name)
            except StoreError as error:
                remark(f"left out: {error}")
                continue
            if project is not None:
                projects.append(project)
    if arguments.json:
        write_json({"projects": [project.to_json() for project in projects]})
    elif projects:
        write_lines(table(_COLUMNS, [_row(project) for project in projects], None))
    else:
        remark(f"no projects at {place(arguments)}")
    return ExitCode.OK.status


def _show(arguments: Namespace) -> int:
    with _opened(arguments, writable=False) as files:
        return _tell(arguments, _existing(arguments, files))


def _existing(arguments: Namespace, files: _Projects) -> StoreProject:
    project = files.read(arguments.name)
    if project is None:
        raise NothingMatchesError(f"no project {arguments.name!r} at {place(arguments)}")
    return project


def _tell(arguments: Namespace, project: StoreProject) -> int:
    if arguments.json:
        write_json(project.to_json())
    else:
        names = ("project", "use_memoization", "intermediate_files", "administrators")
        cells = zip(names, _row(project), strict=True)
        write_lines(printable(f"{name:<19} {cell}") for name, cell in cells)
    return ExitCode.OK.status


def _row(project: StoreProject) -> tuple[str, str, str, str]:
    kept = project.intermediate_files
    hours = "" if kept.duration_hours is None else f", {kept.duration_hours} h"
    return (
        project.name,
        "on" if project.use_memoization else "off",
        f"{kept.retention.value}{hours}",
        ", ".join(project.administrators),
    )


# changing


def _writable(arguments: Namespace, *, make: bool) -> ProjectFiles:
    path = store_path(arguments)
    if not make and not path.is_dir():
        raise StoreUnavailableError(f"there is no store at {path}")
    layout, writable = open_layout(path, readonly=False)
    if not writable:
        raise StoreReadOnlyError(f"the store {path} can be read but not written")
    return ProjectFiles(layout.root)


def _create(arguments: Namespace) -> int:
    if arguments.remove_admin:
        raise UsageError("project create: there is nobody to remove yet; use --add-admin")
    admins = tuple(dict.fromkeys([current_user(), *arguments.add_admin]))
    project = _changed(arguments, StoreProject(arguments.name, _checked(admins)))
    with _opened(arguments, writable=True, make=True) as files, files.changing():
        if files.has(project.name):
            raise UsageError(f"project {project.name!r} is there already; 'project set' changes it")
        files.write(project)
    return _tell(arguments, project)


def _set(arguments: Namespace) -> int:
    if not _is_change(arguments):
        raise UsageError("project set: say what to change; 'project set --help' lists it")
    with _opened(arguments, writable=True) as files, files.changing():
        project = _existing(arguments, files)
        project.require_administrator(current_user())
        project = project.with_administrators(
            _checked(tuple(arguments.add_admin)), tuple(arguments.remove_admin)
        )
        project = _changed(arguments, project)
        files.write(project)
    return _tell(arguments, project)


def _delete(arguments: Namespace) -> int:
    with _opened(arguments, writable=True) as files, files.changing():
        project = _existing(arguments, files)
        project.require_administrator(current_user())
        if not _is_wanted(arguments, project.name):
            return ExitCode.NOT_SO.status
        files.drop(project.name)
    if arguments.json:
        write_json({"deleted": project.name})
    else:
        write_lines([f"project {project.name} removed; what its runs recorded stays"])
    return ExitCode.OK.status


def _changed(arguments: Namespace, project: StoreProject) -> StoreProject:
    """Return the project with what the options say of its rules."""
    if arguments.use_memoization is not None:
        project = replace(project, use_memoization=arguments.use_memoization)
    kept = project.intermediate_files
    retention, duration = arguments.retention, arguments.duration
    if duration is not None and retention is None:
        retention = Retention.LIMITED.value
    if retention is None:
        return project
    if retention == Retention.LIMITED.value and duration is None:
        duration = kept.duration_hours
    try:
        files: IntermediateFiles = read_intermediate_files(retention, duration)
    except UsageError as error:
        raise UsageError(f"--{error}") from None
    return replace(project, intermediate_files=files)


def _checked(users: tuple[str, ...]) -> tuple[str, ...]:
    for user in users:
        if not user or not user.isprintable() or any(c in user for c in " ,"):
            raise UsageError(f"--add-admin: {user!r} is no name of a user")
    return users


def _is_wanted(arguments: Namespace, name: str) -> bool:
    question = f"Remove project {name}? Its rules will hold no longer."
    return is_confirmed("project delete", f"{name!r} would go", question, yes=arguments.yes)


_ACTIONS: Final[dict[str, Callable[[Namespace], int]]] = {
    "create": _create,
    "list": _list,
    "show": _show,
    "set": _set,
    "delete": _delete,
}

VERB: Final = Verb(
    name="project",
    summary="keep the settings of shared projects in the store, changed by administrators",
    description="Keep what holds in a project in the store that its people share. A project "
    "file cwl-memo.toml that names the project may be stricter than that, never looser. Who "
    "creates a project is its administrator, and only administrators may change it. With --shared, "
    "the project is kept in a shared store, for runs whose own store knows nothing of it.",
    examples=(
        ("cwl-memo project create genomes --duration 48", "intermediate files stay two days"),
        ("cwl-memo project set genomes --add-admin grace", "grace may change it as well"),
        ("cwl-memo project list", "what holds in each project"),
        ("cwl-memo project create genomes --shared s3://lab/memo", "for all who share that store"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
