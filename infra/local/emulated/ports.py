"""Ports of this machine for servers that start a little later: who else asks here, in any process, does not get the same one meanwhile."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import socket
import tempfile
import threading
from pathlib import Path

from shared.errors import Unavailable

HOST = "127.0.0.1"
_LOWEST_PORT = 10_000
_PORTS_TRIED = 20


def free_port() -> int:
    """A port nobody listens on now: below those that connections get, of which one could take it before its server does.

    It is this process's until it ends: its server may be started again on it.
    """
    below = _first_of_connections() - _LOWEST_PORT
    chosen = [_LOWEST_PORT + secrets.randbelow(below) for _ in range(_PORTS_TRIED)] if below > 0 else []
    for port in (*chosen, 0):  # 0: one that the kernel chooses
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            free: int = probe.getsockname()[1]
            if _GIVEN.take(free) or not port:
                return free
    raise Unavailable("This machine has no free port.", remedy="Stop something that listens here.")


def is_taken(port: int) -> bool:
    """Whether somebody listens there. Connections that a server left behind do not count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
        return False


class _Given:
    """The ports that processes of this user were given: each process holds the bytes of its own in one file locked, until it ends."""

    def __init__(self) -> None:
        self._ours: set[int] = set()
        self._file: int | None = None
        self._taking = threading.Lock()

    def take(self, port: int) -> bool:
        """Whether nobody had it; now it is ours."""
        with self._taking:
            if port in self._ours or not self._locked(port):
                return False
            self._ours.add(port)
            return True

    def _locked(self, port: int) -> bool:
        try:
            if self._file is None:
                path = Path(tempfile.gettempdir()) / f"kimera-ports-{os.getuid()}"
                self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN) or self._file is None  # no such file to be had: nobody is asked
        return True


def _first_of_connections() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except OSError:  # not told here: the kernel chooses
        return 0


_GIVEN = _Given()
