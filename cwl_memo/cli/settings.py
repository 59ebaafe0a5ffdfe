"""``cwl-memo settings``: shows what holds of each setting, and where that comes from."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import remark, terminal_width, write_json, write_lines
from cwl_memo.cli.verb import Verb
from cwl_memo.core.canonical import JSON
from cwl_memo.core.project import intermediate_files_json
from cwl_memo.core.setting import SETTINGS, Layer, Origin, Value
from cwl_memo.core.settings import IntermediateFiles
from cwl_memo.errors import UsageError
from cwl_memo.report.table import Column, printable, table

__all__ = ["VERB"]

_COLUMNS: Final = (Column("SETTING"), Column("VALUE", least=12), Column("FROM", least=20))


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "action",
        metavar="show|check",
        choices=("show", "check"),
        help="show: what holds, and where it comes from; check: whether a file makes sense",
    )
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="check: a settings file (default: those that a run here would read)",
    )


def _run(arguments: Namespace) -> int:
    if arguments.action == "check":
        return _check(arguments)
    if arguments.file is not None:
        raise UsageError("settings show: takes no FILE; 'settings check FILE' reads one")
    return _show(arguments)


# show


def _show(arguments: Namespace) -> int:
    from cwl_memo.settings.file import find_files, user_file_path
    from cwl_memo.settings.load import load

    line = {}
    if arguments.store is not None:
        line["store"] = Value(arguments.store, Origin(Layer.COMMAND_LINE, "--store"))
    loaded = load(find_files(os.environ), os.environ, line, asks=True)
    files = [
        {
            "layer": (Layer.PROJECT if d.file.is_project else Layer.USER).value,
            "path": str(d.file.path),
            "trusted": d.is_trusted,
        }
        for d in loaded.documents
    ]
    if arguments.json:
        settings = [
            {
                "name": name,
                "value": _plain(value.value),
                "layer": value.origin.layer.value,
                "origin": str(value.origin),
            }
            for name, value in loaded.values.items()
        ]
        write_json({"files": files, "settings": settings, "warnings": list(loaded.warnings)})
        return ExitCode.OK.status
    rows = [(name, _shown(v.value), str(v.origin)) for name, v in loaded.values.items()]
    write_lines(table(_COLUMNS, rows, terminal_width()))
    user = user_file_path(os.environ)
    if user is not None and Layer.USER.value not in [file["layer"] for file in files]:
        remark(f"your own settings file would be {user}")
    for document in loaded.documents:
        if document.file.is_project and not document.is_trusted:
            remark(
                f"{document.file.path} is not in your trusted_projects: it may choose only what "
                "cannot hurt"
            )
    for warning in loaded.warnings:
        remark(f"warning: {warning}")
    return ExitCode.OK.status


def _plain(value: Any) -> JSON:
    if isinstance(value, IntermediateFiles):
        return intermediate_files_json(value)
    if isinstance(value, tuple):
        return list(value)
    return getattr(value, "value", value)


def _shown(value: Any) -> str:
    return SETTINGS["store"].show(_plain(value)) if value is not None else "none"


# check


def _check(arguments: Namespace) -> int:
    from cwl_memo.settings.document import is_trusted, read_document
    from cwl_memo.settings.file import PROJECT_FILE, find_files, read_file
    from cwl_memo.settings.load import read_documents

    if arguments.file is None:
        documents = read_documents(find_files(os.environ))
    else:
        path = Path(arguments.file).absolute()
        file = read_file(path, is_project=path.name == PROJECT_FILE)
        if file is None:
            raise UsageError(f"settings check: there is no file {path}")
        folders = _trusted_folders() if file.is_project else ()
        documents = [read_document(file, trusted=is_trusted(file, folders))]
    paths = [str(document.file.path) for document in documents]
    if arguments.json:
        write_json({"files": paths})
    elif paths:
        write_lines(printable(f"{path}: makes sense") for path in paths)
    else:
        remark("there is no settings file here, which is fine")
    return ExitCode.OK.status


def _trusted_folders() -> tuple[str, ...]:
    from cwl_memo.settings.file import read_file, user_file_path
    from cwl_memo.settings.load import read_documents

    user = user_file_path(os.environ)
    file = None if user is None else read_file(user, is_project=False)
    documents = [] if file is None else read_documents([file])
    folders = documents[0].values.get("trusted_projects") if documents else None
    return () if folders is None else tuple(folders.value)


VERB: Final = Verb(
    name="settings",
    summary="show what holds of each setting and where that comes from",
    description="Show what a run in this directory would find: the value of each setting, and "
    "whether it comes from the command line, the environment, the project's file "
    "cwl-memo.toml, your own settings file, or is the default. A settings file that makes no "
    "sense is an error that names its line.",
    examples=(
        ("cwl-memo settings show", "every setting, its value, and who said so"),
        ("cwl-memo settings check cwl-memo.toml", "whether a file makes sense"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
