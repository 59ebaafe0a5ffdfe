"""A runner that trusts its store: a blob that is there is taken as it is."""

from __future__ import annotations

import sys
from unittest.mock import patch

from cwl_memo.cli.main import main
from cwl_memo.core.digest import Digest
from cwl_memo.store.blob import BlobFiles


def is_there(self: BlobFiles, digest: Digest, _size: int | None = None) -> bool:
    return self._layout.blob(digest).exists()


if __name__ == "__main__":
    with patch.object(BlobFiles, "check", is_there):
        sys.exit(main())
