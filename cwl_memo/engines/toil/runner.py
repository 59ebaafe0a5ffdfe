"""Running toil-cwl-runner with memoization: what ``cwl-memo-toil`` does.

Toil's own ``main``, with one name replaced before it is called: the factory of the tools.
"""

from __future__ import annotations

import argparse
import logging
import os
import string
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

from cwl_memo.core.cache import CacheBehavior
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.run import JobRecord, RunRecord
from cwl_memo.core.settings import IntermediateFiles, Mode, ToilLookup
from cwl_memo.cwl.arguments import Choice, add_memo_arguments, chosen
from cwl_memo.cwl.event_file import EventFile
from cwl_memo.cwl.session import Session
from cwl_memo.engines.toil.door import check_toil, cwltoil, is_tested, toil_version
from cwl_memo.engines.toil.opening import open_for, store_of_node
from cwl_memo.engines.toil.orders import Orders, switched_off
from cwl_memo.engines.toil.relay import Relay
from cwl_memo.engines.toil.tool import make_factory
from cwl_memo.errors import SettingsFileError, StoreError, UsageError
from cwl_memo.store.run_id import new_run_id

__all__ = ["run"]

_log = logging.getLogger("cwltool")

WriteReport = Callable[[Path, RunRecord], None]

_USAGE: Final = 2
_ONE_MACHINE: Final = "single_machine"
_NAME: Final = f"{string.ascii_letters}{string.digits}_"
_SET_ENV: Final = ("--setEnv", "-e")


def run(argv: Sequence[str], *, prog: str, write_report: WriteReport) -> int:
    """Run toil-cwl-runner on a command line, reusing jobs; return its exit code.

    :param argv: arguments of toil-cwl-runner and of the memoization group.
    :param prog: what the user typed, for usage messages.
    :param write_report: writes the run's record where ``--memo-report`` says.
    """
    parser = _parser(prog)
    ours, rest = _split(parser, argv)
    try:
        check_toil()
        choice = chosen(ours, os.environ)
        if not {"-h", "--help", "--version"}.isdisjoint(rest):
            parser.print_help()
            return _toil_main(rest, sys.stdout)
        options = cwltoil.get_options(list(rest))
        orders = _orders(choice, options)
    except (UsageError, StoreError) as error:
        if not isinstance(error, SettingsFileError):
            parser.print_usage(sys.stderr)
        sys.stderr.write(f"{prog}: error: {error}\n")
        return _USAGE
    for warning in choice.warnings:
        _log.warning("cwl-memo: %s", warning)
    if orders is None:
        return _run_off(rest) if options.restart else _toil_main(rest, sys.stdout)
    try:
        events = EventFile.open(choice.events, _log.warning)
    except UsageError as error:
        sys.stderr.write(f"{prog}: error: {error}\n")
        return _USAGE
    with closing(events):
        session = _session(orders, choice, events, str(options.cwltool or ""), argv)
        return _run(rest, orders, session, choice, write_report)


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog,
        usage="%(prog)s [options of toil-cwl-runner and of memoization] WORKFLOW [INFILE]",
        add_help=False,
        allow_abbrev=False,
    )
    add_memo_arguments(parser)
    return parser


