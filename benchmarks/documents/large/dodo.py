"""The copies for doit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCKS = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))["blocks"]


def task_copy() -> Iterator[dict[str, Any]]:
    """Copy each block."""
    for block in BLOCKS:
        name = f"{Path(block).stem}.copy"
        yield {
            "name": name,
            "file_dep": [block],
            "targets": [name],
            "actions": [f"cp {block} {name}"],
        }
