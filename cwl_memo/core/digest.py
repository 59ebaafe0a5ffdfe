"""Digests: names of bytes by their content."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from blake3 import blake3

from cwl_memo.core.canonical import JSON, preimage, preimage_of_bytes
from cwl_memo.errors import FormatError

__all__ = [
    "ALGORITHM",
    "HEX",
    "KEY_VERSION",
    "Digest",
    "ReuseKey",
    "digest_of_bytes",
    "digest_of_canonical",
    "digest_of_value",
    "seal",
]

ALGORITHM: Final = "blake3"
"""The algorithm of every digest made here; BLAKE3 costs a third of SHA-256 per byte."""

KEY_VERSION: Final = 1
"""Raised when the meaning of a fingerprint changes; old keys are then never found."""

HEX: Final = re.compile(r"[0-9a-f]{64}")
"""How a digest of 32 bytes is written."""


@dataclass(frozen=True, order=True)
class Digest:
    """The digest of some bytes, with the name of its algorithm.

    :param hex: 64 lower-case hexadecimal digits.
    """

    hex: str
    algorithm: str = ALGORITHM

    def __post_init__(self) -> None:
        if self.algorithm != ALGORITHM or not HEX.fullmatch(self.hex):
            raise FormatError(f"not a digest: {self.algorithm}:{self.hex[:80]}")

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"

    @classmethod
    def parse(cls, text: object, path: str = "") -> Digest:
        """Read ``blake3:<hex>``.

        :raises FormatError: if the text is anything else.
        """
        if isinstance(text, str) and text.startswith(_PREFIX):
            with contextlib.suppress(FormatError):
                return _digest(text[len(_PREFIX) :])
        raise FormatError(f"not a digest: {str(text)[:80]!r}", path)


_PREFIX: Final = f"{ALGORITHM}:"

_digest = lru_cache(maxsize=1 << 14)(Digest)
"""Entries name the same blobs several times."""


@dataclass(frozen=True, order=True)
class ReuseKey:
    """The digest of a job's canonical fingerprint: the name of its entry.

    :param hex: 64 lower-case hexadecimal digits.
    """

    hex: str

    def __post_init__(self) -> None:
        if not HEX.fullmatch(self.hex):
            raise FormatError(f"not a reuse key: {self.hex[:80]!r}")

    def __str__(self) -> str:
        return self.hex


def digest_of_bytes(data: bytes) -> Digest:
    """Return the content digest of ``data``, as a blob of these bytes would have."""
    return Digest(blake3(data).hexdigest())


def digest_of_value(domain: str, value: JSON) -> Digest:
    """Return the digest of a JSON value in a domain, at the present :data:`KEY_VERSION`."""
    return Digest(blake3(preimage(domain, KEY_VERSION, value)).hexdigest())


def digest_of_canonical(domain: str, canonical: bytes) -> Digest:
    """Return :func:`digest_of_value` of a value whose canonical bytes are at hand."""
    return Digest(seal(domain, canonical).hex())


def seal(domain: str, data: bytes) -> bytes:
    """Return the 32 bytes by which ``data`` in a domain are known to be unchanged."""
    return blake3(preimage_of_bytes(domain, KEY_VERSION, data)).digest()
