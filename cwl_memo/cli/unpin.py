"""``cwl-memo unpin``: lets pinned entries go as any other."""

from __future__ import annotations

from argparse import Namespace
from typing import Final

from cwl_memo.cli.criteria import count
from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.cli.opening import store_to_search
from cwl_memo.cli.pin import add_selection, answer, keys_of
from cwl_memo.cli.verb import Verb
from cwl_memo.core.digest import ReuseKey
from cwl_memo.errors import UsageError
from cwl_memo.store.protocol import Store

__all__ = ["VERB"]


def _run(arguments: Namespace) -> int:
    with store_to_search(arguments) as store:
        # What is pinned may have no entry: one that was damaged, and not recorded again.
        keys = _pinned(store, arguments.keys) if arguments.keys else keys_of(store, arguments)
        unpinned = [key for key in keys if store.unpin(key)]
    if not unpinned:
        raise NothingMatchesError("none of them is pinned; see 'cwl-memo ls --pinned'")
    return answer(arguments, "unpinned", unpinned)


def _pinned(store: Store, names: list[str]) -> list[ReuseKey]:
    pins = store.pins()
    keys = [key for name in names for key in pins if key.hex.startswith(name.lower())]
    if len(keys) > len(names):
        raise UsageError(f"{count(len(keys))} begin so; give more of the KEY")
    return keys


VERB: Final = Verb(
    name="unpin",
    summary="let pinned entries be evicted as any other",
    description="Unpin entries: from now on limits of the store take them as any other.",
    examples=(("cwl-memo unpin 3f9ac1", "one of them"),),
    add_arguments=add_selection,
    run=_run,
)
