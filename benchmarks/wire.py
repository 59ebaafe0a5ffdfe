"""Counts the bytes that pass between clients and a server."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

__all__ = ["Wire", "counted"]

_BUFFER: Final = 1 << 20


class Wire:
    """What has passed so far.

    :param port: where clients find it, on loopback.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.up = 0
        self.down = 0
        self.connections = 0
        self._lock = threading.Lock()

    def count(self, *, up: int = 0, down: int = 0, connections: int = 0) -> None:
        """Add what has passed."""
        with self._lock:
            self.up += up
            self.down += down
            self.connections += connections

    def taken(self) -> tuple[int, int]:
        """Return bytes up and bytes down since this was asked last."""
        with self._lock:
            passed = self.up, self.down
            self.up = self.down = 0
        return passed


@contextmanager
def counted(host: str, port: int) -> Iterator[Wire]:
    """Stand between a server and its clients for a while."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire.count(connections=1)
            with socket.create_connection((host, port)) as server:
                for each in (server, self.request):
                    each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(
                    target=_pass, args=(server, self.request, wire, "down"), daemon=True
                )
                back.start()
                _pass(self.request, server, wire, "up")
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as between:
        wire = Wire(between.server_address[1])
        thread = threading.Thread(target=between.serve_forever, daemon=True)
        thread.start()
        try:
            yield wire
        finally:
            between.shutdown()
            thread.join()


def _pass(source: socket.socket, target: socket.socket, wire: Wire, way: str) -> None:
    buffer = memoryview(bytearray(_BUFFER))
    # Whoever hangs up, the other is told.
    with suppress(OSError):
        while size := source.recv_into(buffer):
            target.sendall(buffer[:size])
            wire.count(**{way: size})
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
