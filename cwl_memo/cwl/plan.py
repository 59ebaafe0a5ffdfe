"""Planning a run: cwltool goes through it, nothing is executed, and nothing is left behind."""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import argcomplete

from cwl_memo.core.plan import PlanRecord
from cwl_memo.core.settings import Mode
from cwl_memo.cwl.arguments import Choice, chosen
from cwl_memo.cwl.door import LoadingContext, RuntimeContext, cwltool_run, versionstring
from cwl_memo.cwl.fetcher import MemoFetcher
from cwl_memo.cwl.long_lists import LongLists
from cwl_memo.cwl.planner import PlanExecutor, PlanSession
from cwl_memo.cwl.runner import (
    NOT_EXECUTING,
    build_parser,
    forget_memo_arguments,
    restore_container_ids,
)
from cwl_memo.cwl.schema_cache import schemas_for
from cwl_memo.errors import StoreError, StoreUnavailableError, UsageError
from cwl_memo.store.foreseen import ForeseenStore
from cwl_memo.store.layout import FIRST_FILES, is_writable
from cwl_memo.store.local import open_store
from cwl_memo.store.memory import MemoryStore
from cwl_memo.store.protocol import Store

__all__ = ["DESCRIPTION", "PlanAsked", "add_plan_arguments", "asked_for", "plan"]

_log = logging.getLogger("cwltool")

DESCRIPTION: Final = """\
Say of each job of a run whether it would be reused, and why not, without executing anything.
Takes what 'cwl-memo run' takes. Ends with 0 if nothing would be executed, with 1 if something
would."""


