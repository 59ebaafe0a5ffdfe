"""The fingerprint of a job, field by field."""

from __future__ import annotations

import hashlib
import math
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tests.golden.independent import page
from tests.golden.independent.encoding import digest, digest_of_file
from tests.golden.independent.host import files_of, interpreter, words_of
from tests.golden.independent.job import Given, Job, as_built, evaluated, job_of
from tests.golden.independent.loading import short
from tests.golden.independent.sight import (
    RESOURCES,
    Sight,
    is_lone,
    may_hold,
    needs_javascript,
    parts,
    reaches,
    strings,
    whole_self,
)
from tests.golden.independent.tool import by_content, outputs_of, tool_of
from tests.golden.independent.value import Values, directory_in, plain

__all__ = ["fingerprint_of"]

_CWLTOOL = "http://commonwl.org/cwltool#"
_WHOLE = (
    *("ShellCommandRequirement", "InitialWorkDirRequirement", "EnvVarRequirement"),
    *("ToolTimeLimit", f"{_CWLTOOL}MPIRequirement", f"{_CWLTOOL}CUDARequirement"),
    f"{_CWLTOOL}ShmSize",
)
_OPTIONS = (
    *("custom-net", "no-read-only", "no-match-user", "strict-memory-limit"),
    "strict-cpu-limit",
)
_ENDS = ("Min", "Max")
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}


def fingerprint_of(given: Given) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fingerprint of the first job, and its outputs section."""
    return _Keying(given).fields()


@dataclass
class _Sights:
    """What the tool's expressions see, and those of its outputs."""

    tool: Sight
    outputs: Sight

    def any(self, name: str) -> bool:
        return bool(getattr(self.tool, name) or getattr(self.outputs, name))


