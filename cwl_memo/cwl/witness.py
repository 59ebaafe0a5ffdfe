"""The witness of a run: notes all that it sees, so that it may be replayed.

cwltool reads documents through a fetcher and looks for files through a file access, both of
which it lets a program choose; what jobs read is known from their facts. Whatever the witness
cannot vouch for ends its work: the run leaves no manifest, and later runs take the long way.
"""

from __future__ import annotations

import argparse
import os
import re
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest, ReuseKey, digest_of_bytes
from cwl_memo.core.manifest import (
    Delivery,
    Manifest,
    SeenDirectory,
    SeenFile,
    SeenImage,
    StatIdentity,
    UsedEntry,
)
from cwl_memo.core.mode import Mode
from cwl_memo.core.run import EXECUTED, REUSED, JobRecord, RunRecord
from cwl_memo.cwl import requirement
from cwl_memo.cwl.door import Process, uri_file_path
from cwl_memo.cwl.expression import expressions_in, is_expression, strings_in, use_of
from cwl_memo.cwl.files import Known, Sources
from cwl_memo.cwl.location import RealPaths, path_of
from cwl_memo.store.permission import mode_of, read_umask
from cwl_memo.store.protocol import RACY_NS, FileIdentity, stat_identity

if TYPE_CHECKING:
    from cwl_memo.memo import Memo
    from cwl_memo.store.local import LocalStore

__all__ = ["NoManifestError", "Witness", "is_replayable"]

_WORDS: Final = 5000
"""Words that may name programs at most; to look each up takes longer than it spares."""

_PLACE: Final = re.compile(r"\b(?:path|dirname|location)\b")

_HARMLESS: Final = frozenset(
    {
        "workflow", "job_order", "outdir", "parallel", "parallel_max", "quiet", "use_container",
        "singularity", "podman", "user_space_docker_cmd", "default_container", "tmpdir_prefix",
        "tmp_outdir_prefix", "rm_tmpdir", "rm_container", "preserve_environment",
        "preserve_entire_environment", "compute_checksum", "relax_path_checks", "enable_dev",
        "enable_ext", "skip_schemas", "strict", "eval_timeout", "enable_color", "no_warnings",
        "on_error", "custom_net", "no_read_only", "no_match_user", "strict_memory_limit",
        "strict_cpu_limit", "js_hint_options_file", "do_validate", "doc_cache",
    }
)  # fmt: skip
"""cwltool's options that may be given: they stand in the name of the manifest, and nothing
but them would have to be looked at. All others, which name further files or ask for other
things than outputs, have the run take the long way."""


class NoManifestError(Exception):
    """A run cannot be replayed; says why."""


def is_replayable(args: argparse.Namespace, defaults: Mapping[str, Any]) -> str:
    """Return why a run with these options cannot be replayed; empty if it can.

    :param args: cwltool's arguments.
    :param defaults: what they are where nothing is said.
    """
    for name, value in vars(args).items():
        if name not in _HARMLESS and value != defaults.get(name):
            return f"option {name}"
    if getattr(args, "move_outputs", "move") == "leave":
        return "outputs are left where they are"
    if "-" in (args.job_order or ()):
        return "the input object comes from standard input"
    if not args.workflow or not os.path.isfile(str(args.workflow).partition("#")[0]):
        return "the document is found by other means than its path"
    return ""


@dataclass(frozen=True)
class _Output:
    """A File of the output object, before cwltool moves it to the user's directory."""

    value: dict[str, Any]
    digest: Digest
    size: int
    mode: Mode


