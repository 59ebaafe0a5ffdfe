"""The nested scatter for doit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROWS = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))["rows"]


def task_speak() -> Iterator[dict[str, Any]]:
    """Write each word in capitals."""
    for word in (word for row in ROWS for word in row):
        name = f"{word}.txt"
        yield {
            "name": word,
            "targets": [name],
            "actions": [f"echo {word.upper()} > {name}"],
            "uptodate": [True],
        }


def task_join() -> Iterator[dict[str, Any]]:
    """Join the words of each row, and the rows."""
    rows = {f"row{number}.txt": [f"{word}.txt" for word in row] for number, row in enumerate(ROWS)}
    for name, parts in (*rows.items(), ("all.txt", list(rows))):
        yield {
            "name": name,
            "file_dep": parts,
            "targets": [name],
            "actions": [f"cat {' '.join(parts)} > {name}"],
        }
