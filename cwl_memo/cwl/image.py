"""Finds the identity of the image that a job with a DockerRequirement would run in.

The image is the one that cwltool would *run*, which is not always the one named by
``dockerPull``. What decides, first match wins:

========================= ==============================================================
docker, podman            ``dockerFile``: built anew by each run of cwltool, so its text;
                          else the image ``dockerImageId`` (by default ``dockerPull``):
                          by the digest in its name; as the engine has it; and where it
                          does not, as the registry (``dockerPull``) or the archive
                          (``dockerLoad``, ``dockerImport``) has it
user-space docker command ``dockerImageId``, else ``dockerPull``, likewise; the rest is
                          ignored by cwltool
Singularity, Apptainer    the file that ``dockerImageId`` or ``dockerPull`` leads to; the
                          text of a ``dockerFile`` that has no name
========================= ==============================================================

A look in a registry or an archive gives the identity that the image has once it is there,
so a key is the same before and after, and a hit needs no pull.

The forms of an identity stand in :mod:`cwl_memo.cwl.image_identity`. No cwltool is needed
here: a DockerRequirement is a plain mapping, an engine a few plain options.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from cwl_memo.core.digest import digest_of_bytes
from cwl_memo.cwl.image_file import (
    SingularityFiles,
    identity_in_archive,
    identity_of_import,
    sif_names,
    sif_names_of_older_cwltool,
)
from cwl_memo.cwl.image_identity import (
    Resolution,
    ResolvedImage,
    Source,
    UnresolvedImage,
    has_registry,
    host_platform,
    pinned_identity,
)
from cwl_memo.cwl.image_inspect import (
    TIMEOUT,
    BuildxRegistry,
    ImageInspector,
    ImageStore,
    SkopeoRegistry,
    UdockerStore,
)

__all__ = [
    "Engine",
    "EngineKind",
    "ImageInspector",
    "ImageResolver",
    "Resolution",
    "ResolvedImage",
    "Source",
    "UnresolvedImage",
    "named_image",
]


class EngineKind(Enum):
    """What runs containers, as far as it decides how an image is found."""

    DOCKER = "docker"
    PODMAN = "podman"
    UDOCKER = "udocker"
    SINGULARITY = "singularity"
    OTHER = "other"
    """A user-space docker command that nothing is known of."""


@dataclass(frozen=True)
class Engine:
    """A container engine.

    :param kind: which one.
    :param command: the program.
    :param user_space: whether it is used as ``--user-space-docker-cmd``; cwltool then
        pulls, builds and loads nothing.
    """

    kind: EngineKind
    command: str
    user_space: bool = False

    @classmethod
    def chosen(
        cls, *, singularity: bool, podman: bool, user_space_docker_cmd: str | None
    ) -> Engine:
        """Return the engine that cwltool's options choose, as cwltool ranks them."""
        if singularity:
            return cls(EngineKind.SINGULARITY, "singularity")
        if user_space_docker_cmd:
            name = Path(user_space_docker_cmd).name
            kind = EngineKind.OTHER
            if "udocker" in user_space_docker_cmd:
                kind = EngineKind.UDOCKER
            elif name in {"docker", "podman"}:
                kind = EngineKind(name)
            return cls(kind, user_space_docker_cmd, user_space=True)
        name = "podman" if podman else "docker"
        return cls(EngineKind(name), name)


@dataclass(frozen=True)
class _Request:
    """What a DockerRequirement says of its image.

    cwltool writes the name of ``dockerPull`` into ``dockerImageId`` when it has found or
    pulled the image; that is taken away, so that each job of a tool asks for the same.

    :param fetch: whether cwltool will fetch the image though it may be here.
    """

    image_id: str
    pull: str
    file: str
    load: str
    archive: str
    fetch: bool = False

    @classmethod
    def of(cls, requirement: Mapping[str, Any]) -> _Request:
        text = {name: str(value) for name, value in requirement.items() if value}
        request = cls(
            image_id=text.get("dockerImageId", ""),
            pull=text.get("dockerPull", ""),
            file=text.get("dockerFile", ""),
            load=text.get("dockerLoad", ""),
            archive=text.get("dockerImport", ""),
        )
        return replace(request, image_id="") if request.image_id == request.pull else request

    @property
    def name(self) -> str:
        """The image that an engine of docker's kind runs."""
        return self.image_id or self.pull

    @property
    def names(self) -> set[str]:
        """The images that an execution may bring here."""
        return {self.image_id, self.pull} - {""}

    def is_sif_of(self, reference: str) -> bool:
        """Tell whether the id is the file that cwltool makes of an image."""
        bare = reference.removeprefix("docker://")
        tagged = bare if ":" in bare else f"{bare}:latest"
        names = {*sif_names(tagged), *sif_names_of_older_cwltool(bare)}
        return bool(reference) and Path(self.image_id).name in names


