"""Keys are pinned: a change of any is a red test, not a silent mass miss.

If a change of the key is meant, raise ``KEY_VERSION``, say so in the CHANGELOG, and
write the files anew: ``UPDATE_GOLDEN=1 pytest tests/golden``.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .keying import fingerprint_of

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/tool.cwl"))


@pytest.mark.parametrize("case", CASES)
def test_fingerprint_and_key_are_as_pinned(case: str) -> None:
    folder = HERE / case
    found = fingerprint_of(folder / "tool.cwl", json.loads((folder / "job.json").read_text()))
    actual = {"key": str(found.key), "section": str(found.section), "fingerprint": found.fields}
    golden = folder / "golden.json"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(json.dumps(actual, indent=2, ensure_ascii=False) + "\n")
    assert actual == json.loads(golden.read_text())


def test_there_are_cases() -> None:
    assert len(CASES) >= 4
