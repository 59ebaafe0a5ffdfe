"""Canonical JSON and digests (section "Bytes" of the page)."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from blake3 import blake3

__all__ = ["canonical", "digest", "digest_of_file", "digest_of_value"]

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES |= {"\b": "\\b", "\f": "\\f"}


def canonical(value: Any) -> bytes:
    """Return the canonical JSON of a value."""
    return _write(value).encode("utf-8", "surrogatepass")


def _write(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return _quote(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not JSON")
        return float.__repr__(value)
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a name is no text")
        names = sorted(value, key=lambda name: [ord(character) for character in name])
        return "{" + ",".join(f"{_quote(n)}:{_write(value[n])}" for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_write, value)) + "]"
    raise TypeError(f"{value!r} is not JSON")


def _quote(text: str) -> str:
    found = (_ESCAPES.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text)
    return '"' + "".join(found) + '"'


def digest(data: bytes | str) -> str:
    """Return the digest of content."""
    if isinstance(data, str):
        data = data.encode("utf-8", "surrogatepass")
    return f"blake3:{blake3(data).hexdigest()}"


def digest_of_file(path: Path) -> str:
    """Return the digest of a file's content."""
    return digest(path.read_bytes())


def digest_of_value(domain: str, value: Any) -> str:
    """Return the digest of a value in a domain."""
    return digest(f"cwl-memo\n{domain}\n1\n".encode() + canonical(value))
