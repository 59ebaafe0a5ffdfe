"""``cwl-memo key``: the keys with which the user signs entries of shared stores."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.verb import Verb
from cwl_memo.core.signature import SigningKey
from cwl_memo.errors import StoreError, UsageError
from cwl_memo.report.table import Column, printable, table
from cwl_memo.store.keys import KeyFiles

__all__ = ["VERB"]

_COLUMNS: Final = (Column("NAME"), Column("PUBLIC KEY"))


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the name of a key, for you alone")


def _add_remove_arguments(parser: ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _add_nothing(_parser: ArgumentParser) -> None:
    pass


def _keys() -> KeyFiles:
    return KeyFiles.of_user(os.environ)


def _existing(keys: KeyFiles, name: str) -> SigningKey:
    key = keys.read(name)
    if key is None:
        raise NothingMatchesError(f"no key {name!r} in {keys.directory}")
    return key


def _tell(arguments: Namespace, keys: KeyFiles, key: SigningKey) -> int:
    if arguments.json:
        write_json(_document(keys, arguments.name, key))
    else:
        write_lines([key.public])
    return ExitCode.OK.status


def _document(keys: KeyFiles, name: str, key: SigningKey) -> dict[str, str]:
    return {"name": name, "public": key.public, "file": str(keys.path(name))}


def _new(arguments: Namespace) -> int:
    keys = _keys()
    key = keys.create(arguments.name)
    remark(f"the private key is in {keys.path(arguments.name)}; the public one, for others:")
    return _tell(arguments, keys, key)


def _show(arguments: Namespace) -> int:
    keys = _keys()
    return _tell(arguments, keys, _existing(keys, arguments.name))


def _list(arguments: Namespace) -> int:
    keys = _keys()
    found = {}
    for name in keys.find():
        try:
            key = keys.read(name)
        except (StoreError, UsageError) as error:
            remark(f"left out: {error}")
            continue
        if key is not None:
            found[name] = key
    if arguments.json:
        write_json({"keys": [_document(keys, name, key) for name, key in found.items()]})
    elif found:
        write_lines(table(_COLUMNS, [[name, key.public] for name, key in found.items()], None))
    else:
        remark(f"no keys in {keys.directory}; 'cwl-memo key new NAME' makes one")
    return ExitCode.OK.status


def _remove(arguments: Namespace) -> int:
    keys = _keys()
    path = keys.path(arguments.name)
    if not os.path.lexists(path):
        raise NothingMatchesError(f"no key {arguments.name!r} in {keys.directory}")
    question = f"Remove {path}? Nobody can sign with that key again."
    if not is_confirmed("key remove", f"{path} would go", question, yes=arguments.yes):
        return ExitCode.NOT_SO.status
    keys.remove(arguments.name)
    if arguments.json:
        write_json({"name": arguments.name, "removed": True})
    else:
        write_lines([printable(f"key {arguments.name} removed; entries that it signed stay")])
    return ExitCode.OK.status


_NEW: Final = Verb(
    name="new",
    summary="make a key",
    description="Make a private key in a file that only you may read, and print the public key. "
    "A key of that name is never overwritten.",
    examples=(("cwl-memo key new laptop", "make one, and print its public key"),),
    add_arguments=_add_name,
    run=_new,
    has_store=False,
)

_LIST: Final = Verb(
    name="list",
    summary="list your keys",
    description="List your keys with their public keys.",
    examples=(("cwl-memo key list --json", "for a program"),),
    add_arguments=_add_nothing,
    run=_list,
    has_store=False,
)

_SHOW: Final = Verb(
    name="show",
    summary="print a public key",
    description="Print the public key, which others write into trusted_keys of their settings.",
    examples=(("cwl-memo key show laptop", "print it"),),
    add_arguments=_add_name,
    run=_show,
    has_store=False,
)

_REMOVE: Final = Verb(
    name="remove",
    summary="remove a key",
    description="Remove the private key. What it signed stays signed: those who trust it take "
    "it out of their trusted_keys. Asks on a terminal; elsewhere it needs --yes.",
    examples=(("cwl-memo key remove laptop --yes", "without a question"),),
    add_arguments=_add_remove_arguments,
    run=_remove,
    has_store=False,
)

VERB: Final = Verb(
    name="key",
    summary="make, list, print and remove the keys that you sign with",
    description="Entries of a shared store can be signed, so that others reuse only what those "
    "recorded whom they trust. A private key stays with you; its public key goes into the "
    "settings of others.",
    examples=(
        ("cwl-memo key new laptop", "make a key; it prints the public one"),
        ("cwl-memo key show laptop", "print that again"),
    ),
    add_arguments=_add_nothing,
    run=lambda _arguments: ExitCode.USAGE.status,
    verbs=(_NEW, _LIST, _SHOW, _REMOVE),
    is_group=True,
)
