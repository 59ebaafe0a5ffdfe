"""Checksums of outputs, taken from the one read by which they are recorded.

cwltool reads each output for its SHA-1. Where nothing asks for it before the job is
recorded, cwltool is told not to, and the checksum is put where it would have put it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

from cwl_memo.cwl.door import StdFsAccess, compute_checksums, visit_class
from cwl_memo.cwl.files import GENERATION
from cwl_memo.cwl.location import path_of
from cwl_memo.store.workspace import Workspace

__all__ = ["Checksums", "can_wait"]

_PLAIN: Final = frozenset({"glob", "loadListing"})


def can_wait(outputs: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether nothing in the outputs of a tool asks for a checksum, or comes after it.

    An expression may look at it; ``secondaryFiles`` and ``format`` stand behind it.
    """
    return all(_is_plain(item) for item in outputs)


def _is_plain(item: Mapping[str, Any]) -> bool:
    binding = item.get("outputBinding") or {}
    after = item.get("secondaryFiles") or item.get("format")
    return not after and _is_simple(item.get("type")) and set(binding) <= _PLAIN


def _is_simple(kind: Any) -> bool:
    if isinstance(kind, str):
        return True
    if isinstance(kind, list):
        return all(_is_simple(one) for one in kind)
    return (
        isinstance(kind, Mapping)
        and kind.get("type") == "array"
        and _is_simple(kind.get("items"))
        and not kind.get("outputBinding")
    )


class Checksums:
    """The checksums of one job's outputs.

    :param collect: cwltool's ``collect_outputs`` of the job.
    :param wait: whether they are not computed as the outputs are collected.
    """

    def __init__(self, collect: Callable[..., Any], *, wait: bool) -> None:
        self._collect = collect
        # Somebody else's way to collect outputs need not know the word.
        is_known = isinstance(collect, partial) and "compute_checksum" in collect.keywords
        self._wait = wait and is_known

    def collect(self, outdir: str, rcode: int) -> Any:
        """Return the output object, perhaps without checksums."""
        # An output object that the tool writes itself may have any fields in any order.
        if os.path.lexists(os.path.join(outdir, "cwl.output.json")):
            self._wait = False
        if self._wait:
            return self._collect(outdir, rcode, compute_checksum=False)
        return self._collect(outdir, rcode)

    def take(self, outputs: Any, outdir: str, workspace: Workspace) -> None:
        """Put the checksums of what was recorded into the output object."""
        if not self._wait:
            return
        real = os.path.realpath(outdir)

        def put(item: Any) -> None:
            location = item["location"]
            path = path_of(location) if location.startswith("file:") else location
            above, name = os.path.split(path)
            place = os.path.relpath(os.path.join(os.path.realpath(above), name), real)
            found = workspace.digests.get(place)
            if found is not None and found.sha1:
                _put(item, f"sha1${found.sha1}", found.size)
            else:
                _compute(item)  # a link, or an input that is an output too

        _visit(outputs, put)

    def complete(self, outputs: Any) -> None:
        """Compute the checksums that are still missing, of a job that was not recorded."""
        if self._wait:
            _visit(outputs, _compute)


def _visit(outputs: Any, put: Callable[[Any], None]) -> None:
    def put_if_missing(item: Any) -> None:
        # An input's is a path here.
        is_local = str(item.get("location", "")).startswith(("file:", "/"))
        if "checksum" not in item and is_local:
            put(item)

    visit_class(outputs, ("File",), put_if_missing)


def _compute(item: Any) -> None:
    compute_checksums(StdFsAccess(""), item)
    _put(item, item["checksum"], item["size"])


def _put(item: Any, checksum: str, size: Any) -> None:
    behind = {name: item.pop(name) for name in ("checksum", "size", GENERATION) if name in item}
    item["checksum"] = checksum
    item["size"] = size
    if GENERATION in behind:
        item[GENERATION] = behind[GENERATION]
