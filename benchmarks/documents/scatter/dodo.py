"""The scatter for doit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.tools import config_changed

TEXTS = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))["texts"]
WORD = "edition-0"


def task_sort() -> Iterator[dict[str, Any]]:
    """Sort each text."""
    for text in TEXTS:
        name = Path(text).stem
        yield {
            "name": name,
            "file_dep": [text],
            "targets": [f"{name}.sorted"],
            "actions": [f"sort {text} > {name}.sorted"],
        }


def task_sign() -> dict[str, Any]:
    """Write the edition."""
    return {
        "targets": ["sign.txt"],
        "actions": [f"echo {WORD} > sign.txt"],
        "uptodate": [config_changed(WORD)],
    }
