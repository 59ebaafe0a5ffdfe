"""CWL's schemas, kept between runs as cwltool has them in memory.

Reading them from YAML takes cwltool half a second of each run. cwltool keeps what it read in
``cwltool.process.SCHEMA_CACHE``; what is in there is put into a file, and back in the next run.

The files are pickles, and whoever can write a pickle can execute code. They are therefore no
part of a store, which may be shared, and are read only if nobody but the user can write to
them and their directory.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import platform
import re
import stat
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from cwl_memo.core.digest import digest_of_value
from cwl_memo.cwl.door import (
    INTERNAL_VERSION,
    SCHEMA_CACHE,
    Loader,
    get_schema,
    salad_schema,
    schema_sources,
    setup_schema,
)
from cwl_memo.store.location import cache_directory

__all__ = ["SchemaFiles", "schemas_for"]

_FOLDER: Final = "cwl-memo-schemas"

_ALWAYS: Final = "v1.0"
"""cwltool takes the records of File, Directory and Any from this version for all others."""

_METASCHEMA: Final = "metaschema"

_RECORDS: Final = (
    "https://w3id.org/cwl/salad#Any",
    "https://w3id.org/cwl/cwl#File",
    "https://w3id.org/cwl/cwl#Directory",
)

_VERSION: Final = re.compile(r"""cwlVersion["']?\s*:\s*["']?(v[0-9][\w.-]*)""")


class SchemaFiles:
    """The schemas of one cwltool, each in a file.

    :param directory: where the files are; made when the first is written.
    :param extended: whether cwltool's extensions are part of the schemas.
    :param keep: whether files may be written.
    """

    def __init__(self, directory: Path, *, extended: bool = False, keep: bool = True) -> None:
        self._directory = directory
        self._keeps = keep
        made_by = [
            platform.python_implementation(),
            platform.python_version(),
            *schema_sources(),
            "extended" if extended else "",
        ]
        self._maker = digest_of_value("schema-cache", made_by).hex[:32]
        self._kept: set[str] = set()

    def prime(self, document: str) -> None:
        """Have cwltool find the schemas that a document needs in its memory.

        :param document: the text of the document; imported ones may need others.
        """
        self._prime_metaschema()
        wanted = dict.fromkeys((_ALWAYS, *_VERSION.findall(document)))
        if "Workflow" in document:
            # cwltool reads a tool of several steps again, once it is brought to this version.
            wanted[INTERNAL_VERSION] = None
        for version in wanted:
            if version in SCHEMA_CACHE:
                self._kept.add(version)  # of another run of this process
                continue
            known = self._read(version)
            if known is not None:
                SCHEMA_CACHE[version] = known
                self._kept.add(version)
            elif version != INTERNAL_VERSION:
                # cwltool would do so itself; here it is not changed by its use yet.
                with contextlib.suppress(Exception):
                    get_schema(version)
                self._keep(version)

    def _prime_metaschema(self) -> None:
        """Have schema-salad find in its memory by what it reads schemas: each tool asks for it."""
        if salad_schema.cached_metaschema is not None:
            return
        known = self._load(_METASCHEMA, 6)
        with contextlib.suppress(Exception):
            if known is not None:
                names, document, context, version, cache, records = known
                loader = Loader(context, cache=cache, salad_version=version)
                loader.idx.update(records)
                salad_schema.cached_metaschema = names, document, loader
                return
            names, document, loader = salad_schema.get_metaschema()
            records = dict(loader.idx)
            kept = names, document, loader.ctx, loader.salad_version, loader.cache, records
            self._write(_METASCHEMA, kept)

    def keep_internal(self) -> None:
        """Keep the schema that a run needed and none could know of before it."""
        if INTERNAL_VERSION not in self._kept:
            self._keep(INTERNAL_VERSION)

    def _path(self, version: str) -> Path:
        return self._directory / f"{version}-{self._maker}.pickle"

    def _load(self, name: str, count: int) -> tuple[Any, ...] | None:
        """Return so many things kept under a name; None where they are not, or not ours."""
        try:
            if not _is_private(self._directory):
                return None
            with open(self._path(name), "rb") as file:
                if not _is_private(file.fileno()):
                    return None
                kept = pickle.load(file)  # noqa: S301  (see above)
        except Exception:  # noqa: BLE001  (a damaged pickle raises anything; cwltool reads anew)
            return None
        return kept if isinstance(kept, tuple) and len(kept) == count else None

    def _read(self, version: str) -> Any:
        known = self._load(version, 4)
        if known is None:
            return None
        loader, names, metadata, records = known
        found = Loader({})
        found.idx.update(records)
        return loader, names, metadata, found

    def _keep(self, version: str) -> None:
        """Write a schema to its file; where that fails, the next run reads it from YAML."""
        schema = SCHEMA_CACHE.get(version)
        if schema is None:
            return
        loader, names, metadata, meta = schema
        if not all(isinstance(text, str) for text in loader.cache.values()):
            return  # what a run learned of the network is no part of the schema
        records = {name: meta.idx[name] for name in _RECORDS if name in meta.idx}
        with contextlib.suppress(Exception):
            self._write(version, (loader, names, metadata, records))
            self._kept.add(version)

    def _write(self, name: str, kept: Any) -> None:
        if not self._keeps:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(self._directory):
            return
        data = pickle.dumps(kept, protocol=5)
        descriptor, temporary = tempfile.mkstemp(dir=self._directory)
        try:
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(temporary, self._path(name))
        except BaseException:
            os.unlink(temporary)
            raise


def _is_private(place: Path | int) -> bool:
    """Tell whether nobody but the user can write there."""
    found = os.stat(place) if isinstance(place, int) else os.lstat(place)
    return found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o022


def schemas_for(
    args: argparse.Namespace, environ: Mapping[str, str], *, keep: bool = True
) -> tuple[SchemaFiles | None, Callable[[], None]]:
    """Return the schemas' files, and what sets cwltool's schemas up by them.

    :param args: cwltool's arguments.
    :param environ: tells where caches are; without a place for them, cwltool reads YAML.
    :param keep: whether files may be written.
    """
    place = cache_directory(environ)
    kept = None
    if place is not None:
        extended = bool(getattr(args, "enable_ext", False))
        kept = SchemaFiles(place / _FOLDER, extended=extended, keep=keep)
    document = str(args.workflow or "CWLFile").partition("#")[0]

    def set_up() -> None:
        setup_schema(args, None)
        if kept is not None:
            text = ""
            with contextlib.suppress(OSError, ValueError):
                text = Path(document).read_text(encoding="utf-8", errors="replace")
            kept.prime(text)

    return kept, set_up
