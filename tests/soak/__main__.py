"""``python -m tests.soak``: runners on one shared store, for a while, and all that goes wrong.

Eight machines, each with a home of its own, have random workflows run, one after another.
Runners are killed; the server is killed, or hangs, and comes back; objects are damaged. It
is known of each workflow what it has to give, so that a wrong result shows.

Exit status: 0 if no output was wrong, no run failed that had to succeed, and nothing is
left that would grow; 1 if not.
"""

from __future__ import annotations

import sys

from .soak import main

if __name__ == "__main__":
    sys.exit(main())
