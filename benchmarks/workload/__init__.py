"""What is run: documents, data and the outputs that have to come of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .chain import Chain
from .gather import Gather
from .large import Large
from .model import Document, Workload
from .nested import Nested
from .real import Outbreak, Variants
from .scatter import Scatter

__all__ = ["WORKLOADS", "Document", "Workload"]

WORKLOADS: Final[Mapping[str, Workload]] = {
    workload.name: workload
    for workload in (
        Scatter(),
        Chain("W2", breaks=False),
        Large(),
        Nested(),
        Chain("W5", breaks=True),
        Outbreak(),
        Variants(),
        Gather(),
    )
}
"""The workloads by name."""