@dataclass
class _Slot:
    """One question and, once it was asked, its answer."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answer: Resolution | None = None


def named_image(requirement: Mapping[str, Any]) -> ResolvedImage:
    """Return the identity of an image by its name, where the settings ask for no more."""
    request = _Request.of(requirement)
    if request.file:
        return _built_from(request.file)
    derived = request.is_sif_of(request.pull)
    name = request.pull if derived else request.name
    return ResolvedImage({"name": name or request.load or request.archive}, Source.NAME)


class ImageResolver:
    """Finds image identities, asking once for each image.

    Answers are kept, also those that an image is not there, until :meth:`forget`. A tag
    may be moved from one run to the next: make a resolver for each run. May be used by
    several threads; two that ask for one image wait for one look.

    :param engine: what will run the containers.
    :param digest: returns the digest of a file's content, as ``blake3:…``.
    :param environ: the environment that cwltool runs in; by default this process's.
    :param machine: the architecture of the machine; by default this one's.
    :param base_path: cwltool's ``--image-base-path``.
    :param first_match: see :class:`~cwl_memo.cwl.image_file.SingularityFiles`.
    :param timeout: seconds that one program may take to answer.
    """

    def __init__(
        self,
        engine: Engine,
        digest: Callable[[Path], str],
        *,
        environ: Mapping[str, str] | None = None,
        machine: str = "",
        base_path: str = "",
        first_match: bool = True,
        timeout: float = TIMEOUT,
    ) -> None:
        self._engine = engine
        environ = os.environ if environ is None else environ
        self._platform = host_platform(machine or platform.machine())
        if engine.kind is EngineKind.DOCKER:
            self._platform = environ.get("DOCKER_DEFAULT_PLATFORM") or self._platform
        self._first_match = first_match
        self._files = SingularityFiles(
            digest, environ, base_path=base_path, first_match=first_match, timeout=timeout
        )
        store = UdockerStore if engine.kind is EngineKind.UDOCKER else ImageStore
        self._store: ImageInspector = store(engine.command, timeout=timeout)
        self._registries: list[ImageInspector] = []
        if engine.kind in {EngineKind.DOCKER, EngineKind.PODMAN, EngineKind.UDOCKER}:
            self._registries.append(SkopeoRegistry(self._platform, timeout=timeout))
        if engine.kind is EngineKind.DOCKER:
            self._registries.append(BuildxRegistry(self._platform, timeout=timeout))
        self._lock = threading.Lock()
        self._slots: dict[_Request, _Slot] = {}
        self._fetched: set[str] = set()
        self.answers: dict[Any, tuple[dict[str, Any], Resolution]] = {}
        """Each DockerRequirement that was asked about, and the last answer."""

    def resolve(self, requirement: Mapping[str, Any], *, force_pull: bool = False) -> Resolution:
        """Return the identity of the image of a DockerRequirement, or why it is not known.

        The answer tells where the identity was found. One from a registry or an archive
        is what an execution will fetch if nothing changes meanwhile: look again after it,
        and record the job only if the identity is still the same.

        :param requirement: the DockerRequirement, or ``{"dockerPull": …}`` for a default
            container. Not changed.
        :param force_pull: cwltool's ``--force-docker-pull``: what is here does not count,
            since an execution would fetch the image anew.
        """
        request = _Request.of(requirement)
        if force_pull and (request.pull or request.load or request.archive):
            request = replace(request, fetch=True)
        with self._lock:
            slot = self._slots.setdefault(request, _Slot())
        with slot.lock:
            if slot.answer is None:
                slot.answer = self._look(request)
            self.answers[request] = (dict(requirement), slot.answer)
            return slot.answer

    def forget(self, requirement: Mapping[str, Any]) -> None:
        """Look anew for an image, since a job has run in it.

        The execution may have pulled, loaded or built the image, so an answer from before
        that does not tell what runs from here on. What the engine had stays known: to
        call this after each job costs no second inspection. cwltool fetches an image once
        a run: with ``force_pull``, what docker or podman has now is not fetched again.
        """
        request = _Request.of(requirement)
        with self._lock:
            self._fetched |= request.names
            for known, slot in list(self._slots.items()):
                is_same = replace(known, fetch=False) == request
                is_touched = is_same or not request.names.isdisjoint(known.names)
                if is_touched and (request.file or _may_change(slot.answer)):
                    del self._slots[known]

    def _look(self, request: _Request) -> Resolution:
        if self._engine.kind is EngineKind.SINGULARITY:
            return self._look_for_file(request)
        if request.file and not self._engine.user_space:
            return _built_from(request.file)
        name = request.name
        if not name:
            return UnresolvedImage("the DockerRequirement names no image that can be run")
        # It would be read as an option of the program that is asked.
        if name.startswith("-") or name.split() != [name]:
            return UnresolvedImage(f"{name!r} is not the name of an image")
        if pinned := pinned_identity(name, self._platform):
            return pinned
        with self._lock:
            fetch = request.fetch and not self._engine.user_space and name not in self._fetched
        if fetch:
            local: Resolution = UnresolvedImage(f"{name} will be fetched anew", pending=True)
        else:
            local = self._store.inspect(name)
        if isinstance(local, ResolvedImage) or not local.pending:
            return local
        return self._foretell(request, local)

    def _foretell(self, request: _Request, absent: UnresolvedImage) -> Resolution:
        """Return the identity that an absent image will have when it was fetched."""
        if not request.image_id or self._engine.user_space:
            return self._ask_registries(request.name, absent)
        if request.pull:
            why = f"{absent.why}, and its dockerPull is {request.pull}"
            return UnresolvedImage(why, pending=True)
        source = request.load or request.archive
        if not source:
            return absent
        # A pipe would block, and what was read from it would be gone.
        if not Path(source).is_file():
            return UnresolvedImage(f"{absent.why}, and {source} is no file", pending=True)
        if request.load:
            return identity_in_archive(Path(source), request.name)
        return identity_of_import(Path(source))

    def _ask_registries(self, name: str, absent: UnresolvedImage) -> Resolution:
        # Where podman looks for a short name depends on its own configuration.
        if self._engine.kind is EngineKind.PODMAN and (
            not has_registry(name) or name.startswith("localhost/")
        ):
            return absent
        complaints = [absent.why]
        for registry in self._registries:
            answer = registry.inspect(name)
            if isinstance(answer, ResolvedImage):
                return answer
            complaints.append(answer.why)
        return UnresolvedImage("; ".join(complaints), pending=True)

    def _look_for_file(self, request: _Request) -> Resolution:
        pinned = pinned_identity(request.pull.removeprefix("docker://"), self._platform)
        if pinned and (not request.image_id or request.is_sif_of(request.pull)):
            return pinned
        if request.file and not request.name:
            # cwltool names the image by a digest of the text.
            return _built_from(request.file)
        name = request.name or request.load
        if not name:
            return UnresolvedImage("the DockerRequirement names no image that can be run")
        if request.file and not self._first_match:
            return UnresolvedImage(f"cwltool may build {name} anew or find it, by its release")
        if request.fetch:
            return UnresolvedImage(f"{name} will be fetched anew", pending=True)
        if request.image_id:
            return self._files.inspect_id(name)
        return self._files.inspect(name) if request.pull else self._files.inspect_load(name)


def _may_change(answer: Resolution | None) -> bool:
    if isinstance(answer, ResolvedImage):
        return answer.source in {Source.REGISTRY, Source.ARCHIVE}
    return answer is None or answer.pending


def _built_from(text: str) -> ResolvedImage:
    digest = digest_of_bytes(text.encode("utf-8", "surrogatepass"))
    return ResolvedImage({"dockerfile": str(digest)}, Source.TEXT)
