"""A runner that looks at a file and not at those that go with it."""

from __future__ import annotations

import sys

from tests.conformance.blindness import run_blind_to

if __name__ == "__main__":
    sys.exit(run_blind_to("secondaryFiles"))
