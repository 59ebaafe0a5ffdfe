"""The one place that makes bytes for hashing.

Canonical JSON after the manner of RFC 8785 (sorted keys, no white space, UTF-8), with
one difference that matters to CWL: an integer and a float of the same value stay apart
(``1`` and ``1.0`` reach a command line as different text), so a float is written as the
shortest text that reads back as the same number.
"""

from __future__ import annotations

import json
from typing import Any, Final, TypeAlias

__all__ = ["JSON", "canonical_bytes", "canonical_with", "preimage", "preimage_of_bytes"]

JSON: TypeAlias = Any
"""None, bool, int, float, str, or lists and string-keyed dicts of these."""

_ENCODER: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


def canonical_bytes(value: JSON) -> bytes:
    """Return the canonical JSON of ``value``.

    :raises TypeError: if the value is not JSON.
    :raises ValueError: if it holds NaN or an infinity, which JSON cannot name.
    """
    text = _ENCODER.encode(value)
    _check_names(value)
    # A lone surrogate stands for an undecodable byte of a file name: keep it apart
    # from every valid character instead of failing on it.
    return text.encode("utf-8", "surrogatepass")


def canonical_with(value: dict[str, JSON], name: str, member: bytes) -> bytes:
    """Return the canonical JSON of an object with one more member, from that member's own.

    :param value: the object without it; not empty.
    :param name: of the member, which must come after all others in their order.
    """
    if name <= max(value):
        raise ValueError(f"{name!r} is not the last of the names")
    head = canonical_bytes(value)[:-1]
    return head + b"," + _ENCODER.encode(name).encode() + b":" + member + b"}"


def _check_names(value: JSON) -> None:
    # The library above writes other names as text, and sorts them by what they are. It has
    # found that nothing holds itself, so this ends.
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            for name in item:
                if not isinstance(name, str):
                    raise TypeError("a name of an object is no text")
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)


def preimage(domain: str, version: int, value: JSON) -> bytes:
    """Return the bytes that are hashed for ``value`` in a ``domain``.

    The domain tag keeps digests of different kinds of thing from ever meeting; the
    version parts the digests of one release from those of a release that keys
    differently.
    """
    return preimage_of_bytes(domain, version, canonical_bytes(value))


def preimage_of_bytes(domain: str, version: int, data: bytes) -> bytes:
    """Return the bytes that are hashed for ``data``, which are no JSON, in a ``domain``."""
    return f"cwl-memo\n{domain}\n{version}\n".encode() + data
