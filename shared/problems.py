"""How an error reads over HTTP: an RFC 9457 problem document, the same from a function and from the server around it."""

from __future__ import annotations

import json

from schemas.problem import Problem
from shared.errors import BadInput, KimeraError, MethodNotAllowed, Unauthenticated
from shared.telemetry.context import REQUEST_ID_HEADER

MEDIA_TYPE = "application/problem+json"
MAX_REQUEST_ID_CHARS = 128


class InvalidFields(BadInput):
    """Fields that are missing, unknown or of the wrong type; one entry each."""

    code = "invalid_fields"

    def __init__(self, wrong: list[str], *, remedy: str = "See the API's schema for what each field takes.") -> None:
        super().__init__("; ".join(wrong[:10]), remedy=remedy)
        self.wrong = tuple(wrong)


def problem_of(error: KimeraError, request_id: str) -> Problem:
    """The document about ``error``."""
    return Problem(
        type=f"urn:kimera:problem:{error.code}",
        title=error.code.replace("_", " "),
        status=error.status,
        detail=error.message,
        code=error.code,
        remedy=error.remedy,
        request_id=request_id,
        fields=error.wrong if isinstance(error, InvalidFields) else (),
    )


def problem_body(error: KimeraError, request_id: str) -> bytes:
    """The document as JSON in ASCII: whatever the caller sent, the answer can be encoded."""
    return json.dumps(problem_of(error, request_id).model_dump()).encode("ascii")


def problem_headers(error: KimeraError, request_id: str) -> dict[str, str]:
    """The headers that go with it; RFC 9110 asks for the last two with 405 and 401."""
    headers = {REQUEST_ID_HEADER: request_id}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return headers


def usable_request_id(given: str) -> str | None:
    """``given`` where it can stand in headers and logs as it is."""
    return given if given.isascii() and given.isprintable() and 0 < len(given) <= MAX_REQUEST_ID_CHARS else None
