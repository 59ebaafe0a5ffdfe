"""The memoization options of ``run``, made from the table of settings."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.core.canonical import JSON
from cwl_memo.core.setting import SETTINGS, Kind, Layer, Origin, Setting, Value
from cwl_memo.core.settings import Settings, SharedChoice, ToilLookup, parse_tag
from cwl_memo.errors import UsageError
from cwl_memo.settings.file import find_files
from cwl_memo.settings.load import load
from cwl_memo.store.caches import require_usable
from cwl_memo.store.lay_out import require_free

__all__ = ["Choice", "add_memo_arguments", "chosen"]


@dataclass(frozen=True)
class Choice:
    """What the command line, the environment and the settings files say together.

    :param memo: whether to memoize at all.
    :param store: the store's directory.
    :param is_named: whether the command line named it, or a run cache.
    :param cache: the run cache whose store it is, if one was named.
    :param behavior: for which runs the store keeps the entries that they make.
    :param report: where to write the run's record, if anywhere.
    :param events: where events go: a file, or ``-`` for standard error; empty for nowhere.
    :param workspaces: a directory for the working directories of all jobs, if any.
    :param tags: what the user says of the run.
    :param replay: whether a run may be answered as a whole, and leave what later ones need.
    :param warnings: what the user should know of the settings.
    :param notes: what the log tells of them besides.
    :param shared: the store that others share, if one was named.
    :param toil_lookup: where the jobs of a Toil run are looked up.
    :param says_toil_lookup: whether somebody said so, and it is not the default.
    :param node_store: where each machine of a cluster has its store, if that was said.
    :param seen: by what another run finds the same settings files.
    """

    memo: bool
    replay: bool
    settings: Settings
    store: Path
    is_named: bool
    report: Path | None
    cache: RunCache | None
    behavior: CacheBehavior
    events: str
    workspaces: Path | None
    toil_lookup: ToilLookup = ToilLookup.LEADER
    says_toil_lookup: bool = False
    node_store: Path | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen: JSON = None
    tags: Mapping[str, str] = field(default_factory=dict)
    shared: SharedChoice | None = None


def add_memo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the group of memoization options to a parser."""
    group = parser.add_argument_group(
        "memoization options",
        "A job that was executed before with the same tool, inputs and container is not "
        "executed again. Each option can also be given as an environment variable, and most "
        "in a settings file: see 'cwl-memo settings show'.",
    )
    for setting in SETTINGS.values():
        if not setting.is_option:
            continue
        if setting.kind is Kind.SWITCH:
            group.add_argument(
                setting.flag,
                action=argparse.BooleanOptionalAction,
                default=None,
                help=setting.help.replace("%", "%%"),
            )
        else:
            group.add_argument(
                setting.flag,
                choices=setting.words or None,
                metavar=setting.metavar or None,
                help=setting.help.replace("%", "%%"),
            )
    group.add_argument(
        "--memo-tag",
        metavar="NAME=VALUE",
        action="append",
        help="a word about the run, by which 'cwl-memo invalidate --tag' finds what it recorded; "
        "may be given several times (CWL_MEMO_TAGS, with commas between)",
    )


def chosen(args: argparse.Namespace, environ: Mapping[str, str]) -> Choice:
    """Return what was chosen; the command line wins over the environment, that over files.

    :raises UsageError: if a value makes no sense; names where it came from.
    """
    given = {
        name: _given(setting, value)
        for name, setting in SETTINGS.items()
        if setting.is_option and (value := getattr(args, _destination(setting))) is not None
    }
    loaded = load(find_files(environ), environ, given, asks=True)
    if loaded.cache is not None:
        require_usable(loaded.cache, str(loaded.origin("cache")).removeprefix("$"))
    report, events = loaded.values["report"], loaded.values["events"]
    if events.value == "":
        raise UsageError("--memo-events: names no file")
    return Choice(
        memo=loaded.memo,
        replay=loaded.replay,
        settings=loaded.settings,
        store=loaded.store,
        is_named="store" in given or loaded.cache is not None,
        report=None if report.value is None else _report_path(report),
        cache=loaded.cache,
        behavior=loaded.behavior,
        events=events.value or "",
        workspaces=_workspaces_path(loaded.values["workspaces"], memo=loaded.memo),
        toil_lookup=loaded.values["toil_lookup"].value,
        says_toil_lookup=loaded.origin("toil_lookup").layer is not Layer.DEFAULT,
        node_store=_path(loaded.values["node_store"]),
        warnings=loaded.warnings,
        notes=loaded.notes,
        seen=loaded.seen,
        tags=_tags(args.memo_tag, environ),
        shared=loaded.shared,
    )


def _tags(given: list[str] | None, environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the tags of both; of one name, that of the command line."""
    named = [text for text in environ.get("CWL_MEMO_TAGS", "").split(",") if text.strip()]
    try:
        tags = dict(map(parse_tag, named))
    except UsageError as error:
        raise UsageError(f"CWL_MEMO_TAGS: {error}") from None
    try:
        return {**tags, **dict(map(parse_tag, given or ()))}
    except UsageError as error:
        raise UsageError(f"--memo-tag: {error}") from None


def _destination(setting: Setting) -> str:
    return setting.flag.removeprefix("--").replace("-", "_")


def _given(setting: Setting, given: Any) -> Value:
    if setting.kind is Kind.SWITCH:
        flag = setting.flag if given else f"--no-{setting.flag.removeprefix('--')}"
        return Value(bool(given), Origin(Layer.COMMAND_LINE, flag))
    try:
        value = setting.read_text(given)
    except UsageError as error:
        raise UsageError(f"{setting.flag}: {error}") from None
    return Value(value, Origin(Layer.COMMAND_LINE, setting.flag))


def _workspaces_path(workspaces: Value, *, memo: bool) -> Path | None:
    if workspaces.value is None:
        return None
    origin = str(workspaces.origin).removeprefix("$")
    if not memo:
        raise UsageError(f"{origin} needs memoization, which is switched off")
    path = Path(workspaces.value).expanduser().absolute()
    try:
        require_free(path)
    except UsageError as error:
        raise UsageError(f"{origin}: {error}") from None
    return path


def _path(value: Value) -> Path | None:
    return None if value.value is None else Path(value.value).expanduser().absolute()


def _report_path(report: Value) -> Path:
    origin = str(report.origin).removeprefix("$")
    path = Path(report.value).expanduser().absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(
            f"{origin}: {report.value} cannot be written: "
            + ("it is a directory" if path.is_dir() else f"{path.parent} is no directory")
        )
    return path
