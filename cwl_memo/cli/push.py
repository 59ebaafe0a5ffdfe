"""``cwl-memo push``: takes entries of this machine's store up to a shared one."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.opening import effective, store_to_search
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.selection import find_keys
from cwl_memo.cli.verb import Verb
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.explain import shared_line
from cwl_memo.core.settings import SharedChoice, SharedMode
from cwl_memo.errors import UsageError
from cwl_memo.store.keys import KEY_VARIABLE, find_signing_key
from cwl_memo.store.protocol import Store

if TYPE_CHECKING:
    from cwl_memo.store.tiered import TieredStore

__all__ = ["VERB"]


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "keys", metavar="KEY", nargs="*", help="reuse keys, or their first 6 digits or more"
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="all entries that the shared store does not have (default: those that runs have "
        "left to go up)",
    )
    parser.add_argument(
        "--vouch",
        action="store_true",
        help="sign those entries as well that this machine did not execute, or no longer knows "
        "that it did: you stand for all that is named by KEY or --all",
    )
    parser.add_argument(
        "--shared",
        "--memo-shared",
        metavar="URL",
        help="the shared store, as s3://BUCKET/PREFIX or file:///DIRECTORY (default: "
        "$CWL_MEMO_SHARED, else what the settings files say)",
    )


def _run(arguments: Namespace) -> int:
    if arguments.all and arguments.keys:
        raise UsageError("name the entries by KEY, or all of them by --all")
    choice = _choice(arguments.shared)
    signs = find_signing_key(choice.sign_with, os.environ) is not None
    if arguments.vouch:
        _check_vouching(arguments, signs=signs)
    # Only where there is one: it takes longer to import than most verbs to answer.
    from cwl_memo.store.sharing import put_behind

    with store_to_search(arguments) as store:
        tiered = put_behind(store, choice, os.environ)
        try:
            for key in _chosen(arguments, store, tiered):
                entry = store.get_entry(key) if arguments.vouch else None
                if entry is not None:
                    tiered.vouch(entry)
                tiered.share(key)
            if not arguments.all and not arguments.keys:
                tiered.take_up()
            used = tiered.end_sharing(wait=True)
            untold = tiered.untold
        finally:
            tiered.close()
    if arguments.json:
        write_json(used.to_json())
    else:
        write_lines([shared_line(used)])
    if signs and tiered.unsigned:
        remark(
            f"{tiered.unsigned} of them unsigned: no run of this machine that was to share them "
            "executed them; --vouch signs what is named all the same"
        )
    withheld = tiered.withheld if arguments.keys else {}
    for why in withheld.values():
        remark(f"not shared: {why}")
    return (ExitCode.NOT_SO if used.not_uploaded or untold or withheld else ExitCode.OK).status


def _check_vouching(arguments: Namespace, *, signs: bool) -> None:
    if not arguments.all and not arguments.keys:
        raise UsageError("--vouch: name what you stand for, by KEY or by --all")
    if not signs:
        raise UsageError(f"--vouch: there is no key to sign with; set sign_with, or {KEY_VARIABLE}")


def _choice(url: str | None) -> SharedChoice:
    """Return the shared store that is meant.

    :raises UsageError: if none is named.
    """
    named = url or effective("shared").value
    if not named:
        raise UsageError("which shared store? Name one by --shared URL or CWL_MEMO_SHARED")
    choice = SharedChoice(
        named,
        timeout=effective("shared_timeout").value,
        sign_with=effective("sign_with").value,
        leases=False,
    )
    mode = effective("shared_mode")
    if url is None and mode.value is SharedMode.READONLY:
        raise UsageError(f"nothing is brought to {named}, as {mode.origin} says")
    return replace(choice, mode=SharedMode.READ_WRITE)


def _chosen(arguments: Namespace, store: Store, tiered: TieredStore) -> Iterable[ReuseKey]:
    if arguments.keys:
        return find_keys(store, arguments.keys)
    if not arguments.all:
        return ()
    there = set(tiered.remote.keys())
    whole = (key for key in store.keys() if store.eviction(key) is None)  # noqa: SIM118
    return [key for key in whole if key not in there or _is_dead_there(tiered, key)]


def _is_dead_there(tiered: TieredStore, key: ReuseKey) -> bool:
    """Tell whether the entry of a key that is there was taken back."""
    return tiered.remote.tombstone(key) is not None and tiered.remote.find(key) is None


VERB: Final = Verb(
    name="push",
    summary="take entries up to a shared store",
    description="Take entries of this machine's store up to a shared one: those that are "
    "named, all that are not there, or by default those that a run was to share and did not, "
    "since it was interrupted or the shared store failed; and what was taken back meanwhile is "
    "taken back there. Where there is a key to sign with, an entry is signed if a run of this "
    "machine executed its job and was to share it. Any other goes up unsigned, and takes the "
    "place of none. Ends with 1 if some did not go up.",
    examples=(
        ("cwl-memo push --shared s3://team/memo", "what runs have left to go up"),
        ("cwl-memo push --shared file:///shared/memo --all", "all that is not there"),
        ("cwl-memo push --shared s3://team/memo --vouch 4283dbcd1230", "signed in any case"),
    ),
    add_arguments=_add_arguments,
    run=_run,
)
