"""A runner that takes two files of one content for one file, whatever they are called."""

from __future__ import annotations

import sys

from tests.conformance.blindness import run_blind_to

if __name__ == "__main__":
    sys.exit(run_blind_to("basename"))
