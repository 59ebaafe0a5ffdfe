"""From a tool and an input object to the facts of a job.

No JavaScript is run here unless the document itself makes a decision about reuse, files
or resources depend on it; then cwltool's own builder runs it.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.core.facts import JobFacts, JobTraits
from cwl_memo.core.outcome import Reason, Refusal
from cwl_memo.core.settings import Directories, HostTools, ImageIdentity, Network, Settings
from cwl_memo.cwl import requirement, work_reuse
from cwl_memo.cwl.document import plain
from cwl_memo.cwl.door import (
    ORIGINAL_CWLVERSION,
    BNode,
    Builder,
    CommandLineJob,
    CommandLineTool,
    RuntimeContext,
    SecretStore,
    WorkflowException,
    shortname,
)
from cwl_memo.cwl.expression import (
    ExpressionUse,
    strings_in,
)
from cwl_memo.cwl.files import (
    FileFacts,
    Known,
    Locate,
    Secrets,
    Sources,
    UnkeyableError,
    directories_in,
)
from cwl_memo.cwl.host import TOO_MANY_WORDS, HostPrograms, named_host, words_of_command
from cwl_memo.cwl.image import ImageResolver, UnresolvedImage, named_image
from cwl_memo.cwl.location import local_path
from cwl_memo.cwl.script import Scripts
from cwl_memo.cwl.static import Static, library_of, read_static, version_counts
from cwl_memo.cwl.surroundings import (
    environment,
    options,
    output_rules,
    resources,
    without_directories,
)
from cwl_memo.cwl.type import (
    binding_texts,
    formats_in,
    secondary_patterns,
)
from cwl_memo.memo import Memo
from cwl_memo.store.protocol import FileDigest, FileIdentity

__all__ = ["Gathered", "ToolFacts", "tool_label"]

_REQUIREMENTS_INPUT: Final = ("cwl:requirements", "https://w3id.org/cwl/cwl#requirements")
_LAST: Final = 2**31
_WORD_LISTS: Final = 64
"""For how many input objects of a tool its words are remembered; those of Files are alike."""


@dataclass(frozen=True)
class Gathered:
    """The facts of one job, and what they were read from.

    :param inputs: the input object with its defaults, as the facts describe it.
    :param container: whether the job runs in a container.
    :param awaited: why its image can only be known once the job has run; else empty.
    """

    facts: JobFacts
    sources: Sources
    inputs: Mapping[str, Any]
    container: bool = False
    awaited: str = ""


class ToolFacts:
    """Gathers the facts of a tool's jobs.

    :param tool: a loaded CommandLineTool.
    :param memo: gives digests, settings and the key for secrets.
    :param known: knows files of reused jobs that are not on disk yet.
    :param images: returns what finds out about container images, for a context.
    :param programs: knows the programs of this machine.
    :param locate: returns the path of a location.
    :param besides: how the names of variables begin that do not count where all are let through.
    """

    def __init__(
        self,
        tool: CommandLineTool,
        memo: Memo,
        known: Known,
        images: Callable[[RuntimeContext], ImageResolver],
        programs: HostPrograms,
        locate: Locate = local_path,
        besides: tuple[str, ...] = (),
    ) -> None:
        self._locate = locate
        self._besides = besides
        self._programs = programs
        self._scripts = Scripts(memo)
        self._tool = tool
        self._memo = memo
        self._known = known
        self._images = images
        self._cached: Static | None = None
        types = (tool.inputs_record_schema, tool.schemaDefs)
        # Without any Any nothing is ever noted down: see forget_types.
        self._types = copy.deepcopy(types) if "Any" in repr(types) else None
        self.label = tool_label(str(tool.tool.get("id", "")))
        self._ports = [(shortname(item["id"]), item) for item in tool.tool["inputs"]]

    @property
    def _settings(self) -> Settings:
        return self._memo.settings

    @property
    def stream_names(self) -> Mapping[str, str]:
        """Names that cwltool made up for redirected streams."""
        return self._static().document.stream_names

    def _static(self) -> Static:
        # An executor may add ``cwl:requirements`` after the tool was made, and cwltool
        # a default container.
        seen = (*self._tool.requirements, None, *self._tool.hints)
        cached = self._cached
        if (
            cached is None
            or len(cached.seen) != len(seen)
            or any(was is not now for was, now in zip(cached.seen, seen, strict=True))
        ):
            cached = self._cached = read_static(
                self._tool, self._file_facts(None, os.getcwd(), None)
            )
            cached.seen = seen
        return cached

    def _file_facts(
        self, secrets: SecretStore | None, basedir: str, static: Static | None
    ) -> FileFacts:
        """Return what reads the facts of the inputs; without ``static``, of the document."""
        uses = [ExpressionUse(any=True)]
        loaded: frozenset[str] = frozenset()
        together = False
        if static is not None:
            uses = [static.tool_use, static.output_use]
            loaded = static.loaded
            together = "InitialWorkDirRequirement" in static.requirements
        hidden = Secrets(None, b"")
        if secrets is not None and secrets.secrets:
            hidden = Secrets(secrets.secrets, self._memo.secret())
        return FileFacts(
            self._memo,
            self._known,
            hidden,
            basedir,
            uses,
            loaded,
            together=together,
            locate=self._locate,
        )

    # what may be refused

    def traits(
        self,
        job_order: Mapping[str, Any],
        context: RuntimeContext,
        work_reuse_of_run: work_reuse.OfRun | None = None,
    ) -> JobTraits:
        """Return what decides whether the job may be reused at all.

        :param work_reuse_of_run: that of the process which the user runs.
        :raises WorkflowException: if ``enableReuse`` is an expression that does not
            give a boolean.
        """
        static = self._static()
        found = static.found
        inplace = found.get("InplaceUpdateRequirement") or {}
        inputs = self._with_defaults(job_order)
        return JobTraits(
            label=self.label,
            work_reuse=self._work_reuse(job_order, context, work_reuse_of_run),
            inplace_update=bool(inplace.get("inplaceUpdate")),
            network=self._network(found.get("NetworkAccess"), job_order, context),
            directory_inputs=tuple(directories_in(inputs)),
            directory_outputs=static.directory_outputs,
            nondeterministic=(
                *static.tool_use.nondeterministic,
                *static.output_use.nondeterministic,
            ),
        )

    def _work_reuse(
        self,
        job_order: Mapping[str, Any],
        context: RuntimeContext,
        of_the_run: work_reuse.OfRun | None,
    ) -> bool:
        item = work_reuse.in_force(self._tool, of_the_run)
        value = True if item is None else item.get("enableReuse", True)
        if isinstance(value, str):
            expression = value
            value = self._builder(job_order, context).do_eval(expression)
            if not isinstance(value, bool):
                raise WorkflowException(
                    "'enableReuse' expression must evaluate to a boolean. "
                    f"Got {value!r} for expression {expression!r}."
                )
        return bool(value)

    def _network(
        self, item: Mapping[str, Any] | None, job_order: Mapping[str, Any], context: RuntimeContext
    ) -> bool:
        value = (item or {}).get("networkAccess", False)
        if not isinstance(value, str):
            return bool(value)
        if self._settings.network is Network.ALLOW:
            return True  # only marked in reports: not worth an evaluation
        return bool(self._builder(job_order, context).do_eval(value))

    def forget_types(self) -> None:
        """Undo what cwltool noted down about the values of earlier jobs.

        It takes an input of type ``Any`` to have the type that its first value had, also
        within a type of SchemaDefRequirement, so that a job's result would depend on which
        jobs ran before it.
        """
        if self._types is not None:
            schema, named = copy.deepcopy(self._types)
            self._tool.inputs_record_schema = schema
            self._tool.schemaDefs = named

    def _builder(self, job_order: Mapping[str, Any], context: RuntimeContext) -> Builder:
        """Return cwltool's own view of the job, without making a directory for it."""
        self.forget_types()
        return self._tool._init_job(dict(job_order), without_directories(context))  # noqa: SLF001

    def _with_defaults(self, job_order: Mapping[str, Any]) -> dict[str, Any]:
        inputs: dict[str, Any] = {}
        for name, item in self._ports:
            value = job_order.get(name)
            inputs[name] = item.get("default") if value is None else value
        return inputs

    # what decides the result

    def gather(
        self, traits: JobTraits, job_order: Mapping[str, Any], context: RuntimeContext
    ) -> Gathered | Refusal:
        """Return the facts of a job, or why it cannot be keyed.

        :raises WorkflowException: what cwltool raises for a job that it rejects.
        """
        try:
            return self._gather(traits, job_order, context)
        except UnkeyableError as error:
            return error.refusal

    def _gather(
        self, traits: JobTraits, job_order: Mapping[str, Any], context: RuntimeContext
    ) -> Gathered | Refusal:
        static = self._static()
        document, found = static.document, static.found
        uses = (static.tool_use, static.output_use)
        named = static.tool_use.resources | static.output_use.resources
        builder = None
        if static.needs_builder or named or self._discovers(static, context):
            builder = self._builder(job_order, context)
        inputs = self._inputs(static, job_order if builder is None else builder.job)
        found_below = directories_in(inputs) if builder is not None else []
        if found_below and self._settings.directories is Directories.REFUSE:
            return Refusal(Reason.DIRECTORY_INPUT, ", ".join(found_below))
        files = self._file_facts(context.secret_store, context.basedir or os.getcwd(), static)
        values = files.values(inputs)
        if any(use.order for use in uses):
            # As cwltool puts them before an expression: as given, defaults last.
            given = [name for name in job_order if name in inputs]
            values["$order"] = [*given, *(name for name in inputs if name not in job_order)]
        files.sources.merge(static.sources)

        container = self._tool.make_job_runner(context) is not CommandLineJob
        image = self._image(context) if container else None
        awaited = ""
        if isinstance(image, UnresolvedImage):
            if not image.pending:
                return Refusal(Reason.IMAGE_NOT_PINNED, image.why)
            awaited, image = image.why, None
        version = str(self._tool.metadata.get(ORIGINAL_CWLVERSION) or "")
        outputs = static.section
        if outputs is None:
            outputs = static.section = self._section(static, version)
        evaluated = resources(builder, static.output_use)
        if evaluated:
            outputs = {**outputs, "runtime": evaluated}
        formats = self._formats(static, values)
        facts = JobFacts(
            traits=traits,
            tool={**document.tool, **formats} if formats else document.tool,
            outputs=outputs,
            requirements=self._requirements(static, traits, context, container=container),
            inputs=values,
            cwl_version=version if version_counts(static) else None,
            image=image,
            host={} if container else self._host(static, values, files, context),
            runtime=resources(builder, static.tool_use),
            environment=environment(context, *uses, besides=self._besides),
            options=options(
                context, found, values, self._tool.path_check_mode, container=container
            ),
        )
        return Gathered(facts, files.sources, inputs, container=container, awaited=awaited)

    def _section(self, static: Static, version: str) -> dict[str, JSON]:
        """Return the outputs section, with what else decides about what is collected."""
        section: dict[str, JSON] = {"outputs": static.document.outputs}
        if static.output_use.any:
            section["expressionLib"] = library_of(self._tool)
            listing = static.found.get("LoadListingRequirement") or {}
            if listing.get("loadListing", "no_listing") != "no_listing":
                section["loadListing"] = str(listing["loadListing"])
        section["rules"] = output_rules(version, static.output_use)
        if static.outputs_rejected:
            section["rules"] |= {"javascript": "absent"}
        return section

    def _discovers(self, static: Static, context: RuntimeContext) -> bool:
        """Tell whether cwltool will look for secondaryFiles beside the inputs.

        It does so for the inputs of the process that the user runs, not of its steps.
        """
        return bool(context.toplevel) and any(
            secondary_patterns(item) for item in static.document.tool["inputs"].values()
        )

    def _inputs(self, static: Static, job_order: Mapping[str, Any]) -> dict[str, Any]:
        inputs = self._with_defaults(job_order)
        uses = (static.tool_use, static.output_use)
        named = static.tool_use.inputs | static.output_use.inputs
        for name, value in job_order.items():
            if name in inputs or name in _REQUIREMENTS_INPUT:
                continue
            # Not an input of the tool, but an expression can see it all the same.
            if name in named or any(use.locations or use.computed for use in uses):
                inputs[name] = value
        return inputs

    def _requirements(
        self, static: Static, traits: JobTraits, context: RuntimeContext, *, container: bool
    ) -> dict[str, JSON]:
        found = static.found
        result = dict(static.requirements)
        if static.tool_use.any:
            library = library_of(self._tool)
            result["InlineJavascriptRequirement"] = {"expressionLib": library}
        if static.tool_rejected:
            given = result.get("InlineJavascriptRequirement", {})
            result["InlineJavascriptRequirement"] = {**given, "inForce": False}
        if container:
            docker = found.get("DockerRequirement") or {}
            if docker.get("dockerOutputDirectory"):
                directory = str(docker["dockerOutputDirectory"])
                result["DockerRequirement"] = {"dockerOutputDirectory": directory}
            if "NetworkAccess" in found:
                result["NetworkAccess"] = plain(found["NetworkAccess"]["networkAccess"])
        if context.job_script_provider is not None and "SoftwareRequirement" in found:
            result["SoftwareRequirement"] = plain(found["SoftwareRequirement"].get("packages"))
        if traits.directory_inputs and "LoadListingRequirement" in found:
            result["LoadListingRequirement"] = plain(found["LoadListingRequirement"])
        return result

    def _image(self, context: RuntimeContext) -> JSON | UnresolvedImage:
        docker = self._docker(context)
        if self._settings.image is ImageIdentity.NAME:
            return named_image(docker).identity
        images = self._images(context)
        resolved = images.resolve(docker, force_pull=bool(context.force_docker_pull))
        return resolved if isinstance(resolved, UnresolvedImage) else resolved.identity

    def _docker(self, context: RuntimeContext) -> Mapping[str, Any]:
        docker, _ = self._tool.get_requirement("DockerRequirement")
        return docker or {"dockerPull": context.default_container}

    def image_that_ran(self, context: RuntimeContext) -> JSON:
        """Return the identity of the image that a job has just run in; None if unknown.

        The execution may have pulled it, or a newer one under its name.
        """
        if self._settings.image is ImageIdentity.DIGEST:
            self._images(context).forget(self._docker(context))
        image = self._image(context)
        return None if isinstance(image, UnresolvedImage) else image

    def _host(
        self,
        static: Static,
        values: Mapping[str, JSON],
        files: FileFacts,
        context: RuntimeContext,
    ) -> JSON:
        given = tuple(strings_in(_values_only(values)))
        words = static.words.get(given)
        if words is None:
            words = self._words(static, given, context)
            if len(static.words) < _WORD_LISTS and len(words) <= TOO_MANY_WORDS:
                static.words[given] = words
        if self._settings.host_tools is HostTools.NAME:
            return named_host(words)

        def digest(path: Any) -> tuple[str, tuple[FileDigest, FileIdentity]]:
            found = self._memo.digest_file(path)
            return str(found[0].digest), found

        path = os.environ.get("PATH", os.defpath)
        words = list(dict.fromkeys([*words, *self._scripts.interpreters(files.sources)]))
        programs, found = self._programs.identity(words, path, digest)
        for file, (known, identity) in found.items():
            files.sources.programs[file] = known
            files.sources.identities[file] = identity
        return dict(programs)

    def _words(self, static: Static, texts: tuple[str, ...], context: RuntimeContext) -> list[str]:
        """Return the words that may name programs.

        :param texts: of the input object.
        """
        document = static.document.tool
        base = document["baseCommand"]
        given = [*texts, *binding_texts(document["inputs"])]
        files_made = static.requirements.get("InitialWorkDirRequirement")
        variables = static.requirements.get("EnvVarRequirement")
        elsewhere = [*strings_in(files_made), *strings_in(variables), *given]
        # Last in line: what comes from elsewhere does not decide which program it is.
        others = [{"position": _LAST, "valueFrom": text} for text in elsewhere]
        shell = "ShellCommandRequirement" in static.found
        words = words_of_command(base, [*document["arguments"], *others], shell=shell)
        if requirement.MPI in static.found:
            words.append(context.mpi_config.runner)
        if not base:
            words = list(dict.fromkeys([*words, *given]))  # the program may be an input
        return words

    def _formats(self, static: Static, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return the ontology by which a File's format was accepted, if one was needed."""
        graph = self._tool.formatgraph
        for name, item in static.document.tool["inputs"].items():
            wanted = item.get("format")
            if wanted is None or graph is None or not len(graph):
                continue
            given = set(formats_in(values.get(name)))
            if given - set(strings_in(wanted)):
                # Blank nodes are named anew at each reading, and no format is found by one.
                named = (t for t in graph if not any(isinstance(part, BNode) for part in t))
                data = "\n".join(sorted(" ".join(map(str, t)) for t in named)).encode(
                    "utf-8", "surrogatepass"
                )
                return {"ontology": str(digest_of_bytes(data))}
        return {}


def _values_only(value: JSON) -> JSON:
    """Return the facts of an input object without those of its Files."""
    if isinstance(value, dict):
        is_file = value.get("class") in ("File", "Directory")
        return None if is_file else {name: _values_only(item) for name, item in value.items()}
    return [_values_only(item) for item in value] if isinstance(value, list) else value


def tool_label(identifier: str) -> str:
    """Return a tool's name for people: stable across edits, moves and runs."""
    location, _, fragment = identifier.partition("#")
    name = location.rstrip("/").rpartition("/")[2]
    if identifier.startswith("_:"):
        return fragment or "tool"
    return f"{name}#{fragment}" if fragment else name
