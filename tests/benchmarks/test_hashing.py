"""The digests that are compared are what they are called."""

from __future__ import annotations

import hashlib
from pathlib import Path

from blake3 import blake3

from benchmarks.hashing import METHODS, measure_digests


def test_every_method_gives_the_digests_of_its_name(tmp_path: Path) -> None:
    data = bytes(range(256)) * 20_000
    path = tmp_path / "data"
    path.write_bytes(data)
    content = blake3(data).hexdigest()
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    expected = {
        "read alone": None,
        "SHA-256": hashlib.sha256(data).hexdigest(),
        "SHA-1": sha1,
        "BLAKE3": content,
        "BLAKE3, mapped": content,
        "BLAKE3, mapped, all processors": content,
        "BLAKE3 and SHA-1, one read": (content, sha1),
        "BLAKE3 and SHA-1, one read, two threads": (content, sha1),
    }
    assert {name: method(path) for name, method in METHODS.items()} == expected


def test_every_method_is_measured(tmp_path: Path) -> None:
    table = measure_digests(tmp_path, mebibytes=1, files=3, rounds=1)["table"]
    assert [row[0] for row in table[2:]] == list(METHODS)
    assert len({len(row) for row in table[1:]}) == 1
