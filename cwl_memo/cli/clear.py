"""``cwl-memo clear``: removes entries, or everything."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import existing_store, nothing_recorded, store_path, store_to_search
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.progress import shown_progress
from cwl_memo.cli.selection import find_keys
from cwl_memo.cli.verb import Verb
from cwl_memo.errors import UsageError

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "keys", metavar="KEY", nargs="*", help="reuse keys, or their first 6 digits or more"
    )
    parser.add_argument("--all", action="store_true", help="everything that the store holds")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _run(arguments: Namespace) -> int:
    if bool(arguments.keys) is arguments.all:
        raise UsageError("clear: name the entries by KEY, or give --all to remove everything")
    return _clear_all(arguments) if arguments.all else _clear_keys(arguments)


def _clear_all(arguments: Namespace) -> int:
    with existing_store(arguments) as store:
        if store is None:
            if not arguments.json:
                remark(nothing_recorded(arguments))
            return _answer(arguments, 0)
        keys = store.keys()
        what = f"all {sum(1 for _ in keys)} entries of {store_path(arguments)}"
        if not _is_wanted(arguments, what):
            return ExitCode.NOT_SO.status
        with shown_progress("clearing"):
            cleared = store.clear()
    return _answer(arguments, cleared)


def _clear_keys(arguments: Namespace) -> int:
    with store_to_search(arguments) as store:
        keys = find_keys(store, arguments.keys)
        what = f"{len(keys)} {'entry' if len(keys) == 1 else 'entries'}"
        if not _is_wanted(arguments, f"{what} of {store_path(arguments)}"):
            return ExitCode.NOT_SO.status
        cleared = store.clear(keys)
    return _answer(arguments, cleared)


def _is_wanted(arguments: Namespace, what: str) -> bool:
    question = f"Remove {what}? Their jobs will execute again."
    return is_confirmed("clear", f"{what} would go", question, yes=arguments.yes)


def _answer(arguments: Namespace, cleared: int) -> int:
    if arguments.json:
        write_json({"store": str(store_path(arguments)), "cleared": cleared})
    else:
        write_lines([f"{cleared} {'entry' if cleared == 1 else 'entries'} removed"])
    return ExitCode.OK.status


VERB: Final = Verb(
    name="clear",
    summary="remove entries, or everything",
    description="Remove the named entries, or with --all everything that is recorded. Asks on "
    "a terminal; elsewhere it needs --yes. Delivered outputs of past runs are not touched.",
    examples=(
        ("cwl-memo clear 3f9ac1", "forget one entry, so that its job executes again"),
        ("cwl-memo clear --all --yes", "empty the store without a question"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
