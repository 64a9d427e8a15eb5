"""Waitress's parser of requests, made stricter: a body is counted while it arrives, and what cannot be read says what is wrong.

Waitress itself knows one limit for all bodies, takes a chunked body in whole before it looks at it, and keeps it in the system's
folder for temporary files, which may be memory.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from waitress.parser import HTTPRequestParser
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest, RequestHeaderFieldsTooLarge, ServerNotImplemented

from infra.local.admission import Admission, Head
from shared.errors import (
    HeadersTooLarge,
    KimeraError,
    MalformedRequest,
    NotImplementedHere,
    StorageFull,
    TooLarge,
    UnsupportedVersion,
    UriTooLong,
)

MAX_LINE_BYTES = 8_192
"""RFC 9112, section 3: at least 8,000 bytes of request line should be taken."""
MAX_HEADER_BYTES = 65_536
_MAX_CHUNK_LINE_BYTES = 4_096
_IN_MEMORY_BYTES = 524_288
_READ_RFC = "Check it against RFC 9112."
_LINE_END = b"\r\n"


class RequestParser(HTTPRequestParser):  # type: ignore[misc] # it has no types
    """One request. ``refused`` says why it cannot be answered by the application; then nothing more of it is taken in."""

    path = ""  # waitress logs it, also of what was never parsed
    command = ""
    error: object = None
    """Set where the application is not to see the request: by waitress, and with ``refused`` by this class."""
    refused: KimeraError | None = None

    def __init__(self, adjustments: object, admission: Admission) -> None:
        super().__init__(adjustments)
        self._admission = admission
        self._limit = 0

    def received(self, data: bytes) -> int:
        """Take in ``data``; how much of it belonged to this request. After a refusal the rest of the connection does, whatever it is."""
        if self.completed:
            return 0
        was_in_head = not self.headers_finished
        try:
            if was_in_head:
                self._check_line(data)
            consumed: int = super().received(data)
            if self.error is not None:
                raise _ours(self.error)
            if was_in_head and self.headers_finished and not self.empty:
                self._check_head()
            if self.body_rcv is not None:
                self._check_body()
        except KimeraError as error:
            return self._refuse(error, data)
        except ValueError:  # waitress lets out what int() and urlsplit() say
            return self._refuse(
                MalformedRequest("The request cannot be read: its address or its Content-Length makes no sense.", remedy=_READ_RFC), data
            )
        except OSError as error:
            full = StorageFull(f"The body cannot be taken in: {error.strerror}.", remedy="Free some space and try again.")
            return self._refuse(full, data)
        return consumed

    def _refuse(self, error: KimeraError, data: bytes) -> int:
        self.refused = self.error = error
        self.completed = self.headers_finished = True
        self.expect_continue = False  # nobody should go on
        self.close()
        return len(data)

    def _check_line(self, data: bytes) -> None:
        start = (self.header_plus + data[: MAX_LINE_BYTES + 1]).lstrip(_LINE_END)[: MAX_LINE_BYTES + 1]
        if len(start) > MAX_LINE_BYTES and _LINE_END not in start:
            raise UriTooLong(f"The request's first line has more than {MAX_LINE_BYTES} bytes.", remedy="Ask for a shorter address.")

    def _check_head(self) -> None:
        if self.version not in ("1.0", "1.1"):
            spoken = f"HTTP {self.version}" if self.version else "A request without a version"
            raise UnsupportedVersion(f"{spoken} is not spoken here.", remedy="Use HTTP/1.1.")
        if self.version == "1.1" and "HOST" not in self.headers:
            raise MalformedRequest("The request has no Host header.", remedy="HTTP/1.1 wants one (RFC 9112, section 3.2).")
        if "TRANSFER_ENCODING" in self.headers or (self.chunked and "CONTENT_LENGTH" in self.headers):
            # HTTP/1.0 knows no chunks, and of two lengths nobody knows which one is meant: both are ways to hide a second request.
            raise MalformedRequest("It cannot be told where the body ends.", remedy="Send either Content-Length or, in HTTP/1.1, chunks.")
        if self.body_rcv is None:
            self.expect_continue = False  # there is nothing to wait for
            return
        path = "/" + self.path.lstrip("/") if self.path.startswith("/") else self.path
        headers = {name.replace("_", "-").title(): value for name, value in self.headers.items()}
        self._limit = self._admission.limit(Head(self.command, path.encode("latin-1").decode("utf-8", "replace"), headers))
        self.body_rcv.buf = _Spool(self._admission.spool)

    def _check_body(self) -> None:
        body = self.body_rcv
        announced = self.content_length
        if isinstance(body, ChunkedReceiver):
            announced = len(body) + body.chunk_remainder
            if len(body.control_line) > _MAX_CHUNK_LINE_BYTES or len(body.trailer) > MAX_HEADER_BYTES:
                raise MalformedRequest("The body's chunks cannot be read.", remedy="Send a Content-Length instead.")
        if announced > self._limit:
            raise TooLarge(
                f"The body has more than {self._limit} bytes, which is all that is taken there.",
                remedy="Upload large files one by one (PUT /inputs/{name}) and refer to them by uri.",
            )


class _Spool:
    """The body as waitress keeps it: in memory while it is small, then in a file without a name, which nobody has to remove."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = 0
        self._file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - open until the answer

    def __len__(self) -> int:
        return self._size

    def append(self, data: bytes) -> None:
        if self._size <= _IN_MEMORY_BYTES < self._size + len(data):
            self._folder.mkdir(parents=True, exist_ok=True)
        self._file.write(data)
        self._size += len(data)

    def getfile(self) -> IO[bytes]:
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        self._file.close()


def _ours(error: object) -> KimeraError:
    """What waitress found wrong, as one of our errors."""
    if isinstance(error, RequestHeaderFieldsTooLarge):
        return HeadersTooLarge(f"The request's headers have more than {MAX_HEADER_BYTES} bytes.", remedy="Send fewer or shorter headers.")
    if isinstance(error, ServerNotImplemented):
        return NotImplementedHere("This transfer coding is not known here.", remedy="Send the body as it is, or in chunks.")
    assert isinstance(error, BadRequest)
    return MalformedRequest(f"The request cannot be read: {str(error.body)[:100]!r}.", remedy=_READ_RFC)
