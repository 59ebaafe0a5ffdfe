"""What holds of each setting, and who said so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.core.canonical import JSON
from cwl_memo.core.project import ProjectRules, StoreProject, bind
from cwl_memo.core.setting import SETTINGS, Layer, Origin, Value, nearest, resolve
from cwl_memo.core.settings import IntermediateFiles, Mode, Settings, SharedChoice
from cwl_memo.errors import StoreError, UsageError
from cwl_memo.settings.document import Document, is_trusted, read_document
from cwl_memo.settings.file import SettingsFile, find_files
from cwl_memo.settings.shared_project import read_shared_project
from cwl_memo.store.location import default_store_path, named_store_path
from cwl_memo.store.place import Place, exclusive, place_of_cache
from cwl_memo.store.project_file import ProjectFiles

__all__ = ["LoadedSettings", "given_by", "load", "load_settings", "read_documents"]

_DEFAULT: Final = Origin(Layer.DEFAULT, "default")
_OF_SETTINGS: Final = (
    "mode", "salt", "directories", "image", "host_tools", "network", "link", "max_size",
    "recheck",
    "max_age",
)  # fmt: skip


@dataclass(frozen=True)
class LoadedSettings:
    """What holds of each setting, and who said so.

    :param settings: for a :class:`cwl_memo.Session`.
    :param memo: whether to memoize at all.
    :param replay: whether a run may be answered as a whole.
    :param store: the directory of the store, absolute.
    :param cache: the run cache whose store it is, if one was named.
    :param behavior: for which runs the store keeps what they record.
    :param report: where to write the run's record, as it was given; None for nowhere.
    :param shared: the shared store, if one was named.
    :param project: the name of the project; empty for none.
    :param values: of each setting and each rule of the project, by name, with its origin.
    :param documents: the settings files that were read.
    :param warnings: what the user should know of.
    :param notes: what the log of a run tells besides.
    :param seen: all by which another run finds the same settings, but for its environment
        and command line.
    """

    settings: Settings
    memo: bool
    replay: bool
    store: Path
    cache: RunCache | None
    behavior: CacheBehavior
    report: str | None
    project: str
    values: Mapping[str, Value]
    documents: tuple[Document, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    seen: JSON = None
    shared: SharedChoice | None = None

    def origin(self, name: str) -> Origin:
        """Return where the value of a setting comes from.

        :raises KeyError: if there is no such setting.
        """
        return self.values[name].origin


def load_settings(
    *,
    directory: str | os.PathLike[str] | None = None,
    environ: Mapping[str, str] | None = None,
    choices: Mapping[str, Any] | None = None,
) -> LoadedSettings:
    """Return the settings that a run would have: of files, the environment, and the caller.

    :param directory: where the search for a project file begins; None for the working
        directory.
    :param environ: the environment; None for that of the process.
    :param choices: what the caller chooses, by the name of a setting, as a settings file
        has it; wins over everything.
    :raises UsageError: if a value makes no sense; the message says where it stands.
    """
    variables = os.environ if environ is None else environ
    files = find_files(variables, None if directory is None else Path(directory))
    chosen = {}
    for name, given in (choices or {}).items():
        if name not in SETTINGS or not SETTINGS[name].is_option:
            raise UsageError(f"unknown setting {name!r}; {nearest(name, SETTINGS)}")
        plain = getattr(given, "value", os.fspath(given) if isinstance(given, Path) else given)
        try:
            value = SETTINGS[name].read_toml(plain)
        except UsageError as error:
            raise UsageError(f"{name}: {error}") from None
        chosen[name] = Value(value, Origin(Layer.COMMAND_LINE, "the caller"))
    return load(files, variables, chosen, asks=True)


def load(
    files: Iterable[SettingsFile],
    environ: Mapping[str, str],
    command_line: dict[str, Value],
    *,
    asks: bool = False,
) -> LoadedSettings:
    """Return the settings of these files, this environment, and this command line.

    :param asks: whether a shared store is asked for a project of which the store of this
        machine knows nothing, as runs do.
    :raises UsageError: if a value makes no sense; the message says where it stands.
    """
    documents = read_documents(files)
    variables = given_by(environ)
    layers = [*(document.values for document in documents), variables, command_line]
    early = resolve(layers)
    place = _place(early, environ)
    store = place.path
    projects = [document for document in documents if document.file.is_project]
    project = _of_store(projects[0], store) if projects else _Project({}, ProjectRules())
    shared = _shared(early)
    may_matter = early["memo"].value and early["mode"].value is not Mode.OFF
    if asks and project.is_unknown and shared is not None and may_matter:
        project = replace(_of_shared(projects[0], shared), seen=project.seen)
    values = resolve([*layers, project.memo()])
    kept = project.value("intermediate_files", IntermediateFiles())
    values |= {
        "project": project.value("name", ""),
        "use_memoization": project.value("use_memoization", default=True),
        "intermediate_files": kept,
    }
    values |= _of_place(values, place)
    of_settings: dict[str, Any] = {name: values[name].value for name in _OF_SETTINGS}
    settings = Settings(**of_settings, intermediate_files=kept.value)
    memo = values["memo"].value and settings.mode is not Mode.OFF
    return LoadedSettings(
        settings=settings,
        memo=memo,
        replay=values["replay"].value,
        store=store,
        cache=place.cache,
        behavior=values["cache_behavior"].value,
        report=values["report"].value,
        project=project.rules.name,
        values=values,
        documents=tuple(documents),
        warnings=project.warnings,
        notes=_notes(values, memo=memo),
        seen=[[document.file.seen for document in documents], project.seen],
        shared=shared,
    )


def _shared(values: Mapping[str, Value]) -> SharedChoice | None:
    """Return the shared store that is meant, and what is to be done with it."""
    url = values["shared"]
    if not url.value:
        return None
    return SharedChoice(
        url=url.value,
        mode=values["shared_mode"].value,
        timeout=values["shared_timeout"].value,
        trusted_keys=values["trusted_keys"].value,
        sign_with=values["sign_with"].value,
        leases=values["shared_leases"].value,
        is_named=url.origin.layer is Layer.COMMAND_LINE,
    )


def given_by(environ: Mapping[str, str]) -> dict[str, Value]:
    """Return what the environment says; an empty variable says nothing.

    :raises UsageError: if a value makes no sense; names the variable.
    """
    said = {}
    for name, setting in SETTINGS.items():
        text = environ.get(setting.variable, "") if setting.is_option else ""
        if text:
            try:
                value = setting.read_text(text)
            except UsageError as error:
                raise UsageError(f"{setting.variable}: {error}") from None
            said[name] = Value(value, Origin(Layer.ENVIRONMENT, f"${setting.variable}"))
    return said


def read_documents(files: Iterable[SettingsFile]) -> list[Document]:
    """Return what settings files say, the user's first, where there is one.

    :raises SettingsFileError: if one makes no sense.
    """
    documents: list[Document] = []
    for file in files:
        # The user's file comes first, and says whom the user trusts.
        folders = documents[0].values.get("trusted_projects") if documents else None
        trusted = is_trusted(file, () if folders is None else folders.value)
        documents.append(read_document(file, trusted=trusted))
    return documents


def _place(values: Mapping[str, Value], environ: Mapping[str, str]) -> Place:
    """Return where the store is: of a store or a run cache, whichever the later layer names."""
    store, cache = values["store"], values["cache"]
    order = list(Layer)
    rank = order.index(store.origin.layer) - order.index(cache.origin.layer)
    origin = str(cache.origin).removeprefix("$")
    if rank == 0 and cache.value is not None:
        raise exclusive(str(store.origin).removeprefix("$"), origin)
    # Without memoization there is no need of it, and it may be gone.
    if rank < 0 and values["memo"].value and values["mode"].value is not Mode.OFF:
        return place_of_cache(cache.value, origin)
    if rank < 0 or store.value is None:
        return Place(default_store_path(environ))
    return Place(named_store_path(store.value), str(store.origin))


def _of_place(values: Mapping[str, Value], place: Place) -> dict[str, Value]:
    """Return the settings that say where the store is, as they hold."""
    cache, behavior = values["cache"], values["cache_behavior"]
    if behavior.value is None and place.cache is not None:
        origin = Origin(Layer.DEFAULT, f"run cache {place.cache.name}")
        behavior = Value(place.cache.behavior, origin)
    elif behavior.value is None:
        behavior = Value(CacheBehavior.CACHE_ALWAYS, _DEFAULT)
    origin = values["store"].origin if place.cache is None else cache.origin
    return {
        "store": Value(str(place.path), origin if place.origin else _DEFAULT),
        "cache": cache if place.cache is not None else Value(None, _DEFAULT),
        "cache_behavior": behavior,
    }


def _notes(values: Mapping[str, Value], *, memo: bool) -> tuple[str, ...]:
    """Return what a run tells of choices that are not the user's own."""
    store, switch = values["store"], values["memo"]
    notes = []
    if memo and store.origin.layer is Layer.PROJECT:
        notes.append(f"the store is {store.value}, as {store.origin} says")
    shared = values["shared"]
    if memo and shared.value and shared.origin.layer is Layer.PROJECT:
        notes.append(f"the shared store is {shared.value}, as {shared.origin} says")
    if not switch.value and switch.origin.layer in (Layer.PROJECT, Layer.STORE):
        notes.append(f"nothing is reused or recorded, as {switch.origin} says; --memo does")
    return tuple(notes)


