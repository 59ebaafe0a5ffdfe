"""Has miniwdl run tasks on the host: the other runners use no containers either."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from WDL.runtime.backend.cli_subprocess import SubprocessBase


class HostContainer(SubprocessBase):  # type: ignore[misc]  # miniwdl is not there for mypy
    """A container that is none: its paths are those of the host, its inputs are links."""

    def __init__(self, cfg: Any, run_id: str, host_dir: str) -> None:
        super().__init__(cfg, run_id, host_dir)
        self.container_dir = host_dir

    @classmethod
    def global_init(cls, cfg: Any, logger: logging.Logger) -> None:
        """Prepare nothing."""

    @property
    def cli_name(self) -> str:
        """Return the word for log messages."""
        return "host"

    def _pull(self, _logger: logging.Logger, _cleanup: ExitStack) -> str:
        return ""

    def _run_invocation(
        self, _logger: logging.Logger, _cleanup: ExitStack, _image: str
    ) -> list[str]:
        for host, inside in self.input_path_map.items():
            link = Path(inside)
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.is_symlink():
                link.symlink_to(host)
        return ["env", "-C", self.host_work_dir()]
