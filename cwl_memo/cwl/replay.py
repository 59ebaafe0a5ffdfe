"""Run replay: a run of which nothing has changed is answered from the manifest of the last.

Nothing here needs cwltool, which takes longer to import than a replay takes. Whatever is not
exactly as the manifest tells ends the replay, and the run takes the long way.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from blake3 import blake3

from cwl_memo.core.canonical import JSON
from cwl_memo.core.digest import Digest
from cwl_memo.core.manifest import Delivery, Manifest, SeenFile, SeenImage, StatIdentity
from cwl_memo.errors import StoreError
from cwl_memo.store.layout import Layout
from cwl_memo.store.manifest_file import used_entry
from cwl_memo.store.materialise import copy_blob, copy_small_blob
from cwl_memo.store.protocol import RACY_NS, SMALL, stat_identity

__all__ = ["ChangedError", "CommandLine", "asked", "deliver", "require_unchanged"]

_SESSION: Final = re.compile(
    r"_|SHLVL|OLDPWD|PWD|TERM|TERM_.*|COLORTERM|COLUMNS|LINES|SSH_.*|WINDOWID|WINDOWPATH|TMUX.*|STY"
    r"|PS[0-4]|PROMPT_COMMAND|LS_COLORS|LSCOLORS|VTE_VERSION|DBUS_SESSION_BUS_ADDRESS|HIST.*"
    r"|XDG_SESSION_.*|GPG_.*|INVOCATION_ID|JOURNAL_STREAM|MAKE.*|MFLAGS"
)
"""Environment variables that differ from terminal to terminal and reach no job."""

_PACKAGES: Final = ("cwl_memo", "cwltool", "cwl_utils", "schema_salad", "ruamel.yaml")
"""What runs a document: another version of any may run it differently."""

_PATIENCE: Final = 64 << 20
"""Bytes of changed files that are read again; more takes the long way, which remembers."""

_DESTINATIONS: Final = ("--outdir", "--memo-report")

_TWO_WORDS: Final = frozenset(
    {
        *_DESTINATIONS, "--memo-store", "--memo-mode", "--memo-salt", "--memo-directories",
        "--memo-image", "--memo-host-tools", "--memo-network", "--memo-link", "--memo-max-size",
        "--tmpdir-prefix", "--tmp-outdir-prefix", "--preserve-environment", "--on-error",
        "--default-container", "--eval-timeout",
    }
)  # fmt: skip
"""Options with one value that may stand before those of :data:`_DESTINATIONS`."""

_ONE_WORD: Final = frozenset(
    {
        "--no-container", "--parallel", "--quiet", "--memo", "--memo-replay", "--singularity",
        "--podman", "--compute-checksum", "--no-compute-checksum", "--enable-dev", "--enable-ext",
        "--relax-path-checks", "--move-outputs", "--copy-outputs", "--no-warnings",
        "--preserve-entire-environment", "--disable-color", "--enable-color",
    }
)  # fmt: skip
"""The same without a value."""


class ChangedError(Exception):
    """The run has to take the long way; says what is not as it was."""


@dataclass(frozen=True)
class CommandLine:
    """The words of a run, those apart that say where its outputs and its report go.

    :param words: the others.
    :param outdir: where the outputs go; None where only cwltool's parser can tell.
    :param report: where the report goes; empty for nowhere.
    """

    words: tuple[str, ...]
    outdir: str | None
    report: str

    @classmethod
    def of(cls, argv: Sequence[str], environ: Mapping[str, str]) -> CommandLine:
        """Divide the words of a run.

        Only options at the beginning are looked at, whose form is known: what follows the
        document belongs to the tool, which may have an input of any name.
        """
        report = environ.get("CWL_MEMO_REPORT", "")
        whole = cls(tuple(argv), None, report)
        kept: list[str] = []
        said: dict[str, str] = {}
        place = 0
        while place < len(argv):
            name, is_joined, value = argv[place].partition("=")
            if name in _TWO_WORDS and (is_joined or place + 1 < len(argv)):
                end = place + (1 if is_joined else 2)
                if name in _DESTINATIONS:
                    said[name] = value if is_joined else argv[place + 1]
                else:
                    kept += argv[place:end]
                place = end
            elif argv[place] in _ONE_WORD:
                kept.append(argv[place])
                place += 1
            else:
                break
        rest = argv[place:]
        options = (*rest, *_default_options(environ))
        if any(word.startswith(("--o", "--memo-rep")) for word in options) or "" in said.values():
            return whole
        return cls((*kept, *rest), said.get("--outdir", "."), said.get("--memo-report", report))


def asked(prog: str, line: CommandLine, environ: Mapping[str, str]) -> JSON:
    """Return all of a command line and its surroundings by which two runs are the same.

    The name of the manifest is made of it. It holds the whole environment but for what is
    known to reach no job.
    """
    words = (*line.words, *_default_options(environ))
    preserved = any(word.startswith("--pres") for word in words)
    umask = os.umask(0)
    os.umask(umask)
    return {
        "program": prog,
        "arguments": [os.fsencode(w).hex() if _is_odd(w) else w for w in line.words],
        "knows the output directory": line.outdir is not None,
        "directory": os.fsencode(os.getcwd()).hex(),
        "environment": {
            os.fsencode(name).hex(): os.fsencode(value).hex()
            for name, value in environ.items()
            if preserved or not (name == "CWL_MEMO_REPORT" or _SESSION.fullmatch(name))
        },
        "umask": umask,
        "user": [os.geteuid(), os.getegid(), sorted(os.getgroups())],
        "python": [sys.executable, sys.version],
        "machine": [os.cpu_count(), _memory(), *os.uname()],
        "runner": [_package(name) for name in _PACKAGES],
    }


def _default_options(environ: Mapping[str, str]) -> list[str]:
    return environ.get("CWLTOOL_OPTIONS", "").split(" ")


def _is_odd(word: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in word)


def _memory() -> int:
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES")
    return 0


def _package(name: str) -> JSON:
    """Return by what a package is known to be the same, without importing it."""
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    files = []
    for folder in spec.submodule_search_locations or ():
        for place in (folder, *(os.path.join(folder, below) for below in _rooms(folder))):
            with contextlib.suppress(OSError), os.scandir(place) as items:
                for item in items:
                    if item.name.endswith((".py", ".so")):
                        found = item.stat()
                        files.append([item.path, found.st_size, found.st_mtime_ns])
    return sorted(files)


def _rooms(folder: str) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as items:
        return sorted(i.name for i in items if i.is_dir() and not i.name.startswith("_"))
    return []


# is all as it was? ---------------------------------------------------------------------------


def require_unchanged(layout: Layout, manifest: Manifest) -> Manifest:
    """See that all that a run saw is as it was; return what is known of it now.

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
    files = _unchanged_files(manifest.files)
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


