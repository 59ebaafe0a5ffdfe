"""What ends a benchmark."""

from __future__ import annotations

__all__ = ["BenchmarkError"]


class BenchmarkError(Exception):
    """The benchmark cannot be made as it was asked for."""