def _split(
    parser: argparse.ArgumentParser, argv: Sequence[str]
) -> tuple[argparse.Namespace, list[str]]:
    """Return our options, and what is left for Toil; what stands after ``--`` is the workflow's."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    ours, rest = parser.parse_known_args(words[:end])
    return ours, [*rest, *words[end:]]


def _orders(choice: Choice, options: Any) -> Orders | None:
    """Return what the workers are told; None for a run without memoization.

    :raises UsageError: if the options do not go together.
    """
    if not choice.memo or choice.settings.mode is Mode.OFF:
        return None
    for name, given in (("--cachedir", options.cachedir), ("--runDir", options.runDir)):
        if given is not None:
            # --runDir sets --cachedir.
            raise UsageError(
                f"{name} and memoization exclude one another: Toil's own cache gives wrong "
                "outputs; use --memo-store instead of it, or --no-memo"
            )
    if choice.workspaces is not None:
        raise UsageError("--memo-workspaces: the working directories of a Toil run are not kept")
    if options.bypass_file_store:
        _log.warning("cwl-memo: with --bypass-file-store no job is reused or recorded")
        return None
    store, is_named = _place(choice, options)
    if choice.is_named and store != choice.store:
        _log.warning(
            "cwl-memo: %s is not used: a store of this kind is one machine's; for those of a "
            "batch system there is --memo-node-store",
            choice.store,
        )
    if choice.behavior is CacheBehavior.CACHE_ON_FAILURE and store != choice.store:
        raise UsageError(
            "CACHE_ON_FAILURE takes entries back from one store as the run ends; those of a "
            "cluster's machines stay"
        )
    return Orders(
        run=new_run_id(),
        # Which entries made the outputs of the run is known to nobody: all are kept as if theirs.
        settings=replace(choice.settings, intermediate_files=IntermediateFiles()),
        store=store,
        is_named=is_named,
        behavior=choice.behavior,
        lookup=choice.toil_lookup if is_tested() else ToilLookup.WORKER,
        shared=choice.shared,
        time_limit=getattr(options, "slurm_time", None),
        are_alike=options.batchSystem == _ONE_MACHINE or choice.says_toil_lookup,
    )


def _place(choice: Choice, options: Any) -> tuple[Path, bool]:
    """Return where each machine has its store, and whether somebody named that.

    :raises UsageError: if the machines would have nothing in common.
    """
    if choice.node_store is not None:
        return choice.node_store, True
    if options.batchSystem == _ONE_MACHINE:
        return choice.store, True
    if choice.shared is not None:
        return store_of_node(), False
    raise UsageError(
        f"the machines of --batchSystem {options.batchSystem} need a store that they share: "
        "--memo-shared file:///DIRECTORY, or the URL of a bucket; --memo-node-store DIR "
        "without it gives each of them a store of its own"
    )


def _session(
    orders: Orders, choice: Choice, events: EventFile, document: str, argv: Sequence[str]
) -> Session:
    """Return the session of the leader, which executes nothing itself."""
    return Session(
        open_for(orders),
        orders.settings,
        document=document,
        arguments=_without_values(argv),
        cache=choice.cache,
        behavior=orders.behavior,
        on_event=events.write if choice.events else None,
        tags=choice.tags,
        engine=f"Toil {toil_version()}",
        run=orders.run,
    )


def _run(
    words: list[str],
    orders: Orders,
    session: Session,
    choice: Choice,
    write_report: WriteReport,
) -> int:
    def take(job: JobRecord, made: list[ReuseKey]) -> None:
        session.memo.made.update(made)
        session.memo.shield(lambda: session.finish(job), None)

    status = "interrupted"
    plain = cwltoil.toil_make_tool
    cwltoil.toil_make_tool = make_factory(orders)
    try:
        with Relay(take, session.shared_elsewhere.append):
            code = _toil_main(words, sys.stdout)
        status = "success" if code == 0 else "permanentFail"
    finally:
        cwltoil.toil_make_tool = plain
        record = session.end(status)
        if choice.report is not None:
            _report(choice.report, record, write_report)
    return code


def _without_values(argv: Sequence[str]) -> list[str]:
    """Return a command line for the record, without the variables that ``--setEnv`` gives."""
    shown: list[str] = []
    for word in argv:
        prefix = next((f"{flag}=" for flag in _SET_ENV if word.startswith(f"{flag}=")), "")
        given = word.removeprefix(prefix)
        name = given[: len(given) - len(given.lstrip(_NAME))]
        gives = bool(prefix) or (shown and shown[-1] in _SET_ENV)
        shown.append(f"{prefix}{name}=..." if gives and given != name else word)
    return shown


def _run_off(words: list[str]) -> int:
    """Go on without memoization with a run that may have begun with it.

    Its tools are those that it began with: they stay, and are told to do nothing.
    """
    with switched_off(), Relay(lambda _job, _made: None, lambda _used: None):
        return _toil_main(words, sys.stdout)


def _toil_main(words: list[str], stdout: TextIO) -> int:
    return int(cwltoil.main(words, stdout=stdout))


def _report(path: Path, record: RunRecord, write_report: WriteReport) -> None:
    try:
        write_report(path, record)
    except OSError as error:
        _log.error("--memo-report: %s not written: %s", path, error)
