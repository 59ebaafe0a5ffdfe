"""``cwl-memo pin``: keeps entries, whatever the limits of the store."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from cwl_memo.cli.criteria import count, who
from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.opening import store_path, store_to_search
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.selection import find_keys, find_run, read_run_record
from cwl_memo.cli.verb import Verb
from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import FormatError, UsageError
from cwl_memo.store.protocol import Store

__all__ = ["VERB", "add_selection", "answer", "keys_of"]


def add_selection(parser: ArgumentParser) -> None:
    """Add the arguments that choose entries, by key or by run."""
    parser.add_argument(
        "keys", metavar="KEY", nargs="*", help="reuse keys, or their first 6 digits or more"
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="every entry that this run recorded or reused: its id, the beginning of it, latest, "
        "or -1, -2 from the end",
    )


def _add_pin_arguments(parser: ArgumentParser) -> None:
    add_selection(parser)
    parser.add_argument("--reason", metavar="TEXT", default="", help="what for; 'ls' tells it")


def keys_of(store: Store, arguments: Namespace) -> list[ReuseKey]:
    """Return the keys that the arguments choose.

    :raises UsageError: if they do so in no way, or in two.
    """
    if bool(arguments.keys) is (arguments.run is not None):
        raise UsageError("name the entries by KEY, or by --run RUN")
    if arguments.keys:
        return find_keys(store, arguments.keys)
    keys = []
    for job in read_run_record(store, find_run(store, arguments.run)).jobs:
        try:
            keys.append(ReuseKey(job.key))
        except FormatError:
            continue  # refused, and never keyed
    return list(dict.fromkeys(keys))


def _run(arguments: Namespace) -> int:
    with store_to_search(arguments) as store:
        keys = keys_of(store, arguments)
        there = [key for key in keys if store.get_entry(key) is not None]
        if not there:
            raise NothingMatchesError("none of the jobs has an entry")
        gone = [key for key in there if store.is_evicted(key)]
        for key in there:
            store.pin(key, arguments.reason, who=who())
    if gone:
        remark(f"{count(len(gone))} had been evicted before: they keep what they get again")
    return answer(arguments, "pinned", there)


def answer(arguments: Namespace, verb: str, keys: list[ReuseKey]) -> int:
    """Tell what was done to the entries of some keys; return the exit code."""
    if arguments.json:
        write_json({"store": str(store_path(arguments)), verb: [key.hex for key in keys]})
    else:
        write_lines([f"{count(len(keys))} {verb}"])
    return ExitCode.OK.status


VERB: Final = Verb(
    name="pin",
    summary="keep entries, whatever the limits of the store",
    description="Pin entries: neither a size nor an age nor a project's hours take their files, "
    "and 'invalidate' refuses them without --force. 'cwl-memo ls --pinned' lists them.",
    examples=(("cwl-memo pin --run latest --reason 'figure 3'", "all that the latest run used"),),
    add_arguments=_add_pin_arguments,
    run=_run,
)
