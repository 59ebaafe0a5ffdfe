"""Running cwltool with memoization: what ``cwl-memo run`` and ``cwltool-memo`` do.

cwltool's own parser, plus one group; cwltool's own ``main``, handed a factory, contexts
and an executor. Passing it parsed arguments loses ``CWLTOOL_OPTIONS``, argcomplete,
``--record-container-id`` and the message for a missing document; they are restored here.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol, cast

import argcomplete

from cwl_memo import __version__
from cwl_memo.core.run import RunRecord
from cwl_memo.core.settings import Mode
from cwl_memo.cwl.arguments import Choice, add_memo_arguments, chosen
from cwl_memo.cwl.command_line import CommandLine, asked
from cwl_memo.cwl.door import (
    LoadingContext,
    RuntimeContext,
    arg_parser,
    cwltool_run,
    versionstring,
)
from cwl_memo.cwl.event_file import EventFile
from cwl_memo.cwl.fetcher import MemoFetcher
from cwl_memo.cwl.keeper import Keeper
from cwl_memo.cwl.long_lists import LongLists
from cwl_memo.cwl.schema_cache import schemas_for
from cwl_memo.cwl.session import Session
from cwl_memo.errors import SettingsFileError, StoreError, UsageError
from cwl_memo.store.caches import RunCaches
from cwl_memo.store.lay_out import require_free
from cwl_memo.store.local import LocalStore, open_store
from cwl_memo.store.protocol import Store

__all__ = [
    "NOT_EXECUTING",
    "Purpose",
    "build_parser",
    "forget_memo_arguments",
    "restore_container_ids",
    "run",
]

_log = logging.getLogger("cwltool")

WriteReport = Callable[[Path, RunRecord], None]


class Purpose(Protocol):
    """What a run is for, where that is not its outputs."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add arguments; names of theirs that begin with ``memo_`` stay hidden from cwltool."""

    def settle(self, args: argparse.Namespace) -> None:
        """Change what the command line chose.

        :raises UsageError: if that does not go with the purpose.
        """

    def take(self, record: RunRecord) -> None:
        """Take the record of the run, which has ended."""


_USAGE: Final = 2

NOT_EXECUTING: Final = (
    "version",
    "print_supported_versions",
    "print_deps",
    "print_input_deps",
    "print_pre",
    "print_rdf",
    "print_dot",
    "print_subgraph",
    "print_targets",
    "pack",
    "validate",
    "make_template",
    "tool_help",
)
"""cwltool's options that end before a job is executed."""


def build_parser(prog: str) -> argparse.ArgumentParser:
    """Return cwltool's parser with the memoization options added."""
    parser = arg_parser()
    parser.prog = prog
    known = set(parser._option_string_actions)  # noqa: SLF001  (argparse has no other way)
    add_memo_arguments(parser)
    _leave_abbreviations(parser, known)
    return parser


def _leave_abbreviations(parser: argparse.ArgumentParser, known: set[str]) -> None:
    """Keep our options from taking part in abbreviation, where cwltool's do.

    A tool may have an input ``mem``, whose ``--mem 4`` would else be called ambiguous:
    argparse looks at every word of the line, those meant for the tool included.
    """
    candidates = parser._get_option_tuples  # noqa: SLF001

    def ours_left_out(option_string: str) -> list[Any]:
        return [found for found in candidates(option_string) if found[1] in known]

    parser._get_option_tuples = ours_left_out  # type: ignore[method-assign]  # noqa: SLF001


