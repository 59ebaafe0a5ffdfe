"""The input object as plain dicts and lists.

cwltool reads it with ruamel.yaml, whose lists copy the table of their line numbers once for
each element whenever they are copied: a scatter of N jobs costs N squared.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["as_plain"]


def as_plain(value: Any) -> Any:
    """Return a CWL value without the line numbers of its lists and objects.

    Its texts and numbers are what they were: a number remembers how it was written.
    """
    if isinstance(value, Mapping):
        return {name: as_plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item) for item in value]
    return value
