"""Finds the files that hold images: Singularity's, and archives to load or import.

cwltool looks for an image file of Singularity in several places under several names;
:class:`SingularityFiles` looks where it looks, in its order. An archive that cwltool would
load or import is read for the identity that the image will have then, so that the reuse
key is the same before and after.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import re
import tarfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.canonical import JSON
from cwl_memo.cwl.image_identity import (
    Resolution,
    ResolvedImage,
    Source,
    UnresolvedImage,
    full_name,
    identity_of_configuration,
)
from cwl_memo.cwl.image_inspect import TIMEOUT, is_singularity_sandbox

__all__ = [
    "SingularityFiles",
    "identity_in_archive",
    "identity_of_import",
    "sif_names",
    "sif_names_of_older_cwltool",
]

_LIMIT: Final = 4 * 1024 * 1024
"""Bytes that a manifest or configuration inside an archive may have."""

_BROKEN: Final = (
    *(OSError, EOFError, tarfile.TarError, zlib.error, lzma.LZMAError),
    # Of a manifest that is not what it should be.
    *(ValueError, KeyError, TypeError, AttributeError, RecursionError),
)


def sif_names(reference: str) -> list[str]:
    """Return the file names that cwltool gives an image, the present one first.

    :param reference: the image's name with its tag, without ``docker://``.
    """
    current = reference.replace("_", "___").replace("/", "_s_") + ".sif"
    tagged = reference if ":" in reference else f"{reference}_latest"
    older = [re.sub(r"[/:]", "_", reference) + ".sif", tagged.replace("/", "_") + ".sif"]
    # cwltool takes an older name only if the present scheme could not have made it.
    return [current, *(n for n in older if "_" in n.replace("___", "").replace("_s_", ""))]


def sif_names_of_older_cwltool(reference: str) -> list[str]:
    """Return the file names under which cwltool before 3.3 knows an image."""
    base = (reference if ":" in reference else f"{reference}_latest").replace("/", "_")
    return [f"{base}.img", f"{base}.sif"]


class SingularityFiles:
    """The image files that cwltool would find for Singularity or Apptainer.

    An image that cwltool would pull is not looked up in a registry: the file it becomes
    holds the time of its making, so nothing in a registry foretells its content. For the
    same reason two machines that pull one tag have two identities; only a digest in the
    name gives them one.

    :param digest: returns the digest of a file's content.
    :param environ: the environment, for ``CWL_SINGULARITY_CACHE`` and ``…_IMAGES``.
    :param base_path: cwltool's ``--image-base-path``, where sandboxes are.
    :param first_match: whether cwltool takes the first file that fits, as it does since
        3.3. An older one takes the last that it meets in the order of the directory: if
        the files that fit differ there, the image is not resolved.
    """

    def __init__(
        self,
        digest: Callable[[Path], str],
        environ: Mapping[str, str],
        *,
        base_path: str = "",
        first_match: bool = True,
        timeout: float = TIMEOUT,
    ) -> None:
        self._digest = digest
        self._cache = environ.get("CWL_SINGULARITY_CACHE", "")
        self._sandboxes = base_path or environ.get("CWL_SINGULARITY_IMAGES", "") or self._cache
        self._first_match = first_match
        self._timeout = timeout

    def inspect(self, name: str) -> Resolution:
        """Return the identity of an image named as in ``dockerPull``."""
        reference = name.removeprefix("docker://")
        if "://" in reference:
            return UnresolvedImage(f"{name} is of a kind that cwltool does not pull")
        if sandbox := self._sandbox(reference):
            return sandbox
        older = sif_names_of_older_cwltool(name)
        return self._of_names(sif_names(_tagged(reference)) if self._first_match else older, name)

    def inspect_id(self, image_id: str) -> Resolution:
        """Return the identity of an image named as in ``dockerImageId``: maybe a path."""
        if sandbox := self._sandbox(image_id):
            return sandbox
        direct = [path for path in [Path(image_id)] if path.is_file()]
        if not self._first_match:
            names = [image_id, *sif_names_of_older_cwltool(image_id)]
            return self._of_names(names, image_id, direct)
        if direct:
            return self._of_files(direct, image_id)
        return self._of_names(sif_names(_tagged(image_id)), image_id)

    def inspect_load(self, source: str) -> Resolution:
        """Return the identity of an image that has no name but its ``dockerLoad``."""
        if not self._first_match or "://" in source:
            return UnresolvedImage(f"cwltool makes an image of {source} anew each time")
        return self._of_names(sif_names(source), source)

    def _sandbox(self, name: str) -> UnresolvedImage | None:
        path = Path(self._sandboxes, name).absolute()
        if path.is_dir() and is_singularity_sandbox(str(path), self._timeout):
            return UnresolvedImage(f"{path} is a sandbox directory, which may change")
        return None

    def _of_names(self, names: list[str], image: str, found: Iterable[Path] = ()) -> Resolution:
        target = Path(self._cache, names[0]).absolute()
        # A walk would find it first, too, but may take long.
        if self._first_match and target.exists():
            return self._of_files([target], image)
        files = [*found, *self._search(names)]
        return self._of_files(files[:1] if self._first_match else files, image)

    def _search(self, names: list[str]) -> Iterator[Path]:
        here = os.getcwd()
        for top in dict.fromkeys([self._cache or here, here]):
            for folder, _, files in os.walk(top):
                paths = (Path(folder, name) for name in names if name in files)
                yield from (path for path in paths if path.is_file())

    def _of_files(self, files: list[Path], image: str) -> Resolution:
        if not files:
            return UnresolvedImage(f"there is no image file of {image} yet", pending=True)
        try:
            digests = {self._digest(path) for path in files}
        except OSError as error:
            return UnresolvedImage(f"{error.filename or image} cannot be read: {error.strerror}")
        if len(digests) > 1:
            shown = ", ".join(sorted(str(path) for path in files)[:3])
            return UnresolvedImage(f"several files stand for {image} and differ: {shown}")
        return ResolvedImage({"sif": digests.pop()}, Source.LOCAL)


def _tagged(reference: str) -> str:
    return reference if ":" in reference else f"{reference}:latest"


def identity_in_archive(path: Path, name: str) -> Resolution:
    """Return the identity that an image will have once an archive of it is loaded.

    :param path: what ``docker save`` or ``podman save`` wrote, compressed or not.
    :param name: the tag or id that will be run; the archive must hold it.
    """
    try:
        with tarfile.open(path) as archive:
            for image in _member(archive, "manifest.json"):
                if _answers_to(image, name):
                    data = _member(archive, image["Config"])
                    return _foretold(identity_of_configuration(data), path)
    except _BROKEN:
        return UnresolvedImage(f"{path} cannot be read as an archive of images", pending=True)
    return UnresolvedImage(f"{path} holds no image {name}", pending=True)


def _member(archive: tarfile.TarFile, name: str) -> Any:
    file = archive.extractfile(name)
    if file is None:
        raise KeyError(name)
    return json.loads(file.read(_LIMIT))


def _answers_to(image: dict[str, Any], name: str) -> bool:
    if full_name(name) in {full_name(tag) for tag in image.get("RepoTags") or ()}:
        return True
    digits = re.sub(r"^sha256:", "", name)
    image_id = re.search(r"[0-9a-f]{64}", image["Config"])
    # docker takes a shorter id too, but that may as well be a name.
    is_id = re.fullmatch(r"[0-9a-f]{12,64}", digits) is not None
    return is_id and image_id is not None and image_id.group().startswith(digits)


def identity_of_import(path: Path) -> Resolution:
    """Return the identity that an image will have once a file system's archive is imported.

    Measured: docker and podman make it one layer, named by the SHA-256 of the archive
    without its compression, and an empty configuration.
    """
    sha256 = hashlib.sha256()
    try:
        with _uncompressed(path) as file:
            while data := file.read(1 << 20):
                sha256.update(data)
    except _BROKEN:
        return UnresolvedImage(f"{path} cannot be read", pending=True)
    layer = f"sha256:{sha256.hexdigest()}"
    return ResolvedImage({"layers": [layer], "config": {}}, Source.ARCHIVE)


def _uncompressed(path: Path) -> io.BufferedIOBase:
    with path.open("rb") as file:
        start = file.read(262)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    if start.startswith(b"\xfd7zXZ\0"):
        return lzma.open(path)
    if start[257:] == b"ustar":
        return path.open("rb")
    raise ValueError(path)


def _foretold(identity: JSON | None, path: Path) -> Resolution:
    if identity is None:
        return UnresolvedImage(f"{path} holds no image of one layer or more", pending=True)
    return ResolvedImage(identity, Source.ARCHIVE)
