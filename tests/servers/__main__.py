"""An S3 server on loopback for as long as a command runs: ``python -m tests.servers COMMAND``.

The command finds it by the variables that S3's clients read; its bucket is called memo. With a
rate, as in ``python -m tests.servers --rate 0.2 COMMAND``, that much of what is asked for goes
wrong on the way to the server.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from typing import Final

from .fault import Fault, Kind
from .faulty import running_proxy
from .s3 import running_s3

_SLOW: Final = (Kind.DELAY, Kind.HANG, Kind.STALL)
# Whatever ignores conditions does so always, and that needs a hand of the server's own.
_QUICK: Final = tuple(kind for kind in Kind if kind not in (*_SLOW, Kind.CREATE_IGNORED))


def main(words: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    arguments = _arguments(words)
    with ExitStack() as stack:
        server = stack.enter_context(running_s3())
        variables = server.environment()
        proxy = stack.enter_context(running_proxy(server.endpoint, seed=arguments.seed))
        if arguments.rate or arguments.slow:
            kinds = tuple(map(Kind, arguments.kinds.split(","))) if arguments.kinds else _QUICK
            proxy.inject(Fault(_SLOW, arguments.slow), Fault(kinds, arguments.rate))
            variables["AWS_ENDPOINT_URL"] = proxy.endpoint
        # Ctrl-C is the command's; the server ends when that has.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        status = subprocess.run(
            arguments.command, env={**os.environ, **variables}, check=False
        ).returncode
        calls = proxy.policy.calls
        if calls:
            done = Counter(kind.value for _, kind in calls if kind is not None)
            told = ", ".join(f"{name} {count}" for name, count in done.most_common())
            sys.stderr.write(f"{len(calls)} calls; {done.total()} went wrong: {told}\n")
    return status


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    add = parser.add_argument
    add("--rate", type=float, default=0.0, help="of calls that go wrong, from 0 to 1")
    add("--slow", type=float, default=0.0, help="of calls that are late by 1 s or never answered")
    add("--kinds", help="of faults, with commas between (default: all that are not slow)")
    add("--seed", type=int, default=0, help="of what goes wrong")
    add("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    arguments = parser.parse_args(words)
    if not arguments.command:
        parser.error("no command")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
