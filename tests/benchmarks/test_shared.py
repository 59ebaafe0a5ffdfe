"""What passes between clients and a server is counted, and arrives."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from benchmarks.outputs import sha1
from benchmarks.shared import Blocks, measure_shared
from benchmarks.wire import counted


def answer_with_capitals(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection:
        while data := connection.recv(1000):
            connection.sendall(data.upper() * 2)


def test_bytes_of_both_ways_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=answer_with_capitals, args=(listening,))
        thread.start()
        with counted("127.0.0.1", listening.getsockname()[1]) as wire:
            with socket.create_connection(("127.0.0.1", wire.port)) as client:
                client.sendall(b"abc")
                client.shutdown(socket.SHUT_WR)
                got = b"".join(iter(lambda: client.recv(1000), b""))
            thread.join()
            passed = wire.taken()
    assert got == b"ABCABC"
    assert passed == (3, 6)
    assert wire.taken() == (0, 0)


def test_blocks_are_the_same_wherever_they_are_written(tmp_path: Path) -> None:
    blocks = Blocks(2, 3_000_000)
    delivered = blocks.write(tmp_path / "one")
    assert delivered == blocks.write(tmp_path / "other")
    content = (tmp_path / "one" / "data" / "b00001.block").read_bytes()
    assert delivered[1] == ("b00001.copy", sha1(content))
    assert len(content) == 3_000_000


@pytest.mark.slow
def test_a_shared_store_is_measured_and_moves_what_is_not_there(tmp_path: Path) -> None:
    _, head, *rows = measure_shared(Blocks(3, 40_000), tmp_path, 120)
    up, down = head.index("MB up"), head.index("MB down")
    moved = {row[0]: (float(row[up]), float(row[down])) for row in rows}
    assert not any(moved["without memoization"])
    assert not any(moved["local store alone, empty"])
    assert moved["shared store, empty"][0] >= 0.1
    assert moved["shared store, all there, from another home"][1] >= 0.1
    assert moved["once more from there"][1] < 0.1
