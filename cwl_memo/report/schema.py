"""The published schema of report files (JSON Schema 2020-12)."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

__all__ = ["report_schema"]


def report_schema() -> dict[str, Any]:
    """Return the schema that every report file and ``cwl-memo explain --json`` follow.

    Each line of a file of events follows ``#/$defs/event`` in it.
    """
    text = resources.files("cwl_memo.report").joinpath("report.schema.json")
    schema: dict[str, Any] = json.loads(text.read_text(encoding="utf-8"))
    return schema
