"""The chain for doit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.tools import config_changed

JOB = json.loads(Path(os.environ["JOB"]).read_text(encoding="utf-8"))


def task_link() -> Iterator[dict[str, Any]]:
    """Append a word to the text of the link before."""
    text = JOB["text"]
    for number, word in enumerate(JOB["words"], 1):
        longer = f"{number:03}.txt"
        yield {
            "name": longer,
            "file_dep": [text],
            "targets": [longer],
            "actions": [f"(cat {text}; echo {word}; test {word} != fail) > {longer}"],
            "uptodate": [config_changed(word)],
        }
        text = longer
