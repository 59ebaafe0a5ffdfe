"""``python -m tests.servers COMMAND``: an S3 server on loopback for as long as a command runs.

The command finds it by the variables that S3's clients read; its bucket is called memo.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from .s3 import running_s3


def main(words: list[str]) -> int:
    """Run a command; return its exit status."""
    if not words:
        sys.stderr.write(__doc__ or "")
        return 2
    with running_s3() as server:
        # Ctrl-C is the command's; the server ends when that has.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(
            words, env={**os.environ, **server.environment()}, check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
