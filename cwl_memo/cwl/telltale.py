"""Secrets that would be recorded: in an output object, a name, a file, a log."""

from __future__ import annotations

import mmap
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from cwl_memo.cwl.door import JobBase, SecretStore
from cwl_memo.cwl.log import Log

__all__ = ["secret_files", "tell_tale"]


def tell_tale(
    secrets: SecretStore | None,
    outdir: str,
    outputs: Any,
    hidden: Collection[str],
    logs: Iterable[Log],
) -> str:
    """Return where a secret would stand in an entry; empty for nowhere.

    :param outdir: the job's working directory.
    :param hidden: relative paths in it that are not recorded.
    """
    if secrets is None or not secrets.secrets:
        return ""
    if secrets.has_secret(outputs):
        return "output object"
    values = [value.encode() for value in secrets.secrets.values()]
    if any(value and value in name for name in _names_below(outdir) for value in values):
        return "name of a file"
    if any(value and isinstance(log, bytes) and value in log for log in logs for value in values):
        return "log"
    files = (
        *_files_below(outdir, hidden),
        *(str(log) for log in logs if isinstance(log, Path)),
    )
    told = next((path for path in files if _holds(path, values)), None)
    return "" if told is None else os.path.relpath(told, outdir)


def secret_files(job: JobBase, secrets: SecretStore | None) -> list[str]:
    """Return the relative paths of generated files with secrets, which cwltool removes."""
    if secrets is None or not secrets.secrets or job.generatemapper is None:
        return []
    prefix = job.builder.outdir + os.sep
    return [
        entry.target[len(prefix) :]
        for entry in job.generatemapper
        if str(entry.type).startswith("Create")
        and secrets.has_secret(entry.resolved)
        and entry.target.startswith(prefix)
    ]


def _files_below(outdir: str, leave_out: Iterable[str]) -> Iterator[str]:
    hidden = {os.path.join(outdir, path) for path in leave_out}
    for directory, _, names in os.walk(outdir):
        for name in names:
            path = os.path.join(directory, name)
            if path not in hidden and os.path.isfile(path) and not os.path.islink(path):
                yield path


def _names_below(outdir: str) -> Iterator[bytes]:
    """Yield the names of all that stands in a directory, and where its links lead."""
    for directory, directories, files in os.walk(os.fsencode(outdir)):
        for name in (*directories, *files):
            path = os.path.join(directory, name)
            yield name
            if os.path.islink(path):
                yield os.readlink(path)


def _holds(path: str, values: list[bytes]) -> bool:
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return any(value and data.find(value) >= 0 for value in values)
    except (OSError, ValueError):
        return True  # what cannot be searched is not recorded
