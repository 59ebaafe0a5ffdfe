"""``python -m cwl_memo`` is ``cwl-memo``."""

# PYTHON_ARGCOMPLETE_OK

from __future__ import annotations

import sys

from cwl_memo.cli.main import program

if __name__ == "__main__":
    sys.exit(program())
