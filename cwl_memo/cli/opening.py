"""How a verb opens its store: never making one, never taking a missing one for damage."""

from __future__ import annotations

import os
from argparse import SUPPRESS, ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.core.setting import SETTINGS, Value
from cwl_memo.errors import StoreUnavailableError, UnknownCacheError
from cwl_memo.store.location import STORE_VARIABLE
from cwl_memo.store.place import CACHE_VARIABLE, find_place
from cwl_memo.store.protocol import Store

__all__ = [
    "add_json_argument",
    "add_store_arguments",
    "effective",
    "existing_store",
    "nothing_recorded",
    "store_path",
    "store_to_search",
]


def add_store_arguments(parser: ArgumentParser, *, is_below: bool = False) -> None:
    """Add the arguments of a verb that looks into a store.

    :param is_below: whether the verb stands after another, which has them too: what is said
        there holds, and no default of this parser takes its place.
    """
    parser.add_argument(
        "--store",
        "--memo-store",
        metavar="DIR",
        default=SUPPRESS if is_below else None,
        help=f"the store (default: ${STORE_VARIABLE}, else what the settings files say, else "
        "~/.cache/cwl-memo)",
    )
    parser.add_argument(
        "--cache",
        "--memo-cache",
        metavar="NAME",
        default=SUPPRESS if is_below else None,
        help=f"the store of a run cache, by its name or id, in place of --store ({CACHE_VARIABLE})",
    )
    add_json_argument(parser, is_below=is_below)


def add_json_argument(parser: ArgumentParser, *, is_below: bool = False) -> None:
    """Add the argument that every verb has.

    :param is_below: as :func:`add_store_arguments` has it.
    """
    parser.add_argument(
        "--json",
        action="store_true",
        default=SUPPRESS if is_below else False,
        help="answer with one JSON document",
    )


def store_path(arguments: Namespace) -> Path:
    """Return the directory of the store that a run would use.

    :raises UsageError: if a settings file makes no sense, or a store and a run cache are named.
    :raises NothingMatchesError: if there is no such run cache.
    """
    named = (arguments.store, arguments.cache)
    if named == (None, None) and not any(map(os.environ.get, (STORE_VARIABLE, CACHE_VARIABLE))):
        return Path(effective("store").value)
    try:
        return find_place(os.environ, store=named[0], cache=named[1], prefix="--").path
    except UnknownCacheError as error:
        raise NothingMatchesError(str(error)) from None


def effective(name: str) -> Value:
    """Return the value of a setting, of the environment, the settings files, or by default.

    :raises UsageError: if it, or a settings file, makes no sense.
    """
    from cwl_memo.settings.file import find_files
    from cwl_memo.settings.load import load

    # What another variable says wrong is no reason not to list a store.
    variable = SETTINGS[name].variable
    environ = {n: v for n, v in os.environ.items() if n == variable or n[:8] != "CWL_MEMO"}
    return load(find_files(os.environ), environ, {}).values[name]


def nothing_recorded(arguments: Namespace) -> str:
    """Return the sentence for a store that is not there yet."""
    return f"nothing recorded yet at {store_path(arguments)}"


@contextmanager
def existing_store(arguments: Namespace, *, readonly: bool = False) -> Iterator[Store | None]:
    """Open the store for the body; None where no run has made one yet.

    :param readonly: whether nothing in the store may change, not even what is damaged.
    :raises StoreUnavailableError: if ``--store`` names a directory that does not exist,
        or the directory is not a store.
    """
    path = store_path(arguments)
    if not os.path.lexists(path):
        if arguments.store is not None:
            raise StoreUnavailableError(f"there is no store at {path}: no such directory")
        yield None
        return
    if path.is_dir() and not any(path.iterdir()):
        yield None
        return
    # Only now: it takes longer to import than an empty answer takes to give.
    from cwl_memo.store.local import open_store

    with closing(open_store(path, readonly=readonly)) as store:
        yield store


@contextmanager
def store_to_search(arguments: Namespace, *, readonly: bool = False) -> Iterator[Store]:
    """Open the store for the body, in which something is to be found.

    :param readonly: whether nothing in the store may change, not even what is damaged.
    :raises NothingMatchesError: if no run has made a store yet.
    """
    with existing_store(arguments, readonly=readonly) as store:
        if store is None:
            raise NothingMatchesError(nothing_recorded(arguments))
        yield store
