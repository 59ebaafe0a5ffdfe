"""``python -m benchmarks``: the verbs.

Exit status: 0 when all runs delivered what they must, 1 when one did not, 2 when the benchmark
could not be made. How long anything took never bears on it.
"""

from __future__ import annotations

import sys

from .main import main

if __name__ == "__main__":
    sys.exit(main())