class PlanAsked:
    """What the command line of a plan asks for.

    :param args: cwltool's arguments.
    :param json: whether the answer is to be JSON.
    """

    def __init__(self, argv: Sequence[str], args: argparse.Namespace, choice: Choice) -> None:
        self.argv = argv
        self.args = args
        self.choice = choice
        self.json = bool(args.memo_plan_json)
        forget_memo_arguments(args)


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what a plan has and a run has not."""
    parser.add_argument(
        "--json",
        dest="memo_plan_json",
        action="store_true",
        help="answer with one JSON document, as a report file has it",
    )


def asked_for(argv: Sequence[str], prog: str) -> PlanAsked:
    """Return what a command line asks for.

    :raises UsageError: if it makes no sense, or asks for more than a plan.
    :raises SystemExit: where argparse ends the program, as after ``--help``.
    """
    parser = build_parser(prog)
    parser.description = DESCRIPTION
    add_plan_arguments(parser)
    argcomplete.autocomplete(parser)
    options = [word for word in os.environ.get("CWLTOOL_OPTIONS", "").split(" ") if word]
    args = parser.parse_args([*options, *argv])
    restore_container_ids(args)
    choice = chosen(args, os.environ)
    for name in (*NOT_EXECUTING, "cachedir"):
        if getattr(args, name, False):
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option}: a plan has no use for it; leave it out")
    if not choice.memo:
        raise UsageError("memoization is off, so that every job would be executed: nothing to plan")
    if not args.workflow and not os.path.isfile("CWLFile"):
        raise UsageError("no CWL document was named")
    return PlanAsked(argv, args, choice)


def plan(asked: PlanAsked) -> tuple[int, PlanRecord | None]:
    """Plan a run; return cwltool's exit code and the plan.

    No plan where cwltool rejects the document or the input object.

    :raises UsageError: if a store was named that cannot serve the run.
    """
    args, choice = asked.args, asked.choice
    for warning in choice.warnings:
        _log.warning("cwl-memo: %s", warning)
    store, records = _store_of(choice)
    scratch = _scratch(args)
    _leave_nothing(args, scratch)
    session = PlanSession(
        store,
        choice.settings,
        records=records,
        document=str(args.workflow or "CWLFile"),
        arguments=asked.argv,
    )
    executor = PlanExecutor(session)
    try:
        code = _go_through(args, session, executor)
        record = session.conclude() if session.has_begun or executor.has_ended else None
        if record is not None and code:
            record.status = "permanentFail"
        return code, record
    finally:
        session.end(session.record.status)
        shutil.rmtree(scratch, ignore_errors=True)


def _go_through(args: argparse.Namespace, session: PlanSession, executor: PlanExecutor) -> int:
    runtime = session.prepare(RuntimeContext(vars(args)))
    if args.parallel:
        # It decides what a job gets of the machine, which an expression may see.
        session.parallel_executor(runtime, getattr(args, "parallel_max", 0) or 0)
    loading = session.loading_context(LoadingContext(vars(args)))
    session.long_lists = LongLists.of(args)
    fetcher = partial(MemoFetcher, witness=None, long_lists=session.long_lists)
    loading.fetcher_constructor = cast("Any", fetcher)
    _, set_up = schemas_for(args, os.environ, keep=False)
    return int(
        cwltool_run(
            argsl=list(session.record.arguments),
            args=args,
            executor=executor,
            loadingContext=loading,
            runtimeContext=runtime,
            versionfunc=versionstring,
            custom_schema_callback=set_up,
            stdout=io.StringIO(),
        )
    )


def _store_of(choice: Choice) -> tuple[Store | None, bool]:
    """Return the store to look into, and whether the run could write there.

    :raises UsageError: as the run, if a store was named that cannot serve.
    """
    path = choice.store
    readonly = choice.settings.mode is Mode.READONLY
    try:
        found: Any = MemoryStore() if not readonly and _is_to_be_made(path) else None
        if not readonly:
            _require_room(path)
        if found is None:
            found = open_store(path, readonly=True)
            if not readonly and not is_writable(path) and choice.is_named:
                found.close()
                raise StoreUnavailableError(
                    f"{path} cannot be written; --memo-mode readonly reuses from it"
                )
    except StoreError as error:
        if choice.is_named:
            raise UsageError(f"--memo-store: {error}") from None
        _log.warning("cwl-memo: planning without reuse: %s", error)
        return None, False
    records = isinstance(found, MemoryStore) or is_writable(path)
    return cast("Store", ForeseenStore(_shared(found, choice), str(path))), records and not readonly


def _shared(store: Store, choice: Choice) -> Store:
    """Put the shared store behind, as the run would, if nothing is changed in it.

    :raises UsageError: if the command line named one with which nothing can be done.
    """
    if choice.shared is None:
        return store
    from cwl_memo.store.sharing import put_behind

    try:
        return cast("Store", put_behind(store, choice.shared, os.environ, plans=True))
    except (UsageError, StoreError) as error:
        if choice.shared.is_named and isinstance(error, UsageError):
            store.close()
            raise UsageError(f"--memo-shared: {error}") from None
        _log.warning("cwl-memo: planning without the shared store: %s", error)
    return store


def _is_to_be_made(path: Path) -> bool:
    """Tell whether the run would make a store at a path.

    :raises StoreUnavailableError: if it would, and could not.
    """
    if os.path.lexists(path):
        return path.is_dir() and is_writable(path) and not any(path.iterdir())
    above = next(p for p in path.absolute().parents if os.path.lexists(p))
    if not above.is_dir() or not is_writable(above):
        raise StoreUnavailableError(f"{path}: cannot be a store: {above} cannot be written")
    return True


def _require_room(path: Path) -> None:
    """See that there is room for what the run would make of a store before its first job.

    :raises StoreUnavailableError: if there is none.
    """
    missing = [name for name in FIRST_FILES if not os.path.lexists(path / name)]
    above = next(p for p in (path.absolute(), *path.absolute().parents) if os.path.lexists(p))
    with contextlib.suppress(OSError):
        if os.statvfs(above).f_bavail < len(missing):
            raise StoreUnavailableError(f"{path}: cannot be a store: no space left on the disk")


def _scratch(args: argparse.Namespace) -> str:
    """Make the one directory in which everything is made that cwltool needs to look at jobs."""
    beside = os.path.dirname(os.path.abspath(args.tmp_outdir_prefix or ""))
    directory = beside if args.tmp_outdir_prefix and is_writable(Path(beside)) else None
    return tempfile.mkdtemp(prefix="cwl-memo-plan-", dir=directory)


def _leave_nothing(args: argparse.Namespace, scratch: str) -> None:
    """Change cwltool's arguments so that it makes files in the directory of the plan alone."""
    args.tmpdir_prefix = args.tmp_outdir_prefix = os.path.join(scratch, "x")
    args.rm_tmpdir = True
    args.provenance = None  # jobs are looked up as without it
    args.log_dir = args.write_summary = args.cidfile_dir = ""
    args.quiet = not args.debug  # it tells of the steps that it starts, and here starts none
