"""Digests of the files that the jobs of a run give to Toil's job store.

What a job gives to the job store has a location there, and nobody knows its digest; whoever
reads it would have to fetch it for nothing but its digest. So a small file of the job store
says the digest of a location, sealed with a secret of the run. Nobody else is believed, and
no value of the workflow carries any of it: an expression would see it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any, Final

from cwl_memo.core.digest import Digest
from cwl_memo.core.mode import Mode
from cwl_memo.errors import FormatError
from cwl_memo.store.protocol import FileDigest

__all__ = ["TOIL_FILE", "Carried", "note_name"]

_log = logging.getLogger("cwltool")

TOIL_FILE: Final = "toilfile:"
"""What begins the location of a file in the job store."""

_LIMIT: Final = 4096
"""Bytes of a note at most, much above what one has."""


def note_name(location: str) -> str:
    """Return the name of the file that the job store has about a location."""
    return f"cwl-memo-{hashlib.sha256(location.encode()).hexdigest()}"


class Carried:
    """The digests of files in the job store that jobs of this run have put there.

    :param job_store: Toil's.
    :param secret: of the run.
    """

    def __init__(self, job_store: Any, secret: bytes) -> None:
        self._job_store = job_store
        self._secret = secret
        self._known: dict[str, tuple[FileDigest, Mode] | None] = {}

    def note(self, location: str, digest: FileDigest, *, executable: bool) -> None:
        """Have the job store know the digest of a location, before anybody is told of it.

        Without it the file is read by whoever needs its digest.
        """
        flags = f"{'p' if digest.program else '-'}{'x' if executable else '-'}"
        text = f"{digest.digest} {digest.size} {digest.sha1 or '-'} {flags}"
        data = f"{text} {self._seal(text, location)}".encode()
        try:
            with self._job_store.write_shared_file_stream(note_name(location)) as file:
                file.write(data)
        except Exception as error:  # noqa: BLE001  (each job store has its own)
            _log.debug("cwl-memo: no digest noted of %s: %r", location, error)

    def _seal(self, text: str, location: str) -> str:
        return hmac.new(self._secret, f"{text}\n{location}".encode(), hashlib.sha256).hexdigest()

    def _find(self, location: str) -> tuple[FileDigest, Mode] | None:
        if not location.startswith(TOIL_FILE):
            return None
        if location not in self._known:
            self._known[location] = self._read(location)
        return self._known[location]

    def _read(self, location: str) -> tuple[FileDigest, Mode] | None:
        try:
            with self._job_store.read_shared_file_stream(note_name(location)) as file:
                note = file.read(_LIMIT).decode()
        except Exception:  # noqa: BLE001  (each job store has its own)
            return None  # a file of the user's, as a rule
        text, _, seal = note.rpartition(" ")
        if not hmac.compare_digest(seal.encode(), self._seal(text, location).encode()):
            return None
        try:
            digest, size, sha1, flags = text.split(" ")
            known = FileDigest(
                Digest.parse(digest, location), int(size), sha1.strip("-"), "p" in flags
            )
        except (FormatError, ValueError):
            return None
        return known, Mode(executable="x" in flags)

    def digest_of(self, path: str, /) -> FileDigest | None:
        """Return the digest that is noted of a location, or None."""
        found = self._find(path)
        return None if found is None else found[0]

    def is_executable(self, path: str, /) -> bool | None:
        """Tell whether such a file is executable, or None."""
        found = self._find(path)
        return None if found is None else found[1].executable

    def mode_of(self, path: str, /) -> Mode | None:
        """Return the mode of such a file, or None."""
        found = self._find(path)
        return None if found is None else found[1]
