"""Run replay: a run of which nothing has changed is answered from the manifest of the last.

Nothing here needs cwltool, which takes longer to import than a replay takes. Whatever is not
exactly as the manifest tells ends the replay, and the run takes the long way.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from blake3 import blake3

from cwl_memo.core.digest import Digest
from cwl_memo.core.manifest import Delivery, Manifest, SeenFile, SeenImage, StatIdentity
from cwl_memo.errors import StoreError
from cwl_memo.store.layout import Layout
from cwl_memo.store.manifest_file import used_entry
from cwl_memo.store.materialise import copy_blob, copy_small_blob
from cwl_memo.store.protocol import RACY_NS, SMALL, stat_identity

__all__ = [
    "ChangedError",
    "deliver",
    "require_deliverable",
    "require_unchanged",
    "unchanged_files",
]

_PATIENCE: Final = 64 << 20
"""Bytes of changed files that are read again; more takes the long way, which remembers."""


class ChangedError(Exception):
    """The run has to take the long way; says what is not as it was."""


# is all as it was? ---------------------------------------------------------------------------


def require_unchanged(layout: Layout, manifest: Manifest, files: tuple[SeenFile, ...]) -> Manifest:
    """See that all that a run saw is as it was; return what is known of it now.

    :param files: what :func:`unchanged_files` said of its files.
    :raises ChangedError: if it is not.
    """
    if os.path.realpath(manifest.document.partition("#")[0]) != manifest.real_document:
        raise ChangedError("the document is another file")
    for path in manifest.absent:
        if os.path.exists(path):
            raise ChangedError(f"{path} was not there")
    for path in manifest.present:
        if not os.path.exists(path):
            raise ChangedError(f"{path} is gone")
    for directory in manifest.directories:
        if _look(directory.path) != directory.identity:
            raise ChangedError(f"{directory.path} changed")
    _require_programs(manifest)
    _require_images(manifest.images)
    for used in manifest.entries:
        if used_entry(layout, used.key) != used:
            raise ChangedError(f"entry {used.key} is gone or another")
    return manifest if files == manifest.files else _with(manifest, files=files)


def _with(manifest: Manifest, **changes: Any) -> Manifest:
    return Manifest(**{**manifest.__dict__, **changes})


def _look(path: str) -> StatIdentity:
    try:
        return stat_identity(os.stat(path))
    except OSError as error:
        raise ChangedError(f"{path}: {error.strerror}") from error


def unchanged_files(files: tuple[SeenFile, ...]) -> tuple[SeenFile, ...]:
    """See that files are as they were; return what is known of them now.

    :raises ChangedError: if one is not.
    """
    now = time.time_ns()
    left = _PATIENCE
    result = []
    for file in files:
        try:
            found = os.stat(file.path)
        except OSError as error:
            raise ChangedError(f"{file.path}: {error.strerror}") from error
        identity = stat_identity(found)
        if identity == file.identity:
            result.append(file)
            continue
        left -= found.st_size
        if (
            file.digest is None
            or not stat.S_ISREG(found.st_mode)
            or bool(found.st_mode & stat.S_IXUSR) != file.executable
            or left < 0
            or _digest(file.path) != file.digest
            or _look(file.path) != identity
        ):
            raise ChangedError(f"{file.path} changed")
        settled = max(found.st_mtime_ns, found.st_ctime_ns) < now - RACY_NS
        result.append(
            SeenFile(file.path, file.digest, file.executable, identity if settled else None)
        )
    return tuple(result)


def _digest(path: str) -> Digest:
    content = blake3()
    try:
        with open(path, "rb") as file:
            while data := file.read(1 << 20):
                content.update(data)
    except OSError as error:
        raise ChangedError(f"{path}: {error.strerror}") from error
    return Digest(content.hexdigest())


def _require_programs(manifest: Manifest) -> None:
    if not manifest.programs:
        return
    from cwl_memo.cwl.host import program_of

    for word, file in manifest.programs.items():
        if program_of(word, manifest.search_path) != file:
            raise ChangedError(f"{word} leads to another program")


def _require_images(images: tuple[SeenImage, ...]) -> None:
    if not images:
        return
    from cwl_memo.cwl.image import Engine, ImageResolver, UnresolvedImage

    for image in images:
        engine = image.engine
        resolver = ImageResolver(
            Engine.chosen(
                singularity=bool(engine.get("singularity")),
                podman=bool(engine.get("podman")),
                user_space_docker_cmd=engine.get("user_space_docker_cmd"),
            ),
            lambda path: str(_digest(str(path))),
            base_path=str(engine.get("base_path") or ""),
            first_match=bool(engine.get("first_match")),
        )
        answer = resolver.resolve(image.requirement)
        if isinstance(answer, UnresolvedImage) or answer.identity != image.identity:
            raise ChangedError(f"image {image.requirement.get('dockerPull')} is another")


# the outputs ---------------------------------------------------------------------------------


def deliver(layout: Layout, manifest: Manifest, outdir: str) -> tuple[Manifest, str]:
    """Put the files of the outputs where the user wants them.

    One that still stands there as it was delivered is left alone.

    :param outdir: the directory, absolute.
    :returns: what is known of them now, and the output object as it is printed.
    :raises ChangedError: if that cannot be; what was delivered by then is right, and the
        long way delivers it again.
    """
    real, is_same, text = _prepare(manifest, outdir)
    try:
        os.makedirs(real, exist_ok=True)
        deliveries = tuple(_deliver_all(layout, manifest.deliveries, real, is_same=is_same))
    except (OSError, StoreError) as error:
        raise ChangedError(f"not delivered: {error}") from error
    if is_same and deliveries != manifest.deliveries:
        manifest = _with(manifest, deliveries=deliveries)
    return manifest, text


def require_deliverable(layout: Layout, manifest: Manifest, outdir: str) -> None:
    """See that :func:`deliver` would succeed, and change nothing.

    :raises ChangedError: if it would not.
    """
    real, is_same, _ = _prepare(manifest, outdir)
    now = time.time_ns()
    try:
        for delivery in manifest.deliveries:
            place = os.path.join(real, delivery.path)
            if _standing(place, delivery, now, is_same=is_same) is None:
                blob = layout.blob(delivery.digest)
                if delivery.size > SMALL:
                    _require_sound(blob, delivery)
                elif _digest(str(blob)) != delivery.digest:
                    raise ChangedError(f"blob {delivery.digest} was changed")
    except OSError as error:
        raise ChangedError(f"would not be delivered: {error}") from error


def _prepare(manifest: Manifest, outdir: str) -> tuple[str, bool, str]:
    """Return the real directory, whether it is that of the manifest, and what is printed."""
    real = os.path.realpath(outdir)
    is_same = (outdir, real) == (manifest.outdir, manifest.real_outdir)
    if os.path.lexists(real) and not os.path.isdir(real):
        raise ChangedError(f"{outdir} is no directory")
    for delivery in manifest.deliveries:
        place = os.path.join(real, delivery.path)
        above = os.path.dirname(place)
        if os.path.isdir(place) or os.path.realpath(above) != above:
            raise ChangedError(f"{place} cannot be written to")
    return real, is_same, manifest.output if is_same else _moved(manifest, outdir)


def _standing(place: str, delivery: Delivery, now: int, *, is_same: bool) -> StatIdentity | None:
    """Return by what a file is known that stands where it was delivered; None if none does."""
    stands = None
    with contextlib.suppress(OSError):
        stands = os.lstat(place)
    if stands is None or not stat.S_ISREG(stands.st_mode):
        return None
    identity = stat_identity(stands)
    settled = max(stands.st_mtime_ns, stands.st_ctime_ns) < now - RACY_NS
    is_untouched = is_same and identity == delivery.delivered
    if is_untouched or (
        settled
        and stands.st_nlink == 1
        and _holds(place, stands, delivery)
        and stat_identity(os.lstat(place)) == identity
    ):
        return identity
    return None


def _moved(manifest: Manifest, outdir: str) -> str:
    """Return the output object as it is printed with the outputs in another directory."""
    try:
        output = json.loads(manifest.output)
    except ValueError:
        raise ChangedError("the output object cannot be read") from None
    before, after = _uri(manifest.outdir), _uri(outdir)
    for item in _files_in(output):
        location, path = item.get("location"), item.get("path")
        if not (
            isinstance(location, str)
            and location.startswith(f"{before}/")
            and isinstance(path, str)
            and path.startswith(f"{manifest.outdir}/")
        ):
            raise ChangedError("an output lies elsewhere")
        item["location"] = after + location[len(before) :]
        item["path"] = outdir + path[len(manifest.outdir) :]
    # As cwltool prints it.
    return json.dumps(output, indent=4, ensure_ascii=False)


def _uri(path: str) -> str:
    return f"file://{quote(path)}"


def _files_in(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if value.get("class") in ("File", "Directory"):
            yield value
        for item in value.values():
            yield from _files_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files_in(item)


def _deliver_all(
    layout: Layout, deliveries: tuple[Delivery, ...], outdir: str, *, is_same: bool
) -> Iterator[Delivery]:
    now = time.time_ns()
    made: set[str] = set()
    for delivery in deliveries:
        place = os.path.join(outdir, delivery.path)
        identity = _standing(place, delivery, now, is_same=is_same)
        if identity is not None:
            yield _delivered(delivery, identity)
            continue
        above = os.path.dirname(place)
        if above not in made:
            os.makedirs(above, exist_ok=True)
            made.add(above)
        _copy(layout, delivery, place)
        yield _delivered(delivery, None)


def _delivered(delivery: Delivery, identity: StatIdentity | None) -> Delivery:
    if delivery.delivered == identity:
        return delivery
    return Delivery(
        delivery.path, delivery.digest, delivery.size, delivery.mode, delivery.blob, identity
    )


def _holds(place: str, stands: os.stat_result, delivery: Delivery) -> bool:
    """Tell whether a file that stands there is what would be put there."""
    from cwl_memo.store.permission import mode_of

    return (
        stands.st_size == delivery.size
        and stands.st_uid == os.geteuid()
        and mode_of(stands) == delivery.mode
        and _digest(place) == delivery.digest
    )


def _copy(layout: Layout, delivery: Delivery, place: str) -> None:
    blob = layout.blob(delivery.digest)
    temporary = Path(f"{place}.{os.getpid()}.cwl-memo")
    try:
        if delivery.size <= SMALL:
            copy_small_blob(blob, delivery.digest, temporary, delivery.mode)
        else:
            _require_sound(blob, delivery)
            copy_blob(blob, temporary, delivery.mode)
        os.replace(temporary, place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _require_sound(blob: Path, delivery: Delivery) -> None:
    found = os.lstat(blob)
    sound = (
        stat.S_ISREG(found.st_mode)
        and delivery.blob is not None
        and stat_identity(found)[1:] == delivery.blob[1:]
    )
    if found.st_size != delivery.size or (not sound and _digest(str(blob)) != delivery.digest):
        raise ChangedError(f"blob {delivery.digest} was changed")
