"""What keeps a comparison from being made."""

from __future__ import annotations

__all__ = ["ConformanceError"]


class ConformanceError(Exception):
    """A suite could not be read or a pass not be run, so there is nothing to compare."""
