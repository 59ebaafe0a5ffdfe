"""How a verb opens a shared store, where ``--memo-shared`` names one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from cwl_memo.cli.exit_codes import NothingMatchesError
from cwl_memo.cli.opening import effective, existing_store, nothing_recorded, store_path
from cwl_memo.core.setting import SETTINGS
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.errors import UsageError
from cwl_memo.store.catalogue import Catalogue

if TYPE_CHECKING:
    from cwl_memo.store.shared.upkeep import SharedUpkeep

__all__ = [
    "add_shared_argument",
    "catalogue",
    "catalogue_to_search",
    "named_shared",
    "place",
    "shared_upkeep",
]


def add_shared_argument(parser: ArgumentParser) -> None:
    """Add the argument that names a shared store."""
    parser.add_argument(
        "--shared",
        "--memo-shared",
        metavar="URL",
        help="the shared store at URL, as s3://BUCKET/PREFIX or file:///DIRECTORY, in place of "
        "the store of this machine",
    )


def named_shared(arguments: Namespace) -> str | None:
    """Return the URL of the shared store that the command line names; None for none.

    :raises UsageError: if it names a store of this machine as well.
    """
    url: str | None = arguments.shared
    if url is not None and not (arguments.store is None and arguments.cache is None):
        raise UsageError("--shared names one store and --store or --cache another; give one")
    return url


def place(arguments: Namespace) -> str:
    """Return where the store is that the command line names, for people and programs."""
    # As it is typed, but for a slash at the end.
    return named_shared(arguments) or str(store_path(arguments))


@contextmanager
def shared_upkeep(url: str, *, writable: bool = True) -> Iterator[SharedUpkeep]:
    """Open a shared store for the body.

    :param writable: whether anything may be changed there.
    :raises UsageError: if nothing can be done with the URL, or a package is missing.
    :raises StoreUnavailableError: if there is no shared store.
    """
    # Only where one is named: it takes longer to import than most verbs to answer.
    from cwl_memo.store.shared.opening import TIMEOUT, open_bucket
    from cwl_memo.store.shared.store_settings import read_trust
    from cwl_memo.store.shared.upkeep import SharedUpkeep

    trust = TrustPolicy(frozenset(_setting("trusted_keys", ())))
    timeout = _setting("shared_timeout", None)
    bucket = open_bucket(url, timeout=TIMEOUT if timeout is None else float(timeout))
    with closing(bucket):
        trust, _ = read_trust(bucket, trust)
        yield SharedUpkeep(bucket, trust, writable=writable)


def _setting(name: str, default: object) -> Any:
    return effective(name).value if name in SETTINGS else default


@contextmanager
def catalogue(arguments: Namespace, *, readonly: bool = False) -> Iterator[Catalogue | None]:
    """Open the store that the command line names for the body, shared or not.

    None where no run has made one yet; a shared store that is named must be there.

    :param readonly: whether nothing in the store may change, not even what is damaged.
    """
    url = named_shared(arguments)
    if url is None:
        with existing_store(arguments, readonly=readonly) as store:
            yield store
        return
    with shared_upkeep(url, writable=not readonly) as shared:
        yield shared


@contextmanager
def catalogue_to_search(arguments: Namespace, *, readonly: bool = False) -> Iterator[Catalogue]:
    """Open the store for the body, shared or not, in which something is to be found.

    :param readonly: whether nothing in the store may change, not even what is damaged.
    :raises NothingMatchesError: if no run has made a store yet.
    """
    with catalogue(arguments, readonly=readonly) as store:
        if store is None:
            raise NothingMatchesError(nothing_recorded(arguments))
        yield store
