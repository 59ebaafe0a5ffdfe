"""``python -m conformance``: the memoization suite against a CWL runner."""

from __future__ import annotations

import sys

from .driver.main import main

if __name__ == "__main__":
    sys.exit(main())
