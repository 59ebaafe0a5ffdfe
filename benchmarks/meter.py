"""Runs one command and writes down what it and all that it began have used.

A program of its own, and a small one: the system counts the peak memory of whoever starts a
command as the command's own, so the driver with all its modules must not be who starts it.

    python -I -S meter.py REPORT.json PROGRAM ARGUMENT...
"""

from __future__ import annotations

import json
import os
import sys
import time

_ORPHANS_SECONDS = 5.0
_BECOME_SUBREAPER = 36


def adopt() -> None:
    """Have processes whose parent ends come to this one, so that none goes uncounted."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_BECOME_SUBREAPER, 1, 0, 0, 0)


def transferred() -> tuple[int, int] | None:
    """Return the bytes that this process and its ended children have read and written.

    By calls of the system, whether or not a disk was touched; mapped files do not count.
    """
    try:
        with open("/proc/self/io", encoding="ascii") as file:  # noqa: PTH123
            fields = dict(line.split(": ") for line in file)
    except OSError:
        return None
    return int(fields["rchar"]), int(fields["wchar"])


class Total:
    """CPU seconds and peak memory, summed over children as they end."""

    cpu = 0.0
    peak = 0

    def wait(self, pid: int, options: int = 0) -> tuple[int, int]:
        """Wait for a child; return its id, 0 where none has ended, and its status."""
        ended, status, usage = os.wait4(pid, options)
        if ended:
            self.cpu += usage.ru_utime + usage.ru_stime
            unit = 1 if sys.platform == "darwin" else 1024
            self.peak = max(self.peak, usage.ru_maxrss * unit)
        return ended, os.waitstatus_to_exitcode(status) if ended else 0


def wait_for_orphans(total: Total) -> bool:
    """Wait for what outlived the command; return whether something still lives."""
    end = time.monotonic() + _ORPHANS_SECONDS
    while True:
        try:
            ended, _ = total.wait(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if not ended:
            if time.monotonic() > end:
                return True
            time.sleep(0.005)


def main() -> int:
    """Run the command of the command line; return its exit status."""
    report, *words = sys.argv[1:]
    adopt()
    total = Total()
    before = transferred()
    begun = time.perf_counter()
    pid = os.posix_spawn(words[0], words, os.environ)
    _, status = total.wait(pid)
    wall = time.perf_counter() - begun
    left = wait_for_orphans(total)
    after = transferred()
    known = before is not None and after is not None
    usage = {
        "status": status,
        "cpu": total.cpu,
        "wall": wall,
        "peak": total.peak,
        "read": after[0] - before[0] if known else None,  # type: ignore[index]
        "written": after[1] - before[1] if known else None,  # type: ignore[index]
        "left": left,
    }
    with open(report, "w", encoding="ascii") as file:  # noqa: PTH123
        json.dump(usage, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
