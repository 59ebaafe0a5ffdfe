"""``cwl-memo shared``: the settings that a shared store keeps for all who use it."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import Any, Final, TypeVar

from cwl_memo.cli.exit_codes import ExitCode
from cwl_memo.cli.output import remark, write_json, write_lines
from cwl_memo.cli.shared_opening import shared_upkeep
from cwl_memo.cli.verb import Verb
from cwl_memo.core.explain import format_bytes, format_seconds
from cwl_memo.core.settings import parse_age, parse_size
from cwl_memo.core.signature import TrustPolicy
from cwl_memo.core.store_settings import StoreSettings
from cwl_memo.errors import UsageError
from cwl_memo.report.table import printable

__all__ = ["VERB"]

T = TypeVar("T")

_NONE: Final = "none"


def _add_url(parser: ArgumentParser) -> None:
    parser.add_argument(
        "url", metavar="URL", help="the shared store, as s3://BUCKET/PREFIX or file:///DIRECTORY"
    )


def _add_set_arguments(parser: ArgumentParser) -> None:
    _add_url(parser)
    parser.add_argument(
        "--max-size", metavar="SIZE", help="what 'gc --shared' leaves, as 2TB, or 'none'"
    )
    parser.add_argument(
        "--max-age",
        metavar="AGE",
        help="for how long an entry stays that nobody uses, as 180d, or 'none'",
    )
    parser.add_argument(
        "--trust",
        metavar="KEY",
        action="append",
        default=[],
        help="one more public key whose entries those accept who trust the signer",
    )
    parser.add_argument(
        "--distrust", metavar="KEY", action="append", default=[], help="a public key to take out"
    )
    parser.add_argument(
        "--sign-with",
        metavar="NAME",
        help="sign the settings with this key of yours; without that, no key in them counts",
    )


def _show(arguments: Namespace) -> int:
    from cwl_memo.store.shared.store_settings import read_settings

    with shared_upkeep(arguments.url, writable=False) as shared:
        settings = read_settings(shared.bucket)
    return _tell(arguments, settings)


def _set(arguments: Namespace) -> int:
    from cwl_memo.cli.shared_settings import write_changed
    from cwl_memo.store.keys import find_signing_key
    from cwl_memo.store.shared.store_settings import read_settings

    changes = _changes(arguments)
    keys = (arguments.trust, arguments.distrust)
    if not changes and not any(keys) and arguments.sign_with is None:
        raise UsageError(
            "shared set: say what to set with --max-size, --max-age, --trust, --distrust or "
            "--sign-with"
        )
    key = find_signing_key(arguments.sign_with or "", os.environ)
    with shared_upkeep(arguments.url) as shared:
        before = read_settings(shared.bucket)
        settings = before.changed(
            **changes,
            location=shared.bucket.url,
            trusted_keys=before.with_keys(arguments.trust, arguments.distrust),
        )
        named = (*arguments.trust, *arguments.distrust)
        settings = write_changed(shared.bucket, before, settings, key, named)
    return _tell(arguments, settings)


def _changes(arguments: Namespace) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if arguments.max_size is not None:
        changes["max_size"] = _read("--max-size", arguments.max_size, parse_size)
    if arguments.max_age is not None:
        changes["max_age"] = _read("--max-age", arguments.max_age, parse_age)
    return changes


def _read(option: str, text: str, parse: Callable[[str], T]) -> T | None:
    if text == _NONE:
        return None
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}; or write {_NONE}") from None


def _tell(arguments: Namespace, settings: StoreSettings) -> int:
    signer = settings.signature.key if settings.signature is not None else ""
    is_signed = bool(signer) and bool(
        TrustPolicy(frozenset({signer})).accepts(settings.digest(), settings.signature)
    )
    if arguments.json:
        write_json({**settings.to_json(), "signed_by": signer if is_signed else None})
        return ExitCode.OK.status
    size, age = settings.max_size, settings.max_age
    facts = [
        ("max size", "no limit" if size is None else format_bytes(size)),
        ("max age", "no limit" if age is None else format_seconds(age)),
        *(("trusted key", key) for key in settings.trusted_keys),
        *(("project", project.name) for project in settings.projects),
        ("signed", f"by {signer}" if is_signed else "by nobody"),
    ]
    write_lines(f"{name:<12} {printable(value)}" for name, value in facts)
    if settings.trusted_keys and not is_signed:
        remark("the trusted keys do not count: nobody signed them, or they were changed since")
    return ExitCode.OK.status


_SHOW: Final = Verb(
    name="show",
    summary="show the settings of a shared store",
    description="Show the limits, the trusted keys and the projects that a shared store keeps.",
    examples=(("cwl-memo shared show s3://lab/memo", "all of them"),),
    add_arguments=_add_url,
    run=_show,
    has_store=False,
)

_SET: Final = Verb(
    name="set",
    summary="change the settings of a shared store",
    description="Change the settings of a shared store. The limits are those of 'gc --shared', "
    "whoever calls it. Trusted keys count for those who trust the key that signs them: instead "
    "of all keys of a team, each of them then lists that one.",
    examples=(
        ("cwl-memo shared set s3://lab/memo --max-size 2TB --max-age 180d", "limits of its gc"),
        (
            "cwl-memo shared set s3://lab/memo --trust ed25519:AAAA… --sign-with lead",
            "one more key",
        ),
    ),
    add_arguments=_add_set_arguments,
    run=_set,
    has_store=False,
)

VERB: Final = Verb(
    name="shared",
    summary="show and change the settings that a shared store keeps",
    description="A shared store keeps settings for all who use it: how large and how old it may "
    "get, and whose entries are trusted.",
    examples=(("cwl-memo shared show s3://lab/memo", "what holds there"),),
    add_arguments=lambda _parser: None,
    run=lambda _arguments: ExitCode.USAGE.status,
    verbs=(_SHOW, _SET),
    is_group=True,
)
