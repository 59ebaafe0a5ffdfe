"""Fingerprints are pinned: a change of any key is a red test, not a silent mass miss.

If a change of the key is meant, raise ``KEY_VERSION``, say so in the CHANGELOG, and
write the vectors anew: ``UPDATE_GOLDEN=1 pytest tests/golden``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cwl_memo.core.digest import KEY_VERSION
from tests.golden.vectors import Vector, expected_of, vectors

VECTORS = vectors()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_fingerprint_and_key_are_as_pinned(
    vector: Vector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = vector.lay_out(tmp_path)
    monkeypatch.chdir(place.folder)
    actual = expected_of(place)
    if os.environ.get("UPDATE_GOLDEN"):
        data = {**vector.data, "key_version": KEY_VERSION, "expected": actual}
        text = json.dumps(data, indent=2, ensure_ascii=False)
        (vector.folder / "vector.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    else:
        assert actual == vector.data["expected"]
