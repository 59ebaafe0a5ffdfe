"""A Slurm of two nodes on this machine, for as long as a test needs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

__all__ = ["Slurm", "begin_slurm", "why_no_slurm"]

_HERE: Final = Path(__file__).parent
_PROGRAMS: Final = ("munged", "mungekey", "slurmctld", "slurmd", "sinfo", "ip", "unshare")
_SBIN: Final = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


class Slurm:
    """A Slurm that is up.

    It has a network of its own, where there is nothing but a loopback device. What is to see
    it, and what opens ports for all to reach, is run by :meth:`begin`.

    :param folder: holds all of it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(
        self,
        words: Sequence[str],
        folder: Path,
        environment: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Begin a process where the Slurm is; whoever begins it waits for it.

        :param log: the file that what it writes goes to; nowhere by default.
        """
        with (log or Path(os.devnull)).open("ab") as out:
            return subprocess.Popen(
                [str(self.folder / "enter"), *words],
                cwd=folder,
                env=None if environment is None else dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def ask(self, *words: str, timeout: float = 60) -> str:
        """Run a command of Slurm's to its end, and return what it printed.

        :raises CalledProcessError: if it failed.
        """
        return subprocess.run(
            [str(self.folder / "enter"), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=timeout,
        ).stdout

    def submitted(self) -> int:
        """Return how many jobs it was given since it began."""
        found = re.search(r"NEXT_JOB_ID\s*=\s*(\d+)", self.ask("scontrol", "show", "config"))
        assert found is not None
        return int(found[1]) - 1

    def running(self) -> list[str]:
        """Return the ids of the jobs that run now."""
        return self.ask("squeue", "--noheader", "--states=RUNNING", "--format=%i").split()

    def cancel(self, job: str) -> None:
        """End a job as a user would, without a chance to tidy up."""
        self.ask("scancel", "--signal=KILL", "--full", job)


def why_no_slurm() -> str:
    """Return why there can be no Slurm here; empty if there can."""
    if sys.platform != "linux":
        return "Slurm is brought up on Linux alone"
    missing = [name for name in _PROGRAMS if shutil.which(name, path=_SBIN) is None]
    if missing:
        return f"not installed: {', '.join(missing)} (see tests/servers/slurm_up.sh)"
    if os.geteuid() != 0:
        return "Slurm is brought up by root alone"
    tried = subprocess.run(
        ["unshare", "--net", "--pid", "--mount-proc", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no namespaces: {tried.stderr.strip()}" if tried.returncode else ""


@contextmanager
def begin_slurm() -> Iterator[Slurm]:
    """Have a Slurm, and end it with all of its jobs. Skips the test where there can be none."""
    why = why_no_slurm()
    if why:
        pytest.skip(why)
    # Not below a folder of pytest's: the names of sockets are short.
    with tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        # Whoever munged is has to pass.
        folder.chmod(0o755)
        begun = subprocess.run(
            [str(_HERE / "slurm_up.sh"), name], capture_output=True, text=True, check=False
        )
        assert begun.returncode == 0, begun.stdout + begun.stderr
        try:
            yield Slurm(folder)
        finally:
            subprocess.run([str(_HERE / "slurm_down.sh"), name], check=True)
