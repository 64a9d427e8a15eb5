"""``kimera serve``: the embedded platform behind an HTTP port, until it is asked to stop."""

from __future__ import annotations

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from infra.local.admission import admission
from infra.local.functions import LOCAL_HOSTS, internal_app, public_app
from infra.local.inbox import InboxWatcher
from infra.local.lock import DataFolderLock
from infra.local.platform import Platform
from shared.errors import BadInput, Unavailable
from shared.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from shared.runtime import Runtime

_THREADS = 16
_RECEIVE_BYTES = 65_536
_CONNECTION_TIMEOUT_S = 120
_FOLDER_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the platform listens. Port 0 takes a free one."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def serve(
    settings: Settings,
    address: Address,
    *,
    started: Callable[[str], None],
    functions: Callable[[Runtime], WSGIApplication] = internal_app,
) -> None:
    """Serve until SIGTERM or SIGINT, then stop taking work and leave every mission where it is.

    ``started`` hears the address; ``functions`` gives the internal functions. Raises ``DataFolderInUse``, ``Unavailable`` (the port is
    taken, or the data folder was removed meanwhile) or ``BadInput`` (a host that others reach, without owners).
    """
    if not address.is_local and not settings.owners:
        raise BadInput(
            f"On {address.host} anybody in the network could use this platform.",
            remedy="Configure owners (settings.owners: a name and the SHA-256 of its token), or serve on 127.0.0.1.",
        )
    DataFolderLock(settings.home.expanduser().absolute()).require_free()
    with _bound(address) as listening:
        port: int = listening.getsockname()[1]
        url = f"http://{_reachable(address.host)}:{port}"
        with Platform(settings, command="kimera serve", url=url, functions=functions) as platform:
            watching = _watcher(settings, platform)
            if watching is not None:
                watching.start()
            try:
                _answer(platform, listening, local=address.is_local, started=lambda: started(url))
            finally:
                if watching is not None:
                    watching.stop()


def _watcher(settings: Settings, platform: Platform) -> InboxWatcher | None:
    if settings.inbox is None or settings.outbox is None:
        return None
    return InboxWatcher(Path(settings.inbox), Path(settings.outbox), platform.client, platform.runtime.clock)


def _answer(platform: Platform, listening: socket.socket, *, local: bool, started: Callable[[], None]) -> None:
    from waitress import create_server

    from infra.local.connection import Connection
    from infra.local.request_parser import MAX_HEADER_BYTES
    from infra.local.stopping import StopRequest

    channels: dict[int, Any] = {}
    app = platform.public if local else public_app(platform.runtime, hosts=None)
    server = create_server(
        app,
        map=channels,
        sockets=[listening],
        threads=_THREADS,
        ident="kimera",
        recv_bytes=_RECEIVE_BYTES,
        max_request_header_size=MAX_HEADER_BYTES,
        max_request_body_size=sys.maxsize,  # each route has its own limit: see RequestParser
        channel_timeout=_CONNECTION_TIMEOUT_S,
        clear_untrusted_proxy_headers=True,
    )

    server.channel_class = partial(Connection, admission(platform.runtime, LOCAL_HOSTS if local else None))

    stop = StopRequest(channels)
    stop.listen_to_signals()
    watch = _FolderWatch(platform, gone=stop.ask)
    try:
        started()
        platform.prepare()
        watch.start()
        server.run()
    finally:
        watch.stop()
        stop.close()
        server.close()
    if watch.found_none:
        raise Unavailable(
            f"The data folder {platform.runtime.home} was removed or replaced while the platform ran: what it accepts could not be kept.",
            remedy="Put the folder back, from a copy if need be, and start again.",
        )


class _FolderWatch:
    """Looks whether the data folder is still there: a store whose files were removed goes on as if nothing had happened."""

    def __init__(self, platform: Platform, *, gone: Callable[[], None]) -> None:
        self._platform = platform
        self._gone = gone
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kimera-folder", daemon=True)
        self.found_none = False

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_FOLDER_EVERY_S)  # a file system may not answer

    def _run(self) -> None:
        while not self._stopped.wait(_FOLDER_EVERY_S):
            if not self._platform.has_its_folder:
                self.found_none = True
                self._gone()
                return


def _bound(address: Address) -> socket.socket:
    """A listening socket; taking the port before anything else starts leaves nothing half done."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
    except OSError as error:
        raise BadInput(f"--host: {address.host} is no address of this machine.", remedy="Use 127.0.0.1.") from error
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(where)
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"The port {address.port} on {address.host} cannot be used: {error.strerror}.",
            remedy="Choose another with --port (0 takes a free one), or stop what uses it.",
        ) from error
    return listening


def _reachable(host: str) -> str:
    """The host under which this machine reaches the server."""
    if host in ("0.0.0.0", ""):
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in host else host
