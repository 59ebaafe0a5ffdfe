"""What stands for a container image in a reuse key.

Measured: one image imported twice, or saved and loaded again, gets another id and another
digest, on one machine as between docker and podman; only the list of its layers
(``RootFS.Layers`` of an inspection, ``rootfs.diff_ids`` of a registry's configuration
blob) stays. So an identity is one of these JSON values:

``{"layers": [...], "config": {...}}``
    the layers, and of the configuration what bears on a run: Cmd, Entrypoint, Env, User,
    Volumes and WorkingDir, each only if it says something.
``{"digest": "sha256:…", "platform": "linux/amd64"}``
    an image named by digest. The digest may be that of a list of images, one a platform,
    so the platform is said too. The same image named by a tag has the identity of its
    layers, which is another: the two names part its entries, at worst for one execution.
``{"sif": "…"}``
    the content of a Singularity image file.
``{"dockerfile": "…"}``
    the text of a ``dockerFile``. Before a build nothing else is known of its image; what
    the build fetches (its base image, packages) is not in the text.
``{"name": "…"}``
    the name alone, where the settings ask for no more.

This module is pure: it reads no file and asks no engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeAlias

from cwl_memo.core.canonical import JSON

__all__ = [
    "Resolution",
    "ResolvedImage",
    "Source",
    "UnresolvedImage",
    "full_name",
    "has_registry",
    "host_platform",
    "identity_of_configuration",
    "identity_of_inspection",
    "pick_platform",
    "pinned_identity",
]

_PINNED: Final = re.compile(r"[^\s@]+@(sha256:[0-9a-f]{64})")
_LAYER: Final = re.compile(r"[a-z0-9]+:[0-9a-f]{32,128}")
_TEXT_FIELDS: Final = ("User", "WorkingDir")
_LIST_FIELDS: Final = ("Cmd", "Entrypoint", "Env")

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}


class Source(str, Enum):
    """Where the identity of an image was found."""

    PINNED = "pinned"
    """In its name, which holds a digest."""
    LOCAL = "local"
    """In the engine's own storage: this very image will run."""
    REGISTRY = "registry"
    """In a registry: what an execution will pull, unless the tag is moved meanwhile."""
    ARCHIVE = "archive"
    """In the file that an execution will load or import."""
    TEXT = "text"
    """In the text from which an execution builds the image."""
    NAME = "name"
    """Nowhere: the name stands for the image."""


@dataclass(frozen=True)
class ResolvedImage:
    """An image whose identity is known.

    :param identity: a JSON value of one of the forms above.
    :param source: where it was found.
    """

    identity: JSON
    source: Source


@dataclass(frozen=True)
class UnresolvedImage:
    """An image whose content could not be found out.

    :param why: one clause that names the image and the obstacle.
    :param pending: whether an execution would pull, load or build the image, so that it
        may resolve afterwards.
    """

    why: str
    pending: bool = False


Resolution: TypeAlias = ResolvedImage | UnresolvedImage


def pinned_identity(name: str, platform: str) -> ResolvedImage | None:
    """Return the identity of ``name@sha256:<64 hex>``, or None for any other name."""
    match = _PINNED.fullmatch(name)
    if match is None:
        return None
    return ResolvedImage({"digest": match.group(1), "platform": platform}, Source.PINNED)


def identity_of_inspection(data: Any) -> JSON | None:
    """Return the identity in what ``docker image inspect`` or podman's printed.

    None where it is not the inspection of exactly one image that has layers.
    """
    if not isinstance(data, list) or len(data) != 1 or not isinstance(data[0], dict):
        return None
    root = data[0].get("RootFS")
    return _identity(root.get("Layers") if isinstance(root, dict) else None, data[0].get("Config"))


def identity_of_configuration(data: Any) -> JSON | None:
    """Return the identity in the configuration of an image, as a registry keeps it.

    Equal to :func:`identity_of_inspection` of the same image once it has been pulled.
    None where it is not the configuration of an image that has layers.
    """
    if not isinstance(data, dict):
        return None
    root = data.get("rootfs")
    return _identity(root.get("diff_ids") if isinstance(root, dict) else None, data.get("config"))


def _identity(layers: Any, config: Any) -> JSON | None:
    if not isinstance(layers, list) or not layers:
        return None
    if not all(isinstance(layer, str) and _LAYER.fullmatch(layer) for layer in layers):
        return None
    reduced = _reduce({} if config is None else config)
    return None if reduced is None else {"layers": list(layers), "config": reduced}


def _reduce(config: Any) -> dict[str, JSON] | None:
    """Return what of a configuration bears on a run; None if it is malformed.

    A field that says nothing is absent, null, empty text or an empty list, as the engine
    likes: all are one here.
    """
    if not isinstance(config, dict):
        return None
    reduced: dict[str, JSON] = {}
    for name in _TEXT_FIELDS:
        value = config.get(name) or ""
        if not isinstance(value, str):
            return None
        if value:
            reduced[name] = value
    for name in _LIST_FIELDS:
        words = config.get(name) or []
        if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
            return None
        if words:
            reduced[name] = _ordered(words) if name == "Env" else list(words)
    volumes = config.get("Volumes") or {}
    if not isinstance(volumes, dict):
        return None
    if volumes:
        reduced["Volumes"] = sorted(volumes)
    return reduced


def _ordered(variables: list[str]) -> list[str]:
    """Return environment variables sorted, unless one stands twice.

    Which of two values a process sees depends on their order; else order is no matter.
    """
    names = {variable.partition("=")[0] for variable in variables}
    return sorted(variables) if len(names) == len(variables) else list(variables)


def pick_platform(images: Any, platform: str) -> Any:
    """Return the one image of a platform from what a registry holds under a name.

    :param images: an image's configuration, or a map of these by platform.
    :returns: the configuration; None where no image, or more than one, fits.
    """
    if not isinstance(images, dict):
        return None
    if "rootfs" in images:
        return images
    if platform in images:
        return images[platform]
    variants = [name for name in images if name.startswith(f"{platform}/")]
    return images[variants[0]] if len(variants) == 1 else None


def host_platform(machine: str) -> str:
    """Return the platform of the images that a machine runs, as ``linux/amd64``.

    :param machine: the machine's architecture, as ``uname -m`` names it.
    """
    name = machine.lower()
    return f"linux/{_ARCHITECTURES.get(name, name)}"


def has_registry(name: str) -> bool:
    """Tell whether an image name begins with its registry, as ``quay.io/x/y`` does."""
    first, slash, _ = name.partition("/")
    return bool(slash) and ("." in first or ":" in first or first == "localhost")


def full_name(name: str) -> str:
    """Return an image name with the registry and the tag that docker supplies."""
    if not has_registry(name):
        name = f"docker.io/{name}" if "/" in name else f"docker.io/library/{name}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"