class Witness:
    """What one run saw.

    :param memo: gives digests of files.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._began_ns = time.time_ns()
        self._lock = threading.Lock()
        self._spoilt = ""
        self._is_looking = True
        self._documents: dict[str, tuple[Digest, FileIdentity]] = {}
        self._looked: dict[str, bool] = {}
        self._read: set[str] = set()
        self._listed: set[str] = set()
        self._files: dict[str, tuple[Digest | None, FileIdentity]] = {}
        self._programs: dict[str, str] = {}
        self._search_path = ""
        self._jobs: list[JobRecord] = []
        self._outputs: list[_Output] = []
        self._own = ""
        self._real_paths = RealPaths()
        self._processes: list[Process] = []

    @property
    def spoilt(self) -> str:
        """Why the run cannot be replayed; empty while it can."""
        return self._spoilt

    def spoil(self, why: str) -> None:
        """End the witness's work."""
        self._spoilt = self._spoilt or why

    # documents

    def note_document(self, url: str, data: bytes, identity: FileIdentity) -> None:
        """Note a document, import, include or schema that was read."""
        path = uri_file_path(url.partition("#")[0])
        found = (digest_of_bytes(data), identity)
        with self._lock:
            if self._documents.setdefault(path, found) != found:
                self.spoil(f"{path} changed during the run")

    def note_presence(self, path: str, *, there: bool) -> None:
        """Note that something was looked for."""
        with self._lock:
            if self._looked.setdefault(path, there) != there:
                self.spoil(f"{path} came or went during the run")

    def note_process(self, process: Process) -> None:
        """Note a process that was loaded; its requirements may still grow."""
        self._processes.append(process)

    # files

    def note_look(self, path: str, *, there: bool) -> None:
        """Note that cwltool asked whether something is there."""
        if self._is_looking and not self._is_own(path):
            self.note_presence(path, there=there)

    def note_read(self, path: str) -> None:
        """Note that cwltool read a file, or asked for its size."""
        if self._is_looking and not self._is_own(path):
            with self._lock:
                self._read.add(path)

    def note_listing(self, path: str) -> None:
        """Note that cwltool asked for the names in a directory."""
        if self._is_looking and not self._is_own(path):
            with self._lock:
                self._listed.add(path)

    def own(self, prefix: str) -> None:
        """Say how the names of the run's own directories begin: what is there is of its making."""
        self._own = prefix

    def _is_own(self, path: str) -> bool:
        if not self._own:
            return False
        return path.startswith(self._own) or self._real_paths.of(path).startswith(self._own)

    # jobs

    def note_job(self, job: JobRecord, sources: Sources | None) -> None:
        """Note what became of a job, and the files that decided it."""
        if job.result not in (REUSED, EXECUTED) or job.not_recorded or sources is None:
            self.spoil(f"job {job.name}: {job.result} {job.cause or job.not_recorded}")
            return
        with self._lock:
            self._jobs.append(job)
            if self._spoilt:
                return
            if sources.remote:
                self.spoil("an input was downloaded")
                return
            for path, identity in sources.identities.items():
                if self._is_own(path):
                    continue  # an output of another job
                digest = sources.files.get(path) or sources.programs.get(path)
                found = (None if digest is None else digest.digest, identity)
                known = self._files.get(path)
                if known is None or (known[0] is None and known[1] == identity):
                    self._files[path] = found
                elif known[1] != identity:
                    self.spoil(f"{path} changed during the run")

    def note_programs(
        self, search_path: str, programs: Mapping[str, str], unread: Sequence[str]
    ) -> None:
        """Note to which files words that may name programs lead, and which cannot be read."""
        if unread:
            self.spoil(f"{unread[0]} cannot be read")
        if self._spoilt:
            return
        with self._lock:
            if self._search_path not in ("", search_path):
                self.spoil("PATH changed during the run")
            self._search_path = search_path
            for word, file in programs.items():
                if self._programs.setdefault(word, file) != file:
                    self.spoil(f"{word} led to another program during the run")
            if len(self._programs) > _WORDS:
                self.spoil("too many words may name programs")

    # the end of the jobs

    def note_outputs(self, output: Any, known: Known) -> None:
        """Note the output object, its files still in the run's own directories.

        :param known: knows the files that are not on disk yet.
        """
        self._is_looking = False
        if self._spoilt:
            return
        for process in self._processes:
            self._examine(process)
        umask = read_umask()
        for item in _files_in(output, self.spoil):
            path = path_of(item["location"])
            try:
                digest = known.digest_of(path) or self._memo.digest_file(path)[0]
                mode = known.mode_of(path) or mode_of(os.stat(path), umask)
            except (OSError, KeyError) as error:
                self.spoil(f"an output cannot be read: {error}")
                return
            self._outputs.append(_Output(item, digest.digest, digest.size, mode))

    def _examine(self, process: Process) -> None:
        """Look for expressions that may give another value the next time.

        In what is in force for a process: overrides and the input object add requirements
        that stand in no document. Of a job all is keyed but whether it may be reused.
        """
        tool = process.tool
        items = [*process.requirements, *process.hints]
        if any(str(item.get("class", "")).endswith("Secrets") for item in items):
            self.spoil("there may be secrets")
        if tool["class"] == "CommandLineTool":
            found = requirement.find(requirement.WORK_REUSE, process.requirements, process.hints)
            parts: list[Any] = [found or {}]
        elif tool["class"] in ("Workflow", "ExpressionTool"):
            parts = [{n: value for n, value in tool.items() if n not in ("doc", "label")}, items]
        else:
            self.spoil(f"a process of class {tool['class']}")
            return
        texts = [text for part in parts for text in strings_in(_plain(part)) if is_expression(text)]
        if tool["class"] == "CommandLineTool" and not texts:
            return
        # Whatever defines functions is code without a dollar before it.
        library = [code for lines in _libraries(items) for code in lines]
        if tool["class"] == "ExpressionTool" and not is_expression(tool.get("expression")):
            library.append(str(tool.get("expression", "")))
        self._examine_code([*texts, *(f"${{{code}}}" for code in library)])

    def _examine_code(self, texts: list[str]) -> None:
        use = use_of(texts)
        if use.nondeterministic:
            self.spoil(f"an expression of the workflow uses {use.nondeterministic[0]}")
        if use.locale:
            self.spoil("an expression of the workflow may tell the time zone or the locale")
        if use.resources:
            self.spoil("an expression of the workflow uses the machine's resources")
        if any(_PLACE.search(code) for text in texts for code in expressions_in(text)):
            self.spoil("an expression of the workflow uses the paths of files")

    # the manifest

    def manifest(
        self,
        record: RunRecord,
        args: Mapping[str, Any],
        store: LocalStore,
        images: tuple[SeenImage, ...],
        text: str,
        report: str,
    ) -> Manifest:
        """Return the manifest of a run that has ended well.

        :param args: cwltool's arguments, as they were when it began.
        :param text: the output object, as it was printed.
        :param report: where the user wanted a report.
        :raises NoManifestError: if the run cannot be replayed.
        """
        moved = self._real_paths.moved()
        if moved:
            self.spoil(f"{moved} led elsewhere during the run")
        if self._spoilt:
            raise NoManifestError(self._spoilt)
        outdir = os.path.abspath(str(args["outdir"]))
        real_outdir = os.path.realpath(outdir)
        document = str(args["workflow"]).partition("#")[0]
        return Manifest(
            run=record.run,
            document=record.document,
            real_document=os.path.realpath(document),
            runner=record.runner,
            outdir=outdir,
            real_outdir=real_outdir,
            report=report,
            is_quiet=bool(args.get("quiet")),
            is_coloured=bool(args.get("enable_color", True)),
            files=tuple(self._seen_files()),
            absent=tuple(sorted(path for path, there in self._looked.items() if not there)),
            present=tuple(sorted(path for path, there in self._looked.items() if there)),
            directories=tuple(self._seen_directories()),
            search_path=self._search_path,
            programs=dict(self._programs),
            images=images,
            entries=tuple(self._entries(store)),
            jobs=tuple(self._reused(job, record.run) for job in self._jobs),
            deliveries=tuple(self._deliveries(store, real_outdir)),
            output=text,
            tags=record.tags,
        )

    def _seen_files(self) -> Iterator[SeenFile]:
        documents = {path: (digest, seen) for path, (digest, seen) in self._documents.items()}
        read = {path: self._late_look(path) for path in self._read}
        for path, (digest, identity) in {**read, **self._files, **documents}.items():
            found = _look(path)
            if stat.S_ISDIR(found.st_mode):
                continue  # of an input Directory; see below
            if FileIdentity.of(found) != identity:
                raise NoManifestError(f"{path} changed during the run")
            kept = self._settled(identity)
            if digest is None and kept is None:
                raise NoManifestError(f"{path} is too young to tell whether it changed")
            yield SeenFile(path, digest, bool(found.st_mode & stat.S_IXUSR), kept)

    def _late_look(self, path: str) -> tuple[Digest | None, FileIdentity]:
        """Return what stands in a file that only cwltool read, if that is what it read."""
        known = self._documents.get(path) or self._files.get(path)
        if known is not None:
            return known
        identity = FileIdentity.of(_look(path))
        if self._settled(identity) is None:
            raise NoManifestError(f"{path} is too young to tell whether it changed")
        return None, identity

    def _seen_directories(self) -> Iterator[SeenDirectory]:
        inputs = {p for p in self._files if stat.S_ISDIR(_look(p).st_mode)}
        for path in sorted(self._listed | inputs):
            kept = self._settled(FileIdentity.of(_look(path)))
            if kept is None or (path in inputs and self._files[path][1] != FileIdentity(*kept)):
                raise NoManifestError(f"{path} is too young to tell whether it changed")
            yield SeenDirectory(path, kept)

    def _settled(self, identity: FileIdentity) -> StatIdentity | None:
        """Return an identity by which a later change will show; None for a young file."""
        newest = max(identity.mtime_ns, identity.ctime_ns)
        if newest > self._began_ns - RACY_NS:
            return None
        return (
            identity.device,
            identity.inode,
            identity.size,
            identity.mtime_ns,
            identity.ctime_ns,
        )

    def _entries(self, store: LocalStore) -> Iterator[UsedEntry]:
        for key in dict.fromkeys(job.key for job in self._jobs):
            used = store.used_entry(key)
            if used is None:
                raise NoManifestError(f"entry {key} is gone")
            # After the look: another entry of the key is recorded after its tombstone.
            if not self._memo.stands(ReuseKey(key)):
                raise NoManifestError(f"entry {key} was invalidated during the run")
            yield used

    @staticmethod
    def _reused(job: JobRecord, run: str) -> JobRecord:
        if job.result == REUSED:
            return job
        return replace(
            job,
            result=REUSED,
            lookup="hit",
            cause="",
            detail="",
            differs=(),
            nearest="",
            upstream=None,
            origin_run=run,
            origin_job=job.name,
        )

    def _deliveries(self, store: LocalStore, real_outdir: str) -> Iterator[Delivery]:
        now = time.time_ns()
        real_paths = RealPaths()
        prefix = os.path.join(real_outdir, "")
        for output in self._outputs:
            place = path_of(output.value["location"])
            path = real_paths.of(place)
            if not path.startswith(prefix):
                raise NoManifestError(f"{place} is not in the output directory")
            blob = store.blob_identity(output.digest)
            if blob is None:
                raise NoManifestError(f"{place}: its bytes are not in the store")
            found = _look(place)
            if found.st_size != output.size:
                raise NoManifestError(f"{place} is not what was delivered")
            young = max(found.st_mtime_ns, found.st_ctime_ns) > now - RACY_NS
            delivered = None if young else stat_identity(found)
            place = path[len(prefix) :]
            yield Delivery(place, output.digest, output.size, output.mode, blob, delivered)


def _look(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise NoManifestError(f"{path} cannot be read: {error.strerror}") from error


def _files_in(value: Any, spoil: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the Files of an output object, secondaryFiles included."""
    if isinstance(value, dict):
        kind = value.get("class")
        if kind == "Directory":
            spoil("an output is a Directory")
            return
        if kind == "File":
            if not str(value.get("location", "")).startswith("file://"):
                spoil("an output is no file of this machine")
                return
            yield value
        for item in value.values():
            yield from _files_in(item, spoil)
    elif isinstance(value, list):
        for item in value:
            yield from _files_in(item, spoil)


def _plain(value: Any) -> JSON:
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _libraries(items: Sequence[Any]) -> Iterator[list[str]]:
    for item in items:
        if isinstance(item, Mapping) and isinstance(item.get("expressionLib"), list):
            yield [str(text) for text in item["expressionLib"]]
