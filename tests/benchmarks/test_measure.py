"""What a command used, as it is measured."""

from __future__ import annotations

import os
import select
import sys
from pathlib import Path

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.measure import Measured, measure

BURN = "import time\nwhile time.process_time() < 0.3: pass"
linux = pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")


def run(folder: Path, *words: str, timeout: float = 60) -> Measured:
    return measure(words, folder, dict(os.environ), folder / "log", timeout)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)


def shell(script: str, *arguments: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script, "sh", *arguments)


def test_cpu_of_a_grandchild_counts(tmp_path: Path) -> None:
    done = run(tmp_path, *shell('"$@"; true', *python(BURN)))
    assert done.usage.cpu > 0.29


@linux
def test_cpu_of_what_outlives_the_command_counts(tmp_path: Path) -> None:
    done = run(tmp_path, *shell('"$@" &', *python(BURN)))
    assert done.usage.cpu > 0.29


def test_peak_memory_is_that_of_the_largest_process(tmp_path: Path) -> None:
    large = python("x = b'x' * 200_000_000")
    done = run(tmp_path, *shell('"$@"; "$@"; true', *large))
    assert 200e6 < done.usage.peak < 350e6


def test_peak_memory_is_not_that_of_who_measures(tmp_path: Path) -> None:
    mine = b"x" * 200_000_000
    assert run(tmp_path, "/bin/true").usage.peak < len(mine) / 2


@linux
def test_bytes_of_children_count(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(bytes(5_000_000))
    done = run(tmp_path, *shell("cat data > copy; true"))
    read, written = done.usage.read, done.usage.written
    assert read is not None
    assert written is not None
    assert 5_000_000 <= read < 6_000_000
    assert 5_000_000 <= written < 6_000_000


def test_status_and_prints_are_kept(tmp_path: Path) -> None:
    done = run(tmp_path, *shell("echo out; echo err >&2; exit 3"))
    assert done.status == 3
    assert done.stdout.read_text() == "out\n"
    assert done.log() == "err\n"


def test_a_signal_is_a_negative_status(tmp_path: Path) -> None:
    assert run(tmp_path, *shell("kill -KILL $$")).status == -9


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_began(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    done = run(tmp_path, *shell("exec 9>pipe; echo begun >&9; sleep 3600 & wait"), timeout=2)
    assert done.status is None
    assert os.read(pipe, 100) == b"begun\n"
    # A pipe is at its end when nobody is left who could write to it.
    assert select.select([pipe], [], [], 60)[0] == [pipe]
    assert os.read(pipe, 100) == b""
    os.close(pipe)


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match="could not be measured"):
        run(tmp_path, "/no/such/program")
