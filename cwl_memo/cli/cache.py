"""``cwl-memo cache``: the run caches."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final

from cwl_memo.cli.asking import is_confirmed
from cwl_memo.cli.exit_codes import ExitCode, NothingMatchesError
from cwl_memo.cli.output import remark, short_time, terminal_width, write_json, write_lines
from cwl_memo.cli.verb import Verb
from cwl_memo.core.cache import CacheBehavior, RunCache
from cwl_memo.errors import UnknownCacheError, UsageError
from cwl_memo.report.table import Column, printable, table
from cwl_memo.store.caches import RunCaches

__all__ = ["VERB"]

_BEHAVIORS: Final = tuple(behavior.value for behavior in CacheBehavior)

_COLUMNS: Final = (
    Column("ID"),
    Column("NAME", least=8),
    Column("STATUS"),
    Column("BEHAVIOR"),
    Column("CREATED", spare=True),
    Column("LOCATION", least=12, spare=True),
)


def _add_name(parser: ArgumentParser) -> None:
    parser.add_argument("cache", metavar="NAME", help="the name of a run cache, or its id")


def _get_cache(caches: RunCaches, name: str) -> RunCache:
    try:
        return caches.get(name)
    except UnknownCacheError as error:
        raise NothingMatchesError(str(error)) from None


def _read_tags(words: Sequence[str] | None) -> dict[str, str]:
    tags = {}
    for word in words or ():
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"--tag {word}: write it as KEY=VALUE")
        tags[key] = value
    return tags


def _tell(arguments: Namespace, cache: RunCache) -> int:
    if arguments.json:
        write_json(cache.to_json())
        return ExitCode.OK.status
    facts = {
        "id": cache.id,
        "name": cache.name,
        "status": cache.status.value,
        "why": cache.status_message,
        "behavior": cache.behavior.value,
        "location": cache.location,
        "description": cache.description,
        "tags": ", ".join(f"{key}={value}" for key, value in sorted(cache.tags.items())),
        "created": short_time(cache.created),
        "updated": short_time(cache.updated),
    }
    write_lines(f"{name:<11}  {printable(text)}" for name, text in facts.items() if text)
    return ExitCode.OK.status


# create ---------------------------------------------------------------------------------------


def _add_create_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("cache", metavar="NAME", help="unique among the caches not deleted")
    parser.add_argument(
        "--location",
        metavar="DIR",
        help="the directory of its store; a store that is there is taken over with all its "
        "entries (default: one of its own in the user's data directory)",
    )
    parser.add_argument(
        "--behavior",
        choices=_BEHAVIORS,
        default=CacheBehavior.CACHE_ON_FAILURE.value,
        help="whether what a run has recorded is kept if the run ends well "
        "(default: CACHE_ON_FAILURE, which does not keep it)",
    )
    parser.add_argument("--description", metavar="TEXT", default="", help="what it is for")
    parser.add_argument("--tag", metavar="KEY=VALUE", action="append", help="may be repeated")


def _create(arguments: Namespace) -> int:
    cache = RunCaches().create(
        arguments.cache,
        location=arguments.location,
        behavior=CacheBehavior(arguments.behavior),
        description=arguments.description,
        tags=_read_tags(arguments.tag),
    )
    return _tell(arguments, cache)


_CREATE: Final = Verb(
    name="create",
    summary="make a run cache",
    description="Register a run cache and make its store. Runs use it with --memo-cache NAME.",
    examples=(
        ("cwl-memo cache create nightly", "for what failed runs leave"),
        ("cwl-memo cache create dev --behavior CACHE_ALWAYS", "for all that runs record"),
    ),
    add_arguments=_add_create_arguments,
    run=_create,
    has_store=False,
)


# list, get ------------------------------------------------------------------------------------


def _add_list_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="those that were deleted, too")
    parser.add_argument(
        "--tag", metavar="KEY[=VALUE]", action="append", help="only caches with this tag"
    )


def _list(arguments: Namespace) -> int:
    caches = RunCaches()
    found = [
        cache
        for cache in caches.list(deleted=arguments.all)
        if all(_has_tag(cache, word) for word in arguments.tag or ())
    ]
    if arguments.json:
        write_json({"caches": [cache.to_json() for cache in found]})
    elif found:
        write_lines(table(_COLUMNS, [_cells(cache) for cache in found], terminal_width()))
    else:
        remark("no run cache; 'cwl-memo cache create NAME' makes one")
    return ExitCode.OK.status


def _has_tag(cache: RunCache, word: str) -> bool:
    key, equals, value = word.partition("=")
    return key in cache.tags and (not equals or cache.tags[key] == value)


def _cells(cache: RunCache) -> list[str]:
    return [
        cache.id,
        cache.name,
        cache.status.value,
        cache.behavior.value,
        short_time(cache.created),
        cache.location,
    ]


_LIST: Final = Verb(
    name="list",
    summary="list the run caches",
    description="List the run caches, the oldest first. One that is FAILED has a location that "
    "cannot be used; 'get' says why.",
    examples=(("cwl-memo cache list --all", "those that were deleted, too"),),
    add_arguments=_add_list_arguments,
    run=_list,
    has_store=False,
)


def _get(arguments: Namespace) -> int:
    return _tell(arguments, _get_cache(RunCaches(), arguments.cache))


_GET: Final = Verb(
    name="get",
    summary="show one run cache",
    description="Show everything that is registered of a run cache. A deleted one is found by "
    "its id.",
    examples=(("cwl-memo cache get nightly --json", "for a program"),),
    add_arguments=_add_name,
    run=_get,
    has_store=False,
)


# update ---------------------------------------------------------------------------------------


def _add_update_arguments(parser: ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument("--name", metavar="NEW", help="another name")
    parser.add_argument("--behavior", choices=_BEHAVIORS, help="for the runs from now on")
    parser.add_argument("--description", metavar="TEXT", help="what it is for")
    parser.add_argument(
        "--tag", metavar="KEY=VALUE", action="append", help="add or change a tag; may be repeated"
    )
    parser.add_argument(
        "--untag", metavar="KEY", action="append", help="remove a tag; may be repeated"
    )


def _update(arguments: Namespace) -> int:
    caches = RunCaches()
    cache = _get_cache(caches, arguments.cache)
    given = (arguments.name, arguments.behavior, arguments.description)
    if all(value is None for value in given) and not (arguments.tag or arguments.untag):
        raise UsageError(
            "cache update: say what to change with --name, --behavior, --description, --tag or "
            "--untag; the location of a cache stays"
        )
    behavior = None if arguments.behavior is None else CacheBehavior(arguments.behavior)
    return _tell(
        arguments,
        caches.update(
            cache.id,
            name=arguments.name,
            behavior=behavior,
            description=arguments.description,
            tags=_read_tags(arguments.tag),
            untag=arguments.untag or (),
        ),
    )


_UPDATE: Final = Verb(
    name="update",
    summary="change the name, behaviour, description or tags of a run cache",
    description="Change what is registered of a run cache. Runs that have begun go on as they "
    "began. The location stays: make another cache for another one.",
    examples=(("cwl-memo cache update dev --behavior CACHE_ON_FAILURE", "from the next run on"),),
    add_arguments=_add_update_arguments,
    run=_update,
    has_store=False,
)


# delete ---------------------------------------------------------------------------------------


def _add_delete_arguments(parser: ArgumentParser) -> None:
    _add_name(parser)
    parser.add_argument(
        "--purge", action="store_true", help="remove its store, too, with all that is recorded"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask before a purge")


def _delete(arguments: Namespace) -> int:
    caches = RunCaches()
    cache = _get_cache(caches, arguments.cache)
    if arguments.purge and not _is_wanted(arguments, cache):
        return ExitCode.NOT_SO.status
    cache, left = caches.delete(cache.id, purge=arguments.purge)
    if left:
        remark(f"left alone in {cache.location}, since it is no part of a store: {', '.join(left)}")
    if arguments.json:
        write_json({**cache.to_json(), "purged": arguments.purge, "left": list(left)})
    elif arguments.purge:
        write_lines([printable(f"run cache {cache.name} ({cache.id}) deleted, its data removed")])
    else:
        write_lines(
            [
                printable(f"run cache {cache.name} ({cache.id}) deleted"),
                printable(f"its data stay in {cache.location}"),
            ]
        )
    return ExitCode.OK.status


def _is_wanted(arguments: Namespace, cache: RunCache) -> bool:
    what = f"all that is recorded in {cache.location}"
    question = f"Remove {what}? Jobs will execute again."
    return is_confirmed("cache delete", f"{what} would go", question, yes=arguments.yes)


_DELETE: Final = Verb(
    name="delete",
    summary="delete a run cache; its data stay unless --purge is given",
    description="Delete a run cache: no run may use it any more, and its name is free. Refused "
    "while a run uses it. Its store stays as it is, and another cache may take it over; with "
    "--purge it is removed, also later, by the id of the deleted cache.",
    examples=(
        ("cwl-memo cache delete nightly", "the data stay"),
        ("cwl-memo cache delete nightly --purge --yes", "they go, without a question"),
    ),
    add_arguments=_add_delete_arguments,
    run=_delete,
    has_store=False,
)


def _add_nothing(_parser: ArgumentParser) -> None:
    pass


def _no_verb(_arguments: Namespace) -> int:
    return ExitCode.USAGE.status


VERB: Final = Verb(
    name="cache",
    summary="make, list, change and delete run caches",
    description="A run cache is a store with a name and a behaviour: CACHE_ALWAYS keeps what any "
    "run records; CACHE_ON_FAILURE keeps it for a run that fails, is killed, cancelled, times out "
    "or runs out of disk, and takes it back when the run ends well. A run names its cache with "
    "--memo-cache.",
    examples=(
        ("cwl-memo cache create nightly", "make one"),
        ("cwl-memo run --memo-cache nightly workflow.cwl job.yml", "use it"),
    ),
    add_arguments=_add_nothing,
    run=_no_verb,
    verbs=(_CREATE, _LIST, _GET, _UPDATE, _DELETE),
    is_group=True,
)