def _unchanged_files(files: tuple[SeenFile, ...]) -> tuple[SeenFile, ...]:
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
    real = os.path.realpath(outdir)
    is_same = (outdir, real) == (manifest.outdir, manifest.real_outdir)
    if os.path.lexists(real) and not os.path.isdir(real):
        raise ChangedError(f"{outdir} is no directory")
    for delivery in manifest.deliveries:
        place = os.path.join(real, delivery.path)
        above = os.path.dirname(place)
        if os.path.isdir(place) or os.path.realpath(above) != above:
            raise ChangedError(f"{place} cannot be written to")
    text = manifest.output if is_same else _moved(manifest, outdir)
    try:
        os.makedirs(real, exist_ok=True)
        deliveries = tuple(_deliver_all(layout, manifest.deliveries, real, is_same=is_same))
    except (OSError, StoreError) as error:
        raise ChangedError(f"not delivered: {error}") from error
    if is_same and deliveries != manifest.deliveries:
        manifest = _with(manifest, deliveries=deliveries)
    return manifest, text


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
        stands = None
        with contextlib.suppress(OSError):
            stands = os.lstat(place)
        if stands is not None and stat.S_ISREG(stands.st_mode):
            identity = stat_identity(stands)
            settled = max(stands.st_mtime_ns, stands.st_ctime_ns) < now - RACY_NS
            if (is_same and identity == delivery.delivered) or (
                settled
                and stands.st_nlink == 1
                and _holds(place, stands, delivery)
                and stat_identity(os.lstat(place)) == identity
            ):
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