# the project ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Project:
    """What holds of a project, and who said so."""

    origins: Mapping[str, Origin]
    rules: ProjectRules
    warnings: tuple[str, ...] = ()
    seen: JSON = None
    is_unknown: bool = False

    def value(self, name: str, default: Any) -> Value:
        said = getattr(self.rules, name)
        # An empty name is as good as none.
        if said is None or said == "":
            return Value(default, _DEFAULT)
        return Value(said, self.origins[name])

    def memo(self) -> dict[str, Value]:
        if self.rules.use_memoization is None:
            return {}
        return {"memo": self.value("use_memoization", default=True)}


def _of_store(document: Document, store: Path) -> _Project:
    """Return what holds of the project of a file, which the store may know as well."""
    said, origins = document.rules, document.origins
    if not said.name:
        return _Project(origins, said)
    shared = ProjectFiles(store)
    place = str(shared.path(said.name))
    try:
        data = shared.read_bytes(said.name)
        project = None if data is None else shared.parse(said.name, data)
    except StoreError as error:
        # Whoever may not use it is not known, so nobody does: that costs time at most.
        unknown = replace(said, use_memoization=False)
        warning = f"the settings of project {said.name!r} are not known: {error}"
        return _Project(
            {**origins, "use_memoization": Origin(Layer.STORE, place)}, unknown, (warning,)
        )
    if data is None or project is None:
        return _Project(origins, said, seen=[place, None], is_unknown=True)
    return replace(_bound(document, project, place), seen=[place, blake3(data).hexdigest()])


def _of_shared(document: Document, shared: SharedChoice) -> _Project:
    """Return what holds of the project of a file, of which a shared store may know."""
    said, origins = document.rules, document.origins
    found = read_shared_project(shared, said.name)
    if found.project is not None:
        return _bound(document, found.project, found.place)
    if not found.problem:
        return _Project(origins, said)
    warning = f"the shared settings of project {said.name!r} do not count: {found.problem}"
    if not found.is_open:
        said = replace(said, use_memoization=False)
        origins = {**origins, "use_memoization": Origin(Layer.STORE, found.place)}
    return _Project(origins, said, (warning,))


def _bound(document: Document, project: StoreProject, place: str) -> _Project:
    """Return what holds of a project of which a file and a store both know."""
    said, origins = document.rules, document.origins
    bound = bind(said, project)
    from_store = dict.fromkeys(bound.from_store, Origin(Layer.STORE, place))
    warnings: tuple[str, ...] = ()
    if bound.loosened:
        where = ", ".join(f"{name} ({origins[name]})" for name in bound.loosened)
        warning = f"project {said.name!r}: {where} is looser than the store allows; what the "
        warnings = (f"{warning}store says holds",)
    return _Project({**origins, **from_store}, bound.rules, warnings)
