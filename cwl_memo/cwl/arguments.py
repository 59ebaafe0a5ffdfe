"""The memoization options, each also an environment variable."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from cwl_memo.core.settings import (
    Directories,
    HostTools,
    ImageIdentity,
    Link,
    Mode,
    Network,
    Settings,
    parse_size,
)
from cwl_memo.errors import UsageError
from cwl_memo.store.location import STORE_VARIABLE, default_store_path, named_store_path

__all__ = ["Choice", "add_memo_arguments", "chosen"]

_E = TypeVar("_E", bound=Enum)

_YES: Final = frozenset({"1", "true", "yes", "on"})
_NO: Final = frozenset({"0", "false", "no", "off"})


@dataclass(frozen=True)
class Choice:
    """What the command line and the environment say together.

    :param memo: whether to memoize at all.
    :param store: the store's directory.
    :param is_named: whether the command line named it.
    :param report: where to write the run's record, if anywhere.
    :param replay: whether a run may be answered as a whole, and leave what later ones need.
    """

    memo: bool
    replay: bool
    settings: Settings
    store: Path
    is_named: bool
    report: Path | None


def _values(kind: type[Enum]) -> list[str]:
    return [str(member.value) for member in kind]


def add_memo_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the group of memoization options to a parser."""
    group = parser.add_argument_group(
        "memoization options",
        "A job that was executed before with the same tool, inputs and container is not "
        "executed again. Each option can also be given as an environment variable.",
    )
    group.add_argument(
        "--memo",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="reuse and record jobs; on by default (CWL_MEMO)",
    )
    group.add_argument(
        "--memo-store",
        metavar="DIR",
        help=f"where jobs are recorded; default ~/.cache/cwl-memo ({STORE_VARIABLE})",
    )
    group.add_argument(
        "--memo-mode",
        choices=_values(Mode),
        help="readwrite: reuse and record; readonly: reuse only; recache: execute and record "
        "anew; off: as cwltool. Default readwrite (CWL_MEMO_MODE)",
    )
    group.add_argument(
        "--memo-salt",
        metavar="TEXT",
        help="a word that parts this run's entries from all others (CWL_MEMO_SALT)",
    )
    group.add_argument(
        "--memo-directories",
        choices=_values(Directories),
        help="refuse: jobs with Directories in or out are executed each time; content: they are "
        "keyed by everything in the Directory. Default refuse (CWL_MEMO_DIRECTORIES)",
    )
    group.add_argument(
        "--memo-image",
        choices=_values(ImageIdentity),
        help="digest: a container image counts by its content; name: by its name alone. "
        "Default digest (CWL_MEMO_IMAGE)",
    )
    group.add_argument(
        "--memo-host-tools",
        choices=_values(HostTools),
        help="content: without a container, the programs of this machine count by their "
        "content; name: by their name alone. Default content (CWL_MEMO_HOST_TOOLS)",
    )
    group.add_argument(
        "--memo-network",
        choices=_values(Network),
        help="allow or refuse the reuse of jobs that may use the network. Default allow "
        "(CWL_MEMO_NETWORK)",
    )
    group.add_argument(
        "--memo-link",
        choices=_values(Link),
        help="copy: files leave the store as clones or copies; hardlink: files that only jobs "
        "read are hard links. Default copy (CWL_MEMO_LINK)",
    )
    group.add_argument(
        "--memo-max-size",
        metavar="SIZE",
        help="what the store may hold, as 500MB or 20GB; the least recently used entries go "
        "first. Default 20GB (CWL_MEMO_MAX_SIZE)",
    )
    group.add_argument(
        "--memo-replay",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="answer a run of which nothing has changed from the record of the last one, without "
        "looking at each job; on by default (CWL_MEMO_REPLAY)",
    )
    group.add_argument(
        "--memo-report",
        metavar="FILE.json",
        help="write what became of each job, and why, as JSON (CWL_MEMO_REPORT)",
    )


def chosen(args: argparse.Namespace, environ: Mapping[str, str]) -> Choice:
    """Return what was chosen; the command line wins over the environment.

    :raises UsageError: if a value makes no sense; names where it came from.
    """

    def text(name: str) -> tuple[str | None, str]:
        given = getattr(args, name)
        if given is not None:
            return str(given), "--" + name.replace("_", "-")
        variable = "CWL_" + name.upper()
        value = environ.get(variable)
        return (value or None), variable

    def member(name: str, kind: type[_E], default: _E) -> _E:
        value, origin = text(name)
        if value is None:
            return default
        try:
            return kind(value)
        except ValueError:
            choices = ", ".join(_values(kind))
            raise UsageError(f"{origin}: {value!r} is none of {choices}") from None

    size, origin = text("memo_max_size")
    defaults = Settings()
    try:
        max_size = defaults.max_size if size is None else parse_size(size)
    except UsageError as error:
        raise UsageError(f"{origin}: {error}") from None
    settings = Settings(
        mode=member("memo_mode", Mode, defaults.mode),
        salt=text("memo_salt")[0] or "",
        directories=member("memo_directories", Directories, defaults.directories),
        image=member("memo_image", ImageIdentity, defaults.image),
        host_tools=member("memo_host_tools", HostTools, defaults.host_tools),
        network=member("memo_network", Network, defaults.network),
        link=member("memo_link", Link, defaults.link),
        max_size=max_size,
    )
    named = getattr(args, "memo_store")  # noqa: B009
    if named == "":
        raise UsageError("--memo-store: names no directory")
    report, origin = text("memo_report")
    return Choice(
        memo=_is_on(args.memo, "CWL_MEMO", environ) and settings.mode is not Mode.OFF,
        replay=_is_on(args.memo_replay, "CWL_MEMO_REPLAY", environ),
        settings=settings,
        store=named_store_path(named) if named else default_store_path(environ),
        is_named=bool(named),
        report=None if report is None else _report_path(report, origin),
    )


def _is_on(given: Any, variable: str, environ: Mapping[str, str]) -> bool:
    if given is not None:
        return bool(given)
    value = environ.get(variable, "").lower()
    if value and value not in _YES | _NO:
        raise UsageError(f"{variable}: {value!r} is neither on nor off")
    return value not in _NO


def _report_path(text: str, origin: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(
            f"{origin}: {text} cannot be written: "
            + ("it is a directory" if path.is_dir() else f"{path.parent} is no directory")
        )
    return path
