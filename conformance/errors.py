"""What keeps a measurement from being made."""

from __future__ import annotations

__all__ = ["ConformanceError"]


class ConformanceError(Exception):
    """The measurement cannot be made as the arguments ask; nothing is said about the runner."""
