"""What a settings file says: the user's, or a project's, which may say less.

A project file travels with code that others wrote. Unless the user trusts its folder, it may
choose only what cannot hurt: no store elsewhere, no looser key, no size limit that would
empty the user's store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.project import ProjectRules, check_project_name, read_intermediate_files
from cwl_memo.core.setting import SETTINGS, Layer, Origin, Setting, Value, nearest
from cwl_memo.errors import SettingsFileError, StoreError, UsageError
from cwl_memo.settings.file import PROJECT_FILE, SettingsFile
from cwl_memo.settings.lines import Keys, lines_of_keys, parse_toml
from cwl_memo.store.location import named_store_path

__all__ = ["Document", "is_trusted", "read_document"]

_PROJECT: Final = "project"
_RULES: Final = ("name", "use_memoization", "intermediate_files")
_TRUST: Final = "trusted_projects"


@dataclass
class Document:
    """What a settings file says.

    :param file: the file.
    :param is_trusted: whether it may choose as the user may.
    :param values: of settings, by name.
    :param rules: of its project.
    :param origins: where each rule of the project stands.
    :param problems: what is wrong with it, a message each.
    """

    file: SettingsFile
    is_trusted: bool
    values: dict[str, Value] = field(default_factory=dict)
    rules: ProjectRules = field(default_factory=ProjectRules)
    origins: dict[str, Origin] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_trusted(file: SettingsFile, folders: Iterable[str]) -> bool:
    """Tell whether a file may choose as the user may: it is theirs, or they trust its folder.

    :param folders: those that the user trusts, with all below them.
    """
    if not file.is_project:
        return True
    place = os.path.realpath(file.path)
    return any(_is_below(place, os.path.realpath(_expanded(folder))) for folder in folders)


def read_document(file: SettingsFile, *, trusted: bool) -> Document:
    """Return what a settings file says.

    :param trusted: whether it may choose as the user may.
    :raises SettingsFileError: if it makes no sense; a line for each thing that is wrong.
    """
    text, data = parse_toml(file.data, str(file.path))
    reader = _Reader(Document(file, trusted), lines_of_keys(text))
    reader.read(data)
    if reader.document.problems:
        raise SettingsFileError("\n".join(reader.document.problems))
    return reader.document


class _Reader:
    """Reads one file; goes on after what is wrong, so that all of it is told at once."""

    def __init__(self, document: Document, lines: dict[Keys, int]) -> None:
        self.document = document
        self._file = document.file
        self._layer = Layer.PROJECT if document.file.is_project else Layer.USER
        self._lines = lines

    def read(self, data: dict[str, Any]) -> None:
        for name, value in data.items():
            if name == _PROJECT:
                self._read_project(value)
            elif name in SETTINGS:
                self._read_setting(SETTINGS[name], value)
            elif name in _RULES[1:]:
                self._complain((name,), f"{name} is a project's: {_to_project(self._layer)}")
            else:
                known = [s.name for s in SETTINGS.values() if self._layer in s.in_files]
                self._complain(
                    (name,),
                    f"unknown setting {name!r}; {nearest(name, [*known, _PROJECT])}",
                )

    def _place(self, keys: Keys) -> str:
        line = self._lines.get(keys)
        return str(self._file.path) if line is None else f"{self._file.path}:{line}"

    def _complain(self, keys: Keys, message: str) -> None:
        self.document.problems.append(f"{self._place(keys)}: {message}")

    # settings

    def _read_setting(self, setting: Setting, given: Any) -> None:
        keys = (setting.name,)
        if self._layer not in setting.in_files:
            self._complain(keys, _not_here(setting, self._layer))
            return
        try:
            value = setting.read_toml(given)
            if setting.name == "store":
                value = self._store(value)
            elif setting.name == _TRUST:
                self._check_folders(value)
            elif not self.document.is_trusted and not setting.is_harmless(value):
                raise UsageError(f"a project file may not choose this{self._trust_remedy()}")
        except UsageError as error:
            self._complain(keys, f"{setting.name}: {error}")
            return
        self.document.values[setting.name] = Value(value, Origin(self._layer, self._place(keys)))

    def _trust_remedy(self) -> str:
        folder = self._file.path.parent
        return (
            f" unless you trust it: take it out, or write {_TRUST} = "
            f'["{folder}"] into your own settings file'
        )

    def _store(self, text: str) -> str:
        """Return the path of a store: of the user's file absolute, of a project's below it."""
        if not self._file.is_project or self.document.is_trusted:
            path = Path(_expanded(text))
            if not path.is_absolute() and not self._file.is_project:
                raise UsageError(f"{text!r} is relative; write it from the root, or from ~")
            return os.path.abspath(self._file.path.parent / path)  # noqa: PTH100
        folder = self._file.path.parent
        path = folder / text
        inside = _is_below(os.path.realpath(path), os.path.realpath(folder))
        if os.path.isabs(text) or not inside:  # noqa: PTH117
            raise UsageError(
                f"{text!r} is not below the folder of the file, and a project file may not "
                f"choose it{self._trust_remedy()}"
            )
        if not _is_ours(self._file.owner):
            raise UsageError(
                "the file is another user's, who may not choose your store" + self._trust_remedy()
            )
        return os.path.abspath(path)  # noqa: PTH100  (a link stays what it is)

    def _check_folders(self, folders: tuple[str, ...]) -> None:
        for folder in folders:
            if not os.path.isabs(_expanded(folder)):  # noqa: PTH117
                raise UsageError(f"{folder!r} is relative; write it from the root, or from ~")

    # the project

    def _read_project(self, data: Any) -> None:
        if not self._file.is_project:
            self._complain(
                (_PROJECT,),
                f"[project] is for a project's own file; move it to {PROJECT_FILE} in the "
                "folder of the project",
            )
            return
        if not isinstance(data, dict):
            self._complain((_PROJECT,), "project: is no table; write [project] above its names")
            return
        for name, value in data.items():
            keys = (_PROJECT, name)
            if name not in _RULES:
                self._complain(
                    keys,
                    f"unknown setting {name!r} of a project; {nearest(name, _RULES)}",
                )
                continue
            try:
                self._read_rule(name, value)
            except UsageError as error:
                self._complain(keys, f"project.{name}: {error}")
                continue
            self.document.origins[name] = Origin(self._layer, self._place(keys))

    def _read_rule(self, name: str, value: Any) -> None:
        rules = self.document.rules
        if name == "name":
            rules = replace(rules, name=check_project_name(value))
        elif name == "use_memoization":
            rules = replace(rules, use_memoization=SETTINGS["memo"].read_toml(value))
        else:
            rules = replace(rules, intermediate_files=_intermediate_files(value))
        self.document.rules = rules


def _intermediate_files(value: Any) -> Any:
    usual = 'write it as {retention = "LIMITED", duration = 24}'
    if not isinstance(value, dict) or "retention" not in value:
        raise UsageError(f"needs a retention; {usual}")
    for name in value:
        if name not in ("retention", "duration"):
            raise UsageError(f"unknown name {name!r}; {nearest(name, ('retention', 'duration'))}")
    return read_intermediate_files(value["retention"], value.get("duration"))


def _to_project(layer: Layer) -> str:
    where = "below [project]" if layer is Layer.PROJECT else f"below [project] in {PROJECT_FILE}"
    return f"write it {where}"


def _not_here(setting: Setting, layer: Layer) -> str:
    if setting.name == "memo":
        return "memo: a project file says it as use_memoization below [project]"
    if not setting.in_files:
        return f"{setting.name}: is no setting of a file; use {setting.flag} or {setting.variable}"
    return f"{setting.name}: only your own settings file may say this, not a {layer.value}"


def _expanded(text: str) -> str:
    if not text.startswith("~"):
        return text
    try:
        return str(named_store_path(text))
    except StoreError as error:
        raise UsageError(str(error)) from None


def _is_ours(owner: int) -> bool:
    return owner in (os.geteuid(), 0)


def _is_below(path: str, folder: str) -> bool:
    return path != folder and path.startswith(folder.rstrip("/") + "/")
