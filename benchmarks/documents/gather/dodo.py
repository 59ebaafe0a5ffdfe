"""The gathering for doit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

JOB = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))


def task_gather() -> dict[str, Any]:
    """Join all texts."""
    return {
        "file_dep": JOB["texts"],
        "targets": ["gathered.txt"],
        # A command line cannot hold the names of thousands of files.
        "actions": [f"xargs cat < {JOB['names']} > gathered.txt"],
    }
