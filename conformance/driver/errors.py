"""What keeps the suite from being run."""

from __future__ import annotations

from ..errors import ConformanceError

__all__ = ["CaseError", "DriverError"]


class DriverError(ConformanceError):
    """The suite cannot be run as the arguments ask; nothing is said about the runner."""


class CaseError(DriverError):
    """A case is not written as a case has to be."""
