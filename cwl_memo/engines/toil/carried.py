"""Digests that Files carry from the job that made them to the jobs that read them.

A job gives its outputs to Toil's job store, where nobody knows their digests; whoever reads
one would have to fetch it for nothing but its digest. So a File carries it, in a field of
our own: bound to its location, and marked with a secret of the run. Nobody else's field is
believed; it is a field like any other of the user's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from cwl_memo.core.digest import Digest
from cwl_memo.core.mode import Mode
from cwl_memo.errors import FormatError
from cwl_memo.store.protocol import FileDigest

__all__ = ["CARRIED", "Carried", "mark", "without_marks"]

CARRIED: Final = "https://w3id.org/cwl-memo#digest"
"""The field."""


def mark(item: dict[str, Any], digest: FileDigest, *, executable: bool, secret: bytes) -> None:
    """Have a File carry its digest from now on."""
    flags = f"{'p' if digest.program else '-'}{'x' if executable else '-'}"
    text = f"{digest.digest} {digest.size} {digest.sha1 or '-'} {flags}"
    item[CARRIED] = f"{text} {_seal(text, str(item['location']), secret)}"


def _seal(text: str, location: str, secret: bytes) -> str:
    return hmac.new(secret, f"{text}\n{location}".encode(), hashlib.sha256).hexdigest()


def without_marks(value: Any) -> Any:
    """Return a CWL value whose Files carry no digests."""
    if isinstance(value, Mapping):
        return {name: without_marks(item) for name, item in value.items() if name != CARRIED}
    if isinstance(value, (list, tuple)):
        return [without_marks(item) for item in value]
    return value


class Carried:
    """The digests that the Files of input objects carry.

    :param secret: of the run.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._known: dict[str, tuple[FileDigest, Mode]] = {}

    def take(self, value: Any) -> Any:
        """Take the digests that a CWL value carries; return it without them."""
        if isinstance(value, Mapping):
            taken = isinstance(value.get(CARRIED), str) and self._take(value)
            return {
                name: self.take(item)
                for name, item in value.items()
                if not (taken and name == CARRIED)
            }
        if isinstance(value, (list, tuple)):
            return [self.take(item) for item in value]
        return value

    def _take(self, item: Mapping[str, Any]) -> bool:
        location = str(item.get("location", ""))
        text, _, seal = item[CARRIED].rpartition(" ")
        if not hmac.compare_digest(seal.encode(), _seal(text, location, self._secret).encode()):
            return False
        try:
            digest, size, sha1, flags = text.split(" ")
            known = FileDigest(
                Digest.parse(digest, CARRIED), int(size), sha1.strip("-"), "p" in flags
            )
        except (FormatError, ValueError):
            return False
        self._known[location] = (known, Mode(executable="x" in flags))
        return True

    def digest_of(self, path: str, /) -> FileDigest | None:
        """Return the digest that the File of a location carries, or None."""
        found = self._known.get(path)
        return None if found is None else found[0]

    def is_executable(self, path: str, /) -> bool | None:
        """Tell whether such a file is executable, or None."""
        found = self._known.get(path)
        return None if found is None else found[1].executable

    def mode_of(self, path: str, /) -> Mode | None:
        """Return the mode of such a file, or None."""
        found = self._known.get(path)
        return None if found is None else found[1]
