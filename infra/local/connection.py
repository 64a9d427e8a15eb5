"""A client's connection: what the server itself has to say is a problem document, and every last answer arrives.

A socket that is closed while the client still sends is reset, and the client may never see why it was refused (RFC 9112, section 9.6).
So the sending side is closed first; what still comes is thrown away until the client has closed, too.
"""

from __future__ import annotations

import socket
from http import HTTPStatus

from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from infra.local.admission import Admission
from infra.local.request_parser import RequestParser
from shared.errors import KimeraError
from shared.problems import MEDIA_TYPE, problem_body, problem_headers, usable_request_id

_MAX_THROWN_AWAY_BYTES = 64 << 20
"""Who sends more after a refusal does not listen; it is cut off."""


class ProblemTask(ErrorTask):  # type: ignore[misc] # it has no types
    """Answers a request that never reaches the application."""

    def execute(self) -> None:
        error = self.request.refused or KimeraError("The server failed to answer.", remedy="The log has the details.")
        given = usable_request_id(self.request.headers.get("X_REQUEST_ID", ""))
        request_id = given or self.channel.admission.new_request_id()
        body = problem_body(error, request_id)
        headers = {"Content-Type": MEDIA_TYPE} | problem_headers(error, request_id)
        self.status = f"{error.status} {HTTPStatus(error.status).phrase}"
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if self.request.command == "HEAD" else body)


class Connection(HTTPChannel):  # type: ignore[misc] # it has no types
    """One connection; ``admission`` says what its requests may send."""

    error_task_class = ProblemTask
    close_when_flushed: bool

    def __init__(self, admission: Admission, *arguments: object, **named: object) -> None:
        self.admission = admission
        self._thrown_away: int | None = None
        super().__init__(*arguments, **named)

    def parser_class(self, adjustments: object) -> RequestParser:
        """A parser for the next request."""
        return RequestParser(adjustments, self.admission)

    def received(self, data: bytes) -> bool:
        """Take in ``data``, or throw it away where everything is said."""
        if self._thrown_away is None:
            return bool(super().received(data))
        self._thrown_away += len(data)
        if self._thrown_away > _MAX_THROWN_AWAY_BYTES:
            self.handle_close()
        return True

    def handle_write(self) -> None:
        """Send what is there; after the last answer close this side only."""
        if not self.close_when_flushed or self.will_close:
            super().handle_write()
            return
        self._flush_exception(self._flush_some)
        if self.will_close:
            self.handle_close()
        elif not self.total_outbufs_len:
            self.close_when_flushed = False
            self._thrown_away = 0
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:  # the client has closed meanwhile: nobody is left to hear
                self.handle_close()

    def handle_close(self) -> None:
        """Let go of the connection, and of a body that will never be complete."""
        if self.request is not None:
            self.request.close()
        super().handle_close()
