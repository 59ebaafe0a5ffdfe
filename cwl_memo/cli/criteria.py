"""Entries by what they have in common: tool, step, run, age, tag."""

from __future__ import annotations

import platform
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.cli.output import moment
from cwl_memo.cli.selection import find_keys, find_run
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.entry import Entry
from cwl_memo.core.run import RunRecord
from cwl_memo.core.settings import parse_age, parse_tag
from cwl_memo.errors import UsageError
from cwl_memo.store.catalogue import Catalogue, Signed
from cwl_memo.store.project_file import current_user

__all__ = ["add_criteria", "count", "entries_of", "matching", "who"]


def add_criteria(parser: ArgumentParser) -> None:
    """Add the arguments by which entries are chosen; each one narrows the choice."""
    parser.add_argument(
        "keys", metavar="KEY", nargs="*", help="reuse keys, or their first 6 digits or more"
    )
    parser.add_argument("--tool", metavar="GLOB", help="only entries of tools with such a label")
    parser.add_argument("--step", metavar="GLOB", help="only entries of jobs with such a name")
    parser.add_argument("--run", metavar="RUN", help="only entries that this run recorded")
    parser.add_argument(
        "--older-than", metavar="AGE", help="only entries executed so long ago, as 30d or 12h"
    )
    parser.add_argument(
        "--tag",
        metavar="NAME=VALUE",
        action="append",
        help="only entries of runs with this tag; may be given several times",
    )


def matching(store: Catalogue, arguments: Namespace) -> list[Entry]:
    """Return the entries that all criteria of the command line fit, by key.

    :raises UsageError: if there is no criterion, or one makes no sense.
    :raises NothingMatchesError: if there is no such entry.
    """
    signed_by = getattr(arguments, "signed_by", None)
    given = (arguments.tool, arguments.step, arguments.run, arguments.older_than, arguments.tag)
    if not arguments.keys and all(value is None for value in (*given, signed_by)):
        raise UsageError("name entries by KEY, --tool, --step, --run, --older-than or --tag")
    if signed_by is not None and not isinstance(store, Signed):
        raise UsageError("--signed-by: only entries of a shared store are signed; name it")
    keys = find_keys(store, arguments.keys) if arguments.keys else store.keys()
    found = list(_chosen(store, sorted(keys), arguments))
    if not found:
        raise NothingMatchesError("no entry is like that; see 'cwl-memo ls'")
    return found


def _chosen(store: Catalogue, keys: Iterable[ReuseKey], arguments: Namespace) -> Iterator[Entry]:
    run = None if arguments.run is None else _run(store, arguments.run)
    before = None
    if arguments.older_than is not None:
        try:
            before = time.time() - parse_age(arguments.older_than)
        except UsageError as error:
            raise UsageError(f"--older-than: {error}") from None
    try:
        tags = [parse_tag(text) for text in arguments.tag or ()]
    except UsageError as error:
        raise UsageError(f"--tag: {error}") from None

    @lru_cache(maxsize=4096)
    def tags_of(name: str) -> set[tuple[str, str]]:
        return set(RunRecord.from_lines(store.read_run(name)[:1]).tags.items())

    signed_by = getattr(arguments, "signed_by", None)
    for entry in entries_of(store, keys):
        origin = entry.origin
        if (
            (arguments.tool is None or fnmatchcase(origin.tool, arguments.tool))
            and (arguments.step is None or fnmatchcase(origin.job, arguments.step))
            and (run is None or origin.run == run)
            and (before is None or moment(origin.started) <= before)
            and (not tags or tags_of(origin.run).issuperset(tags))
            and (signed_by is None or _signer(store, entry.key) == signed_by)
        ):
            yield entry


def entries_of(store: Catalogue, keys: Iterable[ReuseKey]) -> Iterator[Entry]:
    """Yield the entries of keys that can be read, in their order."""
    if isinstance(store, Signed):
        return store.entries(keys)
    return (entry for entry in map(store.get_entry, keys) if entry is not None)


def _signer(store: Catalogue, key: ReuseKey) -> str | None:
    return store.signer(key) if isinstance(store, Signed) else None


def _run(store: Catalogue, name: str) -> str:
    try:
        return find_run(store, name)
    except NothingMatchesError:
        # A run of another store has no record here; its entries may have come all the same.
        return name


def count(number: int) -> str:
    """Return a number of entries in words."""
    return f"{number} {'entry' if number == 1 else 'entries'}"


def who() -> str:
    """Return the user and the machine, for those who will ask."""
    return f"{current_user()}@{platform.node()}"
