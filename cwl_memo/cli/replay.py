"""Answers a run from the manifest of the last one, if there is one and nothing has changed."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cwl_memo import __version__
from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import ReuseKey
from cwl_memo.core.explain import sentence, summary_line
from cwl_memo.core.manifest import Manifest, SeenFile
from cwl_memo.core.run import RunRecord
from cwl_memo.cwl.command_line import CommandLine, asked
from cwl_memo.cwl.replay import (
    ChangedError,
    deliver,
    require_deliverable,
    require_unchanged,
    unchanged_files,
)
from cwl_memo.errors import FormatError, StoreError, UsageError
from cwl_memo.report.files import write_report
from cwl_memo.settings.file import NO_FILES, find_files
from cwl_memo.store.clock import now
from cwl_memo.store.layout import Layout, open_layout
from cwl_memo.store.manifest_file import ManifestFiles, name_of_run
from cwl_memo.store.place import find_place
from cwl_memo.store.run_file import RunFiles
from cwl_memo.store.run_id import new_run_id
from cwl_memo.store.secret_file import find_secret

if TYPE_CHECKING:
    from cwl_memo.core.cache import RunCache
    from cwl_memo.cwl.event_file import EventFile
    from cwl_memo.cwl.workspaces import Workspaces

__all__ = ["answer", "foretell"]

_MEMO: Final = "--memo"
_PLACES: Final = {
    "--memo-store": "store", "--memo-cache": "cache", "--memo-cache-behavior": "cache_behavior"
}  # fmt: skip
_WITHOUT: Final = ("--no-memo-replay", "--no-memo", "_ARGCOMPLETE")


def answer(argv: Sequence[str], prog: str) -> int | None:
    """Answer a run as a whole; return its exit code, None where it has to take the long way.

    :param argv: the arguments of the run.
    :param prog: what the user typed.
    """
    if any(word in _WITHOUT for word in argv) or "_ARGCOMPLETE" in os.environ:
        return None
    try:
        found = _find(argv, prog)
    except Exception:  # noqa: BLE001  (a fault here costs time, and the long way tells of it)
        return None
    return None if found is None else found.tell(argv, prog)


@dataclass(frozen=True)
class _FromFiles:
    """What a run takes from settings files.

    :param seen: by what they are known to say the same.
    :param notes: what the log tells of them.
    :param warnings: what the user should know of them.
    """

    seen: JSON
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Kept:
    """Where what a run records is kept, and for which runs."""

    store: Path
    cache: RunCache | None
    behavior: str


def _kept_of(argv: Sequence[str], environ: Mapping[str, str]) -> tuple[_Kept, _FromFiles]:
    named: dict[str, str] = {}
    for word, following in zip(argv, [*argv[1:], ""], strict=True):
        name, is_joined, value = word.partition("=")
        if name in _PLACES:
            named[_PLACES[name]] = value if is_joined else following
    files = find_files(environ)
    if not files:
        place = find_place(environ, store=named.get("store"), cache=named.get("cache"))
        behavior = named.get("cache_behavior") or environ.get("CWL_MEMO_CACHE_BEHAVIOR")
        of_cache = place.cache.behavior.value if place.cache else "CACHE_ALWAYS"
        return _Kept(place.path, place.cache, behavior or of_cache), _FromFiles(NO_FILES)
    # Only here: what reads them takes longer to import than to look for them.
    from cwl_memo.core.setting import SETTINGS, Layer, Origin, Value
    from cwl_memo.settings.load import load

    line = {
        name: Value(SETTINGS[name].read_text(text), Origin(Layer.COMMAND_LINE, SETTINGS[name].flag))
        for name, text in named.items()
    }
    if _MEMO in argv or _MEMO in environ.get("CWLTOOL_OPTIONS", "").split(" "):
        line["memo"] = Value(value=True, origin=Origin(Layer.COMMAND_LINE, _MEMO))
    loaded = load(files, environ, line)
    kept = _Kept(loaded.store, loaded.cache, loaded.behavior.value)
    return kept, _FromFiles(loaded.seen, loaded.notes, loaded.warnings)


@dataclass(frozen=True)
class _Answer:
    """A run that is answered: its files are delivered, and nobody was told yet."""

    manifests: ManifestFiles
    name: str
    before: Manifest
    now: Manifest
    output: str
    report: Path | None
    layout: Layout
    kept: _Kept
    settings: _FromFiles
    events: EventFile | None
    workspaces: Workspaces | None

    def tell(self, argv: Sequence[str], prog: str) -> int:
        """Print the output object and the log, and note the run; return the exit code."""
        sys.stdout.write(self.output)
        sys.stdout.flush()
        record = _record(self.now, argv, str(self.layout.root))
        if self.kept.cache is not None:
            record.cache, record.cache_name = self.kept.cache.id, self.kept.cache.name
        record.cache_behavior = self.kept.behavior
        if self.events is not None:
            _tell_events(self.events, record)
        done, undone = _complete(self.workspaces, self.layout, record)
        if not self.now.is_quiet:
            sys.stderr.write(_log(self.now, record, self.settings.notes, done))
        for warning in self.settings.warnings:
            sys.stderr.write(_line(self.now, "WARNING", f"cwl-memo: {warning}"))
        for why in undone:
            sys.stderr.write(_line(self.now, "WARNING", f"[memo] {why}"))
        _note(self.layout, record)
        if self.now == self.before:
            self.manifests.touch(self.name)
        else:
            # To be quicker the next time; it need not succeed.
            with contextlib.suppress(StoreError):
                self.manifests.write(self.name, self.now)
        if self.report is not None:
            _report(self.report, record, prog)
        return 0


@dataclass(frozen=True)
class _Unchanged:
    """The manifest of a run that can be answered, if its outputs can be delivered."""

    layout: Layout
    manifests: ManifestFiles
    name: str
    before: Manifest
    now: Manifest
    outdir: str
    report: Path | None
    kept: _Kept
    settings: _FromFiles
    line: CommandLine


def foretell(argv: Sequence[str], prog: str) -> tuple[Manifest, Path] | None:
    """Return the manifest from which a run would be answered now, and the store it is in.

    Nothing is changed.

    :param argv: the arguments of the run.
    :param prog: what the user would type.
    """
    if any(word in _WITHOUT for word in argv) or "_ARGCOMPLETE" in os.environ:
        return None
    try:
        found = _unchanged(argv, prog)
        if found is not None:
            require_deliverable(found.layout, found.now, found.outdir)
    except Exception:  # noqa: BLE001  (the long way tells of it)
        return None
    return None if found is None else (found.now, found.layout.root)


def _find(argv: Sequence[str], prog: str) -> _Answer | None:
    found = _unchanged(argv, prog)
    if found is None:
        return None
    events: EventFile | None = None
    try:
        events, workspaces = _beside(found.line, prog)
        now, output = deliver(found.layout, found.now, found.outdir)
    except (ChangedError, UsageError):
        if events is not None:
            events.close()
        return None
    return _Answer(
        found.manifests,
        found.name,
        found.before,
        now,
        output,
        found.report,
        found.layout,
        found.kept,
        found.settings,
        events,
        workspaces,
    )


def _unchanged(argv: Sequence[str], prog: str) -> _Unchanged | None:
    kept, settings = _kept_of(argv, os.environ)
    if not (kept.store / "replays").is_dir():
        return None
    if kept.cache is not None:
        from cwl_memo.store.caches import require_usable

        require_usable(kept.cache, "--memo-cache")
    layout, _ = open_layout(kept.store, readonly=True)
    secret = find_secret(layout)
    line = CommandLine.of(argv, os.environ)
    report = Path(line.report).expanduser().absolute() if line.report else None
    if (
        secret is None
        or not line.is_clear
        or (report and (report.is_dir() or not report.parent.is_dir()))
    ):
        return None  # the long way says what is wrong
    manifests = ManifestFiles(layout)
    name = name_of_run(asked(prog, line, os.environ, settings.seen), secret)
    files: tuple[SeenFile, ...] = ()

    def look(seen: tuple[SeenFile, ...]) -> None:
        nonlocal files
        files = unchanged_files(seen)

    try:
        # The rest of a manifest is not even read where a file has changed.
        manifest = manifests.read(name, look)
        if manifest is None:
            return None
        outdir = manifest.outdir
        if line.outdir is not None:
            outdir = os.path.abspath(line.outdir)  # noqa: PTH100  (as cwltool: a link stays one)
        elif manifest.report:
            report = Path(manifest.report)
        now = require_unchanged(layout, manifest, files)
    except ChangedError:
        return None
    return _Unchanged(layout, manifests, name, manifest, now, outdir, report, kept, settings, line)


def _beside(line: CommandLine, prog: str) -> tuple[EventFile | None, Workspaces | None]:
    """Return where events and working directories of jobs go, imported only if they do."""
    events: EventFile | None = None
    workspaces: Workspaces | None = None
    if line.workspaces:
        from cwl_memo.cwl.workspaces import Workspaces

        workspaces = Workspaces(Path(line.workspaces).expanduser().absolute())
    if line.events:
        from cwl_memo.cwl.event_file import EventFile

        events = EventFile.open(line.events, lambda text: _say(f"{prog}: {text}\n"))
    return events, workspaces


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(text)


def _tell_events(events: EventFile, record: RunRecord) -> None:
    from cwl_memo.core.event import Event

    with contextlib.closing(events):
        for job in record.jobs:
            events.write(Event.hit(job.started, record.run, job))


def _complete(
    workspaces: Workspaces | None, layout: Layout, record: RunRecord
) -> tuple[list[str], list[str]]:
    """Put the working directories of all jobs there; return what was done, and what was not."""
    if workspaces is None:
        return [], []
    from cwl_memo.store.local import open_store

    try:
        with contextlib.closing(open_store(layout.root, readonly=True)) as store:
            done, undone = workspaces.complete(store, record)
    except StoreError as error:
        return [], [f"no workspaces: {error}"]
    return [f"[memo] {done}"], undone


def _report(path: Path, record: RunRecord, prog: str) -> None:
    try:
        write_report(path, record)
    except OSError as error:
        sys.stderr.write(f"{prog}: --memo-report: {path} not written: {error}\n")


def _record(manifest: Manifest, argv: Sequence[str], store: str) -> RunRecord:
    when = now()
    return RunRecord(
        run=new_run_id(),
        document=manifest.document,
        arguments=tuple(argv),
        store=store,
        mode="readwrite",
        started=when,
        ended=when,
        status="success",
        runner=manifest.runner,
        tags=dict(manifest.tags),
        jobs=[replace(job, started=when) for job in manifest.jobs],
    )


def _log(manifest: Manifest, record: RunRecord, notes: Sequence[str], done: Sequence[str]) -> str:
    lines = [f"cwl-memo: {note}" for note in notes]
    lines += [f"cwl-memo {__version__}: nothing has changed since run {manifest.run}"]
    lines += [f"[job {job.name}] {sentence(job)}" for job in record.jobs]
    lines += [f"[memo] {summary_line(record)}"] if record.jobs else []
    lines += [*done, "Final process status is success"]
    return "".join(_line(manifest, "INFO", line) for line in lines)


def _line(manifest: Manifest, level: str, text: str) -> str:
    colour = {"INFO": "1;30", "WARNING": "33"}[level]
    shown = f"\x1b[{colour}m{level}\x1b[0m" if manifest.is_coloured else level
    return f"{shown} {text}\n"


def _note(layout: Layout, record: RunRecord) -> None:
    """Note the run in the store, and that its entries were used; neither has to succeed."""
    with contextlib.suppress(StoreError, OSError):
        RunFiles(layout.runs).append_all(
            record.run,
            [
                {"line": "run", **record.header()},
                *({"line": "job", **job.to_json()} for job in record.jobs),
                {
                    "line": "end",
                    "ended": record.ended,
                    "status": record.status,
                    "taken_back": record.taken_back,
                    "summary": record.summary(),
                },
            ],
        )
    for key in {job.key for job in record.jobs}:
        with contextlib.suppress(FormatError, OSError):
            os.utime(layout.entry(ReuseKey(key)), follow_symlinks=False)
