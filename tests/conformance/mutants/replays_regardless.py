"""A runner that answers a run from the manifest of the last one, whatever has changed."""

from __future__ import annotations

import sys
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.manifest import Manifest, SeenFile
from cwl_memo.store.layout import Layout


def unchanged(_layout: Layout, manifest: Manifest, _files: tuple[SeenFile, ...]) -> Manifest:
    return manifest


def files_unchanged(files: tuple[SeenFile, ...]) -> tuple[SeenFile, ...]:
    return files


if __name__ == "__main__":
    with (
        patch("cwl_memo.cli.replay.require_unchanged", unchanged),
        patch("cwl_memo.cli.replay.unchanged_files", files_unchanged),
    ):
        sys.exit(main())
