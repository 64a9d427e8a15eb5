"""An artifact store whose links can be opened over HTTP, as those of Cloud Storage can: a folder, and a small server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.artifacts import SCHEME
from shared.errors import NotFound


class LinkedArtifacts(FolderArtifacts):
    """The folder adapter with links to ``root`` instead of ``file:`` addresses."""

    def __init__(self, folder: Path, root: str) -> None:
        super().__init__(folder)
        self._root = root

    def link(self, uri: str, *, seconds: int) -> str:
        return f"{self._root}/{quote(self.stat(uri).key)}?expires={seconds}"


class QuietHandler(BaseHTTPRequestHandler):
    """Prints nothing about the requests it answers."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Nothing."""


@contextmanager
def linked_artifacts(folder: Path) -> Iterator[LinkedArtifacts]:
    """A store, and the server behind its links."""
    with serving(_Handler) as server:
        store = LinkedArtifacts(folder, f"http://127.0.0.1:{server.server_port}")
        server.store = store  # type: ignore[attr-defined] # the handler finds it there
        yield store


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    """A server of ``handler`` on a free port of this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(QuietHandler):
    """Sends the bytes of an artifact."""

    def do_GET(self) -> None:
        store: FolderArtifacts = self.server.store  # type: ignore[attr-defined]  # see above
        try:
            data = store.get(SCHEME + unquote(urlsplit(self.path).path[1:]))
        except NotFound:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
