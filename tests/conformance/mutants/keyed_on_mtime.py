"""A runner that knows a file by name, size and time of modification, as make does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.cwl.files import FileFacts
from cwl_memo.cwl.location import local_path

by_content = FileFacts._located


def by_time(self: FileFacts, item: Any, location: str, pointer: Any) -> dict[str, Any]:
    facts = by_content(self, item, location, pointer)
    path = local_path(location, self._basedir)
    # What another job is reused for need not be on disk.
    if path is not None and Path(path).exists():
        facts["digest"] = Path(path).stat().st_mtime_ns
    return facts


if __name__ == "__main__":
    with patch.object(FileFacts, "_located", by_time):
        sys.exit(main())
