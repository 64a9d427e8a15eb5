"""A way to a server that a test can close: nobody listens then, or whoever listens says nothing."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from enum import Enum
from types import TracebackType


class Way(Enum):
    """What becomes of a connection."""

    OPEN = "it reaches the server"
    SILENT = "it is taken, and nothing is ever said"
    DEAD = "it is refused"


class Gateway:
    """Stands in front of ``target`` (``host:port``) under an address of its own; ``way`` may be changed at any time."""

    def __init__(self, target: str, way: Way = Way.OPEN) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listening: socket.socket | None = socket.create_server(("127.0.0.1", 0))
        self._port: int = self._listening.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"
        self.taken = 0
        """Connections that were taken."""
        self._way = Way.OPEN
        threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()
        self.become(way)

    def become(self, way: Way) -> None:
        """From here on it is ``way``; the connections that there are end."""
        with self._lock:
            self._way = way
            for connection in self._open:
                _end(connection)
            self._open.clear()
            if way is Way.DEAD and self._listening is not None:
                _end(self._listening)
                self._listening = None
            elif way is not Way.DEAD and self._listening is None:
                self._listening = socket.create_server(("127.0.0.1", self._port))
                threading.Thread(target=self._serve, args=(self._listening,), daemon=True).start()

    def _serve(self, listening: socket.socket) -> None:
        while True:
            try:
                inside, _ = listening.accept()
            except OSError:
                return  # it was closed
            with self._lock:
                self.taken += 1
                self._open.add(inside)
                if self._way is not Way.OPEN:
                    continue
                outside = socket.create_connection(self._target)
                self._open.add(outside)
            for one, other in ((inside, outside), (outside, inside)):
                threading.Thread(target=_carry, args=(one, other), daemon=True).start()

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.become(Way.DEAD)


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one of the two was closed
        while data := source.recv(65_536):
            target.sendall(data)
    _end(target)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it has ended
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
