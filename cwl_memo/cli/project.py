"""``cwl-memo project``: the settings of shared projects, which their administrators change."""

from __future__ import annotations

import argparse
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.opening import store_path
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.verb import Verb
from cwl_memo.core.project import StoreProject, check_project_name, read_intermediate_files
from cwl_memo.core.settings import IntermediateFiles, Retention
from cwl_memo.errors import StoreError, StoreReadOnlyError, StoreUnavailableError, UsageError
from cwl_memo.report.table import Column, printable, table
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
    return _ACTIONS[action](arguments)


def _is_change(arguments: Namespace) -> bool:
    return any(getattr(arguments, name) not in (None, []) for name in _CHANGES)


# looking


def _list(arguments: Namespace) -> int:
    files = ProjectFiles(store_path(arguments))
    projects = []
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
        remark(f"no projects at {store_path(arguments)}")
    return ExitCode.OK.status


def _show(arguments: Namespace) -> int:
    files = ProjectFiles(store_path(arguments))
    return _tell(arguments, _existing(arguments, files))


def _existing(arguments: Namespace, files: ProjectFiles) -> StoreProject:
    project = files.read(arguments.name)
    if project is None:
        raise NothingMatchesError(f"no project {arguments.name!r} at {store_path(arguments)}")
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
    files = _writable(arguments, make=True)
    with files.changing():
        if files.read_bytes(project.name) is not None:
            raise UsageError(f"project {project.name!r} is there already; 'project set' changes it")
        files.write(project)
    return _tell(arguments, project)


def _set(arguments: Namespace) -> int:
    if not _is_change(arguments):
        raise UsageError("project set: say what to change; 'project set --help' lists it")
    files = _writable(arguments, make=False)
    with files.changing():
        project = _existing(arguments, files)
        project.require_administrator(current_user())
        project = project.with_administrators(
            _checked(tuple(arguments.add_admin)), tuple(arguments.remove_admin)
        )
        project = _changed(arguments, project)
        files.write(project)
    return _tell(arguments, project)


def _delete(arguments: Namespace) -> int:
    files = _writable(arguments, make=False)
    with files.changing():
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
    "creates a project is its administrator, and only administrators may change it.",
    examples=(
        ("cwl-memo project create genomes --duration 48", "intermediate files stay two days"),
        ("cwl-memo project set genomes --add-admin grace", "grace may change it as well"),
        ("cwl-memo project list", "what holds in each project"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
