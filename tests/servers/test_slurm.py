"""The Slurm of the tests is one: it runs jobs, cancels them, and is gone afterwards."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.slurm import Slurm, begin_slurm

pytestmark = [pytest.mark.slow, pytest.mark.slurm]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """One for all the tests of the module."""
    with begin_slurm() as slurm:
        yield slurm


def wait_until_idle(slurm: Slurm) -> None:
    for _ in range(300):
        if not slurm.ask("squeue", "--noheader"):
            return
        time.sleep(0.1)
    pytest.fail(slurm.ask("squeue"))


def batch(slurm: Slurm, folder: Path, script: str) -> str:
    """Submit a script; return the id of its job."""
    path = folder / "batch.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    return slurm.ask("sbatch", "--parsable", "--output=/dev/null", str(path)).strip()


def test_it_runs_a_command_on_each_node(slurm: Slurm) -> None:
    before = slurm.submitted()
    said = slurm.ask("srun", "--nodes=2", "sh", "-c", "echo $SLURMD_NODENAME")
    assert sorted(said.split()) == ["n1", "n2"]
    assert slurm.submitted() == before + 1


def test_it_runs_a_batch_script(slurm: Slurm, tmp_path: Path) -> None:
    batch(slurm, tmp_path, f"echo done > {tmp_path}/done")
    wait_until_idle(slurm)
    assert (tmp_path / "done").read_text() == "done\n"


def test_a_cancelled_job_ends(slurm: Slurm, tmp_path: Path) -> None:
    job = batch(slurm, tmp_path, f"sleep 600; echo done > {tmp_path}/done")
    for _ in range(300):
        if job in slurm.running():
            break
        time.sleep(0.1)
    slurm.cancel(job)
    wait_until_idle(slurm)
    assert not (tmp_path / "done").exists()


def test_nobody_outside_can_reach_it(slurm: Slurm) -> None:
    assert slurm.ask("ip", "--brief", "link").split()[0] == "lo"
    listening = slurm.ask("ss", "--listening", "--tcp", "--udp", "--numeric", "--no-header")
    assert {line.split()[4].rsplit(":", 1)[0] for line in listening.splitlines()} == {"127.0.0.1"}


def test_nothing_of_it_is_left() -> None:
    with begin_slurm() as slurm:
        folder = slurm.folder
        job = slurm.begin(["srun", "sleep", "987"], folder)
        for _ in range(300):
            if slurm.running():
                break
            time.sleep(0.1)
    job.wait(timeout=30)
    assert not folder.exists()
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(folder) not in left
    assert "sleep 987" not in left