def run(
    argv: Sequence[str], *, prog: str, write_report: WriteReport, purpose: Purpose | None = None
) -> int:
    """Run cwltool on a command line, reusing jobs; return its exit code.

    :param argv: arguments of cwltool and of the memoization group.
    :param prog: what the user typed, for usage messages.
    :param write_report: writes the run's record where ``--memo-report`` says.
    :param purpose: what the run is for, if not for its outputs.
    """
    parser = _parser_for(prog, purpose)
    argcomplete.autocomplete(parser)
    options = [word for word in os.environ.get("CWLTOOL_OPTIONS", "").split(" ") if word]
    try:
        args = parser.parse_args([*options, *argv])
    except SystemExit as end:
        return int(end.code or 0)
    restore_container_ids(args)
    try:
        choice = _chosen_for(args, purpose)
        if choice.memo and args.cachedir:
            raise UsageError(
                "--cachedir and memoization exclude one another: use --memo-store instead "
                "of --cachedir, or --no-memo to run with cwltool's own cache"
            )
    except (UsageError, StoreError) as error:
        if not isinstance(error, SettingsFileError):
            parser.print_usage(sys.stderr)
        sys.stderr.write(f"{prog}: error: {error}\n")
        return _USAGE
    forget_memo_arguments(args)
    if not args.workflow and not os.path.isfile("CWLFile") and not _ends_early(args):
        _log.error("CWL document required, no input file was provided")
        parser.print_help(sys.stderr)
        return 1
    _tell(args, choice)
    if not choice.memo or _ends_early(args):
        document = args.workflow  # cwltool takes it out of the arguments
        code = int(cwltool_run(argsl=list(argv), args=args, versionfunc=_version(prog)))
        if choice.report is not None:
            record = RunRecord(
                run="",
                document=str(document or "CWLFile"),
                arguments=tuple(argv),
                mode=Mode.OFF.value,
                status="success" if code == 0 else "permanentFail",
            )
            _report(choice.report, record, write_report)
        return code
    try:
        local, events = _open_all(choice)
        store = _with_shared(local, choice)
    except UsageError as error:
        sys.stderr.write(f"{prog}: error: {error}\n")
        return _USAGE
    with closing(events):
        return _run(argv, args, choice, store, events, write_report, prog, purpose)


def _parser_for(prog: str, purpose: Purpose | None) -> argparse.ArgumentParser:
    parser = build_parser(prog)
    if purpose is not None:
        purpose.add_arguments(parser)
    return parser


def _chosen_for(args: argparse.Namespace, purpose: Purpose | None) -> Choice:
    if purpose is not None and not _ends_early(args):
        purpose.settle(args)
    return chosen(args, os.environ)


def _run(
    argv: Sequence[str],
    args: argparse.Namespace,
    choice: Choice,
    store: Store | None,
    events: EventFile,
    write_report: WriteReport,
    prog: str,
    purpose: Purpose | None,
) -> int:
    session = Session(
        store,
        choice.settings,
        document=str(args.workflow or "CWLFile"),
        arguments=argv,
        cache=choice.cache,
        behavior=choice.behavior,
        on_event=events.write if choice.events else None,
        workspaces=choice.workspaces,
        tags=choice.tags,
    )
    if choice.cache is not None and not RunCaches().is_active(choice.cache.id):
        # Deleted since its name was looked up. From now on it is in use, and cannot be.
        session.end("interrupted")
        sys.stderr.write(f"{prog}: error: run cache {choice.cache.name} was deleted just now\n")
        return _USAGE
    line = CommandLine.of(argv, os.environ)
    # A replay asks nobody what was taken back: a shared store needs the long way.
    own = store if choice.shared is None else None
    keeper = Keeper.of(session, own, choice, args, asked(prog, line, os.environ, choice.seen))
    runtime = session.prepare(RuntimeContext(vars(args)))
    if args.parallel:
        most = getattr(args, "parallel_max", 0) or 0
        executor = session.parallel_executor(runtime, most)
    else:
        executor = session.serial_executor()
    loading = session.loading_context(LoadingContext(vars(args)))
    session.long_lists = LongLists.of(args)
    fetcher = partial(MemoFetcher, witness=session.witness, long_lists=session.long_lists)
    loading.fetcher_constructor = cast("Any", fetcher)
    schemas, set_up = schemas_for(args, os.environ)
    status = "interrupted"
    try:
        code = int(
            cwltool_run(
                argsl=list(argv),
                args=args,
                executor=executor,
                loadingContext=loading,
                runtimeContext=runtime,
                versionfunc=_version(prog),
                custom_schema_callback=set_up,
            )
        )
        if schemas is not None:
            schemas.keep_internal()
        status = executor.final_status[0] if executor.final_status else "permanentFail"
        if code != 0 and status == "success":
            status = "permanentFail"  # the jobs succeeded, and their outputs were not delivered
        if keeper is not None and code == 0 and status == "success":
            keeper.keep()
    finally:
        if keeper is not None:
            keeper.end()
        record = session.end(status)
        if choice.report is not None:
            _report(choice.report, record, write_report)
        if purpose is not None:
            purpose.take(record)
    return code


