"""The research object of ``--provenance``: what it says of a job that was reused.

cwltool writes the provenance of a job as it executes it, and marks each File, Directory
and record on its way with an id of the research object. A tool's expressions could see these
marks, and so could a key: they are taken off before a job is looked at, and are put back for
what cwltool writes of it.
"""

from __future__ import annotations

import datetime as dt
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from cwl_memo.core.entry import Entry
from cwl_memo.cwl.door import CommandLineTool, JobBase, RuntimeContext
from cwl_memo.cwl.location import is_file_object, is_scalar
from cwl_memo.cwl.wait import WaitJob

if TYPE_CHECKING:
    from cwl_memo.cwl.door import ProvenanceProfile

__all__ = ["Listings", "execution_uri", "profile_of", "tell_reuse", "unmarked", "with_marks"]

NAMESPACE: Final = uuid.UUID("0f3c1b0e-6a0e-5d7e-9a6b-5a1b6f0f2d11")
"""Within which ids of executions are made of run and job (RFC 9562, version 5)."""

VOCABULARY: Final = "urn:cwl-memo:provenance#"
"""Names of what PROV and CWLProv have no word for."""

_MARK: Final = "@id"
_OURS: Final = "urn:uuid:"


def execution_uri(run: str, job: str) -> str:
    """Return the URI of a job's execution, the same in whatever research object names it."""
    return uuid.uuid5(NAMESPACE, f"{run}/{job}").urn


def profile_of(tool: CommandLineTool) -> ProvenanceProfile | None:
    """Return where cwltool writes the provenance of a tool's jobs; None for nowhere."""
    # The first for a tool that is run by itself, which has no workflow around it.
    return tool.provenance_object or tool.prov_obj


# marks


def _is_mark(name: object, value: object) -> bool:
    return name == _MARK and isinstance(value, str) and value.startswith(_OURS)


def unmarked(value: Any) -> Any:
    """Return a copy of a value of an input object, without the marks of a research object."""
    if isinstance(value, Mapping):
        return {k: unmarked(item) for k, item in value.items() if not _is_mark(k, item)}
    if is_scalar(value):
        return value
    return [unmarked(item) for item in value]


def with_marks(value: Any, marked: Any) -> Any:
    """Return a copy of a value with the marks that stand in another of the same shape."""
    if isinstance(value, Mapping):
        fields = marked if isinstance(marked, Mapping) else {}
        copy = {k: with_marks(item, fields.get(k)) for k, item in value.items()}
        mark = fields.get(_MARK)
        return {**copy, _MARK: mark} if _is_mark(_MARK, mark) else copy
    if is_scalar(value):
        return value
    items = [] if is_scalar(marked) or isinstance(marked, Mapping) else marked
    return [with_marks(item, m) for item, m in zip_longest(value, items[: len(value)])]


class Listings:
    """The Directories of an output object that list nothing.

    To describe one cwltool gives it a listing, which the next tool would see.
    """

    def __init__(self) -> None:
        self._bare: list[Any] = []

    def note(self, outputs: Any) -> None:
        """Take note of them."""
        self._bare += [item for item in _directories_in(outputs) if "listing" not in item]

    def watch(self, job: JobBase) -> None:
        """Take note of those that a job gives, as soon as they are collected."""
        collect = job.collect_outputs

        def collect_and_note(outdir: str, rcode: int) -> Any:
            outputs = collect(outdir, rcode)
            self.note(outputs)
            return outputs

        job.collect_outputs = collect_and_note

    def take_off(self) -> None:
        """Take off what they have been given."""
        for item in self._bare:
            item.pop("listing", None)


def _directories_in(value: Any) -> Iterator[Any]:
    if is_scalar(value):
        return
    if isinstance(value, Mapping) and is_file_object(value, "Directory"):
        yield value
    for item in value.values() if isinstance(value, Mapping) else value:
        yield from _directories_in(item)


# a hit


def tell_reuse(
    tool: CommandLineTool,
    context: RuntimeContext,
    inputs: Any,
    outputs: Mapping[str, Any],
    entry: Entry,
) -> None:
    """Write that a job was reused: as cwltool writes of one that it executes, and from where.

    :param inputs: the input object, marked.
    :param outputs: is marked, as cwltool would do it.
    :raises ValueError: if cwltool has no way to describe a value.
    :raises OSError: if a file cannot be read, or not be put into the research object.
    """
    profile: Any = profile_of(tool)
    profile.fsaccess = context.make_fs_access("")
    document = profile.document
    listings = Listings()
    listings.note(outputs)
    # What can fail comes first: until then, nothing is said of the job.
    entities = {name: profile.declare_artefact(value) for name, value in outputs.items()}
    listings.take_off()
    activity = _begin(tool, profile, context, inputs)
    profile.used_artefacts(inputs, activity, context.name)
    memo = document.add_namespace("memo", VOCABULARY)
    origin, ended = _tell_origin(document, memo, entry, with_host=profile.host_provenance)
    document.wasInformedBy(activity, origin, other_attributes={"prov:type": memo["Reuse"]})
    name = urllib.parse.quote(context.name, safe=":/,#")
    for port, entity in entities.items():
        when, role = dt.datetime.now(), profile.wf_ns[f"main/{name}/{port}"]  # noqa: DTZ005
        document.wasGeneratedBy(entity, activity, when, None, {"prov:role": role})
        if outputs[port] is not None:
            # What two activities have generated are two entities, though their bytes be one.
            first = uuid.uuid5(uuid.UUID(origin), port).urn
            document.entity(first, {"prov:label": f"Output {port} of the original execution"})
            document.wasGeneratedBy(first, origin, ended)
            document.wasDerivedFrom(entity, first, activity)
    document.wasEndedBy(activity, None, profile.workflow_run_uri, dt.datetime.now())  # noqa: DTZ005


def _begin(tool: CommandLineTool, profile: Any, context: RuntimeContext, inputs: Any) -> str:
    """Write that the job has begun, as cwltool's executor does; return its activity."""
    if tool.provenance_object is not None:
        # Run by itself: the job is the run. No kind of job but a workflow's makes a difference.
        profile.evaluate(tool, WaitJob().job, inputs, context.research_obj)
        return str(profile.workflow_run_uri)
    name = urllib.parse.quote(context.name, safe=":/,#")
    return str(profile.start_process(name, dt.datetime.now()))  # noqa: DTZ005  (as cwltool)


def _tell_origin(
    document: Any, memo: Any, entry: Entry, *, with_host: bool
) -> tuple[str, dt.datetime | None]:
    """Write of the original execution what its entry tells; return its URI and its end."""
    origin = entry.origin
    uri = execution_uri(origin.run, origin.job)
    facts = {
        "run": origin.run,
        "job": origin.job,
        "tool": origin.tool,
        "runner": origin.runner,
        "reuseKey": entry.key.hex,
        # Only who asks for it wants machines named in what is published.
        "host": origin.host if with_host else "",
    }
    started = _local_time(origin.started)
    ended = None if started is None else started + dt.timedelta(seconds=origin.seconds)
    attributes = [(memo[name], fact) for name, fact in facts.items() if fact]
    label = f"Original execution of {origin.job} in run {origin.run}"
    if not document.get_record(uri):
        kinds = [("prov:type", memo["Execution"]), ("prov:label", label)]
        document.activity(uri, started, ended, [*kinds, *attributes])
    return uri, ended


def _local_time(text: str) -> dt.datetime | None:
    """Return a time as cwltool writes times: of the local zone, which is not named."""
    try:
        return dt.datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
