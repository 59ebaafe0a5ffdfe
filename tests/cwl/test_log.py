"""What jobs write to the terminal is passed on at once, and kept."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cwl_memo.cwl import log as log_module
from cwl_memo.cwl.log import LogTaps


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The reading end of a pipe that stands for the terminal."""
    reading, writing = os.pipe()
    monkeypatch.setattr(log_module, "_terminal", lambda: writing)
    yield reading
    os.close(reading)
    os.close(writing)


@pytest.fixture
def taps() -> Iterator[LogTaps]:
    made = LogTaps()
    yield made
    made.remove()


def test_what_is_written_is_passed_on_before_the_job_ends(taps: LogTaps, terminal: int) -> None:
    taps.begin()
    os.write(taps.stderr.fileno(), b"one")
    assert os.read(terminal, 100) == b"one"
    os.write(taps.stderr.fileno(), b"two")
    assert os.read(terminal, 100) == b"two"
    assert taps.end() == (None, b"onetwo")


def test_a_silent_stream_is_empty_and_one_not_asked_for_is_none(taps: LogTaps) -> None:
    taps.begin()
    taps.stdout.fileno()
    assert taps.end() == (b"", None)
    assert taps.end() == (None, None)


def test_a_long_log_is_kept_in_a_file(taps: LogTaps, terminal: int) -> None:
    passed = bytearray()

    def watch() -> None:
        while len(passed) < 200_000:
            passed.extend(os.read(terminal, 65536))

    watching = threading.Thread(target=watch)
    watching.start()
    written = os.urandom(200_000)
    taps.begin()
    view = memoryview(written)
    while view:
        view = view[os.write(taps.stdout.fileno(), view) :]
    kept, _ = taps.end()
    watching.join()
    assert isinstance(kept, Path)
    assert kept.read_bytes() == bytes(passed) == written
    taps.remove()
    assert not kept.parent.exists()


def test_each_thread_has_a_stream_of_its_own(taps: LogTaps, terminal: int) -> None:
    ends: dict[int, object] = {}

    def job(number: int) -> None:
        for turn in range(20):
            taps.begin()
            for _ in range(5):
                os.write(taps.stderr.fileno(), b"%d\n" % number)
            ends[100 * number + turn] = taps.end()[1]

    threads = [threading.Thread(target=job, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ends == {
        100 * number + turn: b"%d\n" % number * 5 for number in range(8) for turn in range(20)
    }
    passed = b""
    while len(passed) < 8 * 20 * 5 * 2:
        passed += os.read(terminal, 65536)
    assert sorted(passed.split()) == sorted(b"%d" % n for n in range(8) for _ in range(100))


def test_a_child_left_behind_is_waited_for_a_little_and_still_heard(
    taps: LogTaps, terminal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "_LINGER", 0.05)
    taps.begin()
    left = os.dup(taps.stderr.fileno())
    os.write(left, b"first")
    assert taps.end() == (None, b"first")
    os.write(left, b"late")
    passed = b""
    while passed != b"firstlate":
        passed += os.read(terminal, 100)
    os.close(left)


def test_a_child_that_ends_soon_is_kept_whole(taps: LogTaps, terminal: int) -> None:
    taps.begin()
    left = os.dup(taps.stderr.fileno())

    def child() -> None:
        time.sleep(0.05)
        os.write(left, b"late")
        os.close(left)

    threading.Thread(target=child).start()
    assert taps.end() == (None, b"late")
    assert os.read(terminal, 100) == b"late"


def test_a_terminal_that_went_away_loses_no_log(
    taps: LogTaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    monkeypatch.setattr(log_module, "_terminal", lambda: writing)
    taps.begin()
    os.write(taps.stderr.fileno(), b"kept")
    assert taps.end() == (None, b"kept")
    os.close(writing)


def test_nothing_is_left_when_all_is_removed() -> None:
    before = (len(os.listdir("/dev/fd")), threading.active_count())  # noqa: PTH208
    taps = LogTaps()
    for _ in range(3):
        taps.begin()
        taps.stdout.fileno()
        taps.stderr.fileno()
        taps.stderr.close()
        taps.end()
    taps.begin()
    left = os.dup(taps.stderr.fileno())
    taps.end()  # a child that is left behind still has the stream
    taps.remove()
    taps.remove()
    os.close(left)
    assert (len(os.listdir("/dev/fd")), threading.active_count()) == before  # noqa: PTH208


def test_who_never_stops_writing_keeps_nobody_waiting(
    taps: LogTaps, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    monkeypatch.setattr(log_module, "_terminal", lambda: nowhere)
    monkeypatch.setattr(log_module, "_LINGER", 0.2)
    taps.begin()
    left = os.dup(taps.stderr.fileno())
    going = threading.Event()
    stop = threading.Event()

    def child() -> None:
        while not stop.is_set():
            try:
                os.write(left, b"x" * 4096)
            except OSError:
                return  # its reader is gone
            going.set()

    writing = threading.Thread(target=child, daemon=True)
    writing.start()
    going.wait()
    assert taps.end()[1]
    taps.begin()
    os.write(taps.stderr.fileno(), b"one")
    assert taps.end()[1] == b"one"
    stopping = threading.Thread(target=taps.remove, daemon=True)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()
    stop.set()
    writing.join(10)
    os.close(left)
    os.close(nowhere)