def _version(prog: str) -> Callable[[], str]:
    """Return what tells the version: cwltool's words where cwltool is what was asked for."""
    if prog.startswith("cwltool"):
        return versionstring
    return lambda: f"cwl-memo {__version__} (cwltool {versionstring().rpartition(' ')[2]})"


def _report(path: Path, record: RunRecord, write_report: WriteReport) -> None:
    try:
        write_report(path, record)
    except OSError as error:
        # The run itself is done and its outputs stand: no reason to call it failed.
        _log.error("--memo-report: %s not written: %s", path, error)


def _open_all(choice: Choice) -> tuple[LocalStore | None, EventFile]:
    """Open the store and the file of events.

    :raises UsageError: if one of them cannot serve, or takes the place of the workspaces.
    """
    events = EventFile.open(choice.events, _log.warning)
    with ExitStack() as opened:
        opened.callback(events.close)
        try:
            store = _open(choice)
        except StoreError as error:
            option = "--memo-store" if choice.cache is None else f"run cache {choice.cache.name}"
            raise UsageError(f"{option}: {error}") from error
        if store is not None:
            opened.callback(store.close)
        if choice.workspaces is not None:
            require_free(choice.workspaces)
        opened.pop_all()
    return store, events


def _open(choice: Choice) -> LocalStore | None:
    """Open the store; None with a warning where that fails and nobody named it.

    :raises StoreError: if the command line named a store that cannot serve.
    """
    readonly = choice.settings.mode is Mode.READONLY
    try:
        store = open_store(choice.store, readonly=readonly)
    except StoreError as error:
        if choice.is_named:
            raise
        _log.warning("cwl-memo: running without reuse: %s", error)
        return None
    if not store.writable and not readonly:
        message = f"{choice.store} cannot be written; --memo-mode readonly reuses from it"
        if choice.is_named:
            store.close()
            raise StoreError(message)
        _log.warning("cwl-memo: nothing will be recorded: %s", message)
    return store


def _with_shared(store: LocalStore | None, choice: Choice) -> Store | None:
    """Put the shared store behind the local one, if there is one.

    :raises UsageError: if the command line named one with which nothing can be done.
    """
    if store is None or choice.shared is None:
        return store
    # Only here: most runs share nothing.
    from cwl_memo.store.sharing import put_behind

    try:
        return cast("Store", put_behind(store, choice.shared, os.environ))
    except (UsageError, StoreError) as error:
        if choice.shared.is_named and isinstance(error, UsageError):
            store.close()
            raise UsageError(f"--memo-shared: {error}") from None
        _log.warning("cwl-memo: running without the shared store: %s", error)
    return store


def _tell(args: argparse.Namespace, choice: Choice) -> None:
    """Log what the settings files say that the user should know of."""
    if not _ends_early(args):
        for note in choice.notes if not args.quiet else ():
            _log.info("cwl-memo: %s", note)
        for warning in choice.warnings:
            _log.warning("cwl-memo: %s", warning)


def _ends_early(args: argparse.Namespace) -> bool:
    return any(getattr(args, name, False) for name in NOT_EXECUTING)


def forget_memo_arguments(args: argparse.Namespace) -> None:
    """Take our options out again: cwltool makes attributes of contexts out of them."""
    for name in [name for name in vars(args) if name == "memo" or name.startswith("memo_")]:
        delattr(args, name)


def restore_container_ids(args: argparse.Namespace) -> None:
    """Do as cwltool.main does with arguments that it parses itself."""
    if getattr(args, "record_container_id", False) and not args.cidfile_dir:
        args.cidfile_dir = os.getcwd()
    if hasattr(args, "record_container_id"):
        del args.record_container_id
