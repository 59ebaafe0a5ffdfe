"""``python -m cwl_memo`` is ``cwl-memo``."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import sys

from cwl_memo.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
