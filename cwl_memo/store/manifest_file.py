"""Manifests as files: one for each command line in its surroundings."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from cwl_memo.core.canonical import JSON, canonical_bytes, preimage
from cwl_memo.core.digest import KEY_VERSION, ReuseKey, digest_of_canonical
from cwl_memo.core.manifest import Manifest, SeenFile, UsedEntry
from cwl_memo.errors import FormatError, StoreError
from cwl_memo.store.failure import reading, writing
from cwl_memo.store.layout import Layout
from cwl_memo.store.regular import NotRegularError, open_regular, read_regular, write_all

__all__ = ["ManifestFiles", "name_of_run", "used_entry"]

_LIMIT: Final = 256 << 20
"""Bytes that a manifest may have at most; ten million would be a run of 10 000 jobs."""

_KEPT: Final = 200
"""How many manifests are kept, those used last."""

_KEPT_BYTES: Final = 256 << 20
"""Bytes that all manifests may take."""

_SUFFIX: Final = ".json"

_SEALED: Final = re.compile(
    rb'\{"digest":"([a-z0-9]+:[0-9a-f]{64})","manifest":(\{.*\})\}', re.DOTALL
)


_ENTRY: Final = re.compile(rb'\{"digest":"([a-z0-9]+:[0-9a-f]{64})"')
"""How an entry's file begins."""


def name_of_run(asked: JSON, secret: bytes) -> str:
    """Return the name of the manifest of whoever asks for the same run again.

    :param asked: the command line and its surroundings. Environment variables may be secret.
    :param secret: the store's own key, 32 bytes.
    """
    return blake3(preimage("run", KEY_VERSION, asked), key=secret).hexdigest()


def used_entry(layout: Layout, key: ReuseKey) -> UsedEntry | None:
    """Return an entry by the digest in its file.

    None where there is none, where its blobs were evicted, and where it was invalidated.
    """
    if os.path.lexists(layout.eviction_mark(key)):
        return None
    if _is_taken_back(layout, key):
        return None
    try:
        with open_regular(layout.entry(key)) as descriptor:
            found = _ENTRY.match(os.read(descriptor, 200))
    except (OSError, NotRegularError):
        return None
    return None if found is None else UsedEntry(key, found[1].decode())


def _is_taken_back(layout: Layout, key: ReuseKey) -> bool:
    """Tell whether the key of an entry has a tombstone that is meant for it."""
    try:
        os.lstat(layout.tombstone(key))
    except FileNotFoundError:
        return False
    except OSError:
        return True  # who knows
    # Only here: most entries have no tombstone, and a replay has no time to lose.
    from cwl_memo.store.note_file import read_tombstone

    try:
        entry = json.loads(read_regular(layout.entry(key), _LIMIT))["entry"]
        tombstone = read_tombstone(layout, key)
        return tombstone is not None and str(tombstone.id) not in entry["after"]
    except (OSError, StoreError, ValueError, RecursionError, KeyError, TypeError):
        return True


class ManifestFiles:
    """The manifests of a local store.

    :param layout: where they are.
    """

    def __init__(self, layout: Layout) -> None:
        self._directory = layout.replays

    def read(
        self, name: str, look: Callable[[tuple[SeenFile, ...]], object] | None = None
    ) -> Manifest | None:
        """Return a manifest; None where there is none, or one that cannot be read.

        :param look: shown the files before the rest is read; what it raises is passed on.
        """
        path = self._directory / f"{name}{_SUFFIX}"
        try:
            with reading("read a manifest"):
                data = read_regular(path, _LIMIT)
            return _unseal(data, look)
        except (FileNotFoundError, NotRegularError, FormatError, StoreError):
            return None

    def write(self, name: str, manifest: Manifest) -> None:
        """Write a manifest, atomically, in place of an older one; drop those used long ago.

        :raises StoreError: if it cannot be written.
        """
        try:
            data = _seal(manifest.to_json())
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"a manifest cannot be written: {error}") from error
        if len(data) > _LIMIT:
            raise StoreError(f"a manifest cannot be written: {len(data)} bytes are too many")
        with writing("write a manifest"):
            self._directory.mkdir(mode=0o700, exist_ok=True)
            temporary = self._directory / f".{name}.{os.getpid()}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(temporary, flags, 0o600)
            try:
                write_all(descriptor, data)
                temporary.replace(self._directory / f"{name}{_SUFFIX}")
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
            finally:
                os.close(descriptor)
        self._drop_old()

    def touch(self, name: str) -> None:
        """Note that a manifest was used."""
        with contextlib.suppress(OSError):
            os.utime(self._directory / f"{name}{_SUFFIX}", follow_symlinks=False)

    def drop(self, name: str) -> None:
        """Forget a manifest; not an error where there is none."""
        with contextlib.suppress(OSError):
            (self._directory / f"{name}{_SUFFIX}").unlink()

    def _drop_old(self) -> None:
        found = []
        with contextlib.suppress(OSError), os.scandir(self._directory) as items:
            for item in items:
                with contextlib.suppress(OSError):
                    seen = item.stat(follow_symlinks=False)
                    found.append((seen.st_mtime, seen.st_size, Path(item.path)))
        left = _KEPT_BYTES
        for i, (_, size, path) in enumerate(sorted(found, reverse=True)):
            left -= size
            if i >= _KEPT or (left < 0 and i > 0):
                with contextlib.suppress(OSError):
                    path.unlink()


def _seal(payload: JSON) -> bytes:
    data = canonical_bytes(payload)
    digest = str(digest_of_canonical("manifest", data)).encode()
    return b'{"digest":"' + digest + b'","manifest":' + data + b"}"


def _unseal(data: bytes, look: Callable[[tuple[SeenFile, ...]], object] | None = None) -> Manifest:
    found = _SEALED.fullmatch(data)
    if found is None or str(digest_of_canonical("manifest", found[2])).encode() != found[1]:
        raise FormatError("its bytes are not those that were written")
    try:
        payload: Any = json.loads(found[2].decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"not a manifest: {error}") from error
    return Manifest.from_json(payload, look)