class _Keying:
    def __init__(self, given: Given) -> None:
        self.given = given
        self.job: Job = job_of(given)
        types = self.job.requirements.get("SchemaDefRequirement", {}).get("types", [])
        by_name = {short(item["name"]): item for item in types}
        self.tool = tool_of(self.job.tool, by_name)
        self.outputs = outputs_of(self.job.tool, by_name)
        self.whole = self._whole()
        self.sights = self._look()
        named = self.job.requirements.get("DockerRequirement")
        default = given.options.get("default-container")
        self.docker: Mapping[str, Any] = named or ({"dockerPull": default} if default else {})
        self.container = bool(self.docker) and "no-container" not in given.options
        self.inputs = self._inputs()
        self.mpi = self._mpi() if f"{_CWLTOOL}MPIRequirement" in self.whole else {}

    def fields(self) -> tuple[dict[str, Any], dict[str, Any]]:
        together = "InitialWorkDirRequirement" in self.whole
        version = self.job.tool.version
        values = self._values(together=together)
        fields = {
            "tool": self.tool | self._ontology(),
            "cwl_version": version if together or self.sights.tool.has_backslash else None,
            "requirements": self._requirements(),
            "inputs": values,
            "image": self._image() if self.container else None,
            "host": {} if self.container else self._host(values),
            "runtime": self._runtime(self.sights.tool),
            "environment": self._environment(),
            "options": self._options(values),
            "salt": self.given.options.get("memo-salt", ""),
        }
        return fields, self._section()

    # requirements

    def _whole(self) -> dict[str, Any]:
        """Return the requirements that count as they are."""
        found = {}
        for name in _WHOLE:
            item = self.job.requirements.get(name)
            if item is None or (name == "ToolTimeLimit" and item["timelimit"] == 0):
                continue
            members = {n: value for n, value in item.items() if n != "class" and value is not None}
            found[name] = by_content(members)
            if name == "EnvVarRequirement":
                found[name] = {"envDef": {d["envName"]: d["envValue"] for d in members["envDef"]}}
        return found

    def _requirements(self) -> dict[str, Any]:
        found = dict(self.whole)
        if self.sights.tool.has_expression:
            found["InlineJavascriptRequirement"] = {"expressionLib": self.job.library}
        bare = {n: value for n, value in self.tool.items() if n not in ("baseCommand", "inputs")}
        inputs = [
            {n: value for n, value in item.items() if n != "default"}
            for item in self.tool["inputs"].values()
        ]
        resources = self.job.requirements.get("ResourceRequirement")
        if not self.job.has_javascript and needs_javascript([bare, inputs, self.whole, resources]):
            found.setdefault("InlineJavascriptRequirement", {})["inForce"] = False
        if self.container:
            if self.docker.get("dockerOutputDirectory"):
                directory = self.docker["dockerOutputDirectory"]
                found["DockerRequirement"] = {"dockerOutputDirectory": directory}
            if "NetworkAccess" in self.job.requirements:
                network = self.job.requirements["NetworkAccess"]["networkAccess"]
                found["NetworkAccess"] = network
        listing = self.job.requirements.get("LoadListingRequirement")
        if listing is not None and directory_in(self.inputs):
            found["LoadListingRequirement"] = listing
        return found

    # what expressions see

    def _look(self) -> _Sights:
        inputs, library = self.tool["inputs"], self.job.library
        seen = Sight.of([self.tool, self.whole], library, inputs)
        for item in inputs.values():
            if may_hold(item["type"], "File", "Directory", "Any"):
                texts = [text for text in strings(item) if parts(text) and not is_lone(text)]
                seen.locations |= any(map(whole_self, texts))
        work = self.whole.get("InitialWorkDirRequirement", {}).get("listing")
        for entry in work if isinstance(work, list) else []:
            if isinstance(entry, dict):
                seen.locations |= reaches(str(entry.get("entry")), inputs)
        return _Sights(seen, Sight.of(self.outputs, library, inputs))

    # inputs

    def _inputs(self) -> dict[str, Any]:
        given, tool = self.job.inputs, self.tool["inputs"]
        defaults = {short(i["id"]): i.get("default") for i in self.job.tool.body["inputs"]}
        found = {n: d if given.get(n) is None else given[n] for n, d in defaults.items()}
        named = self.sights.tool.named | self.sights.outputs.named
        all_count = self.sights.any("locations") or self.sights.any("by_code")
        found |= {n: v for n, v in given.items() if n not in found and (all_count or n in named)}
        patterns = {n: i["secondaryFiles"] for n, i in tool.items() if i.get("secondaryFiles")}
        is_built = (
            any("$(" in text or "${" in text for text in strings(patterns))
            or any(may_hold(item["type"], "record") for item in tool.values())
            or bool(self.sights.tool.resources | self.sights.outputs.resources)
            or bool(self.job.is_top and patterns)
        )
        return as_built(found, tool, is_top=self.job.is_top) if is_built else found

    def _values(self, *, together: bool) -> dict[str, Any]:
        secret = self.job.requirements.get(f"{_CWLTOOL}Secrets", {}).get("secrets", [])
        loaded = {
            name
            for name, item in self.tool["inputs"].items()
            if item.get("loadContents") or item.get("inputBinding", {}).get("loadContents")
        }
        values = Values(
            locations=self.sights.any("locations"),
            order=self.sights.any("order"),
            contents=self.sights.any("has_expression"),
            together=together,
            loaded=frozenset(loaded),
            secrets=frozenset(self.inputs[name] for name in secret),
            key=self.given.secret,
        )
        self.scripts = values.scripts
        found = {name: values.of(value, f"inputs.{name}") for name, value in self.inputs.items()}
        if self.sights.any("order"):
            names = [name for name in self.job.inputs if name in found]
            found["$order"] = [*names, *(name for name in self.inputs if name not in names)]
        return found

    def _ontology(self) -> dict[str, Any]:
        triples = self.job.tool.triples
        for name, item in self.tool["inputs"].items():
            given = {text for text in _formats(self.inputs[name]) if "format" in item}
            if triples and given - set(strings(item.get("format"))):
                return {"ontology": digest("\n".join(sorted(triples)))}
        return {}

    # what the runner gives

    def _image(self) -> dict[str, Any]:
        docker = self.docker
        if "dockerFile" in docker:
            return {"dockerfile": digest(docker["dockerFile"])}
        given = (docker.get(f"docker{name}") for name in ("ImageId", "Pull", "Load", "Import"))
        name = next(text for text in given if text)
        if self.given.options["memo-image"] == "name":
            return {"name": name}
        if "@sha256:" in name:
            machine = platform.machine().lower()
            default = f"linux/{_ARCHITECTURES.get(machine, machine)}"
            chosen = self.given.environment.get("DOCKER_DEFAULT_PLATFORM", default)
            return {"digest": name.partition("@")[2], "platform": chosen}
        if "singularity" in self.given.options:
            return {"sif": digest_of_file(self.given.folder / name)}
        if not self.given.inspection:
            data = (self.given.folder / docker["dockerImport"]).read_bytes()
            return {"layers": [f"sha256:{hashlib.sha256(data).hexdigest()}"], "config": {}}
        return _layers(self.given.inspection[0])

    def _host(self, values: Mapping[str, Any]) -> dict[str, str]:
        words = words_of(self.tool, self.whole, values, self.mpi.get("runner", ""))
        if self.given.options["memo-host-tools"] == "name":
            return dict.fromkeys(words[:1], "name")
        words += filter(None, map(interpreter, self.scripts))
        return files_of(words, self.given.environment["PATH"])

    def _runtime(self, sight: Sight) -> dict[str, Any]:
        asked = self.job.requirements.get("ResourceRequirement", {})
        cuda = self.job.requirements.get(f"{_CWLTOOL}CUDARequirement", {})
        ram = 1024 if self.job.tool.version == "v1.0" else 256
        defaults = {"cores": 1, "ram": ram, "tmpdirSize": 1024, "outdirSize": 1024}
        if cuda:
            defaults["cudaDeviceCount"] = 1
        found = {}
        for name in [name for name in RESOURCES if name in sight.resources and name in defaults]:
            short_name = name.removesuffix("Size")
            limits = ((cuda if "cuda" in name else asked).get(f"{short_name}{m}") for m in _ENDS)
            amount = next((limit for limit in limits if limit), defaults[name])
            amount = evaluated(amount, self.inputs)
            is_whole = name in ("cores", "cudaDeviceCount")
            found[name] = plain(amount if is_whole else math.ceil(amount))
        return found

    def _environment(self) -> dict[str, str]:
        given, options = self.given.environment, self.given.options
        names = set(options.get("preserve-environment", ()))
        if "preserve-entire-environment" in options:
            names = set(given)
        if self.sights.any("locale"):
            names |= {"TZ", "LANG", "LC_ALL"}
        kept = {n for n in names & set(given) if not n.startswith("CWL_MEMO_")} - {"_", "SHLVL"}
        return {name: digest(given[name]) for name in kept}

    def _options(self, values: dict[str, Any]) -> dict[str, Any]:
        given = {name: self.given.options.get(name) for name in _OPTIONS if self.container}
        found = {name.replace("-", "_"): value for name, value in given.items() if value}
        if "relax-path-checks" in self.given.options and any(
            not page.name_pattern().fullmatch(name) for name in _names(values)
        ):
            found["relax_path_checks"] = True
        return found | ({"mpi": self.mpi} if self.mpi else {})

    def _mpi(self) -> dict[str, Any]:
        path = self.given.folder / self.given.options["mpi-config-file"]
        given: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        defaults: dict[str, Any] = {"runner": "mpirun", "nproc_flag": "-n", "default_nproc": 1}
        defaults |= {"extra_flags": [], "env_pass": [], "env_pass_regex": [], "env_set": {}}
        found = defaults | given
        return found | {name: sorted(found[name]) for name in ("env_pass", "env_pass_regex")}

    # outputs

    def _section(self) -> dict[str, Any]:
        sight, version = self.sights.outputs, self.job.tool.version
        found: dict[str, Any] = {"outputs": self.outputs}
        runtime = self._runtime(sight)
        found |= {"runtime": runtime} if runtime else {}
        rules: dict[str, Any] = {}
        if version.startswith("v1.3"):
            rules["undeclared"] = "discarded"
        if sight.has_expression:
            found["expressionLib"] = self.job.library
            listing = self.job.requirements.get("LoadListingRequirement", {}).get("loadListing")
            if listing not in (None, "no_listing"):
                found["loadListing"] = listing
            if version == "v1.0":
                rules["exitCode"] = "absent"
        if sight.has_backslash:
            rules["cwlVersion"] = version
        if not self.job.has_javascript and needs_javascript(self.outputs):
            rules["javascript"] = "absent"
        return found | {"rules": rules}


def _formats(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _formats(item)]
    if isinstance(value, dict) and value.get("class") != "File":
        return [text for item in value.values() for text in _formats(item)]
    return [value["format"]] if isinstance(value, dict) and "format" in value else []


def _layers(image: Mapping[str, Any]) -> dict[str, Any]:
    config = image["Config"]
    names = ("Cmd", "Entrypoint", "Env", "User", "Volumes", "WorkingDir")
    found = {name: config[name] for name in names if config.get(name)}
    if "Volumes" in found:
        found["Volumes"] = sorted(found["Volumes"])
    variables = found.get("Env", [])
    if len({text.partition("=")[0] for text in variables}) == len(variables) > 0:
        found["Env"] = sorted(variables)
    return {"layers": image["RootFS"]["Layers"], "config": found}


def _names(value: Any) -> Iterator[str]:
    """Yield the names of the Files and Directories of a field, those in a tree too."""
    if isinstance(value, list):
        for item in value:
            yield from _names(item)
    elif isinstance(value, dict):
        if value.get("class") in {"File", "Directory"} and "basename" in value:
            yield value["basename"]
        tree = value.get("tree")
        yield from tree if isinstance(tree, dict) else ()
        for item in value.values():
            yield from _names(item)
