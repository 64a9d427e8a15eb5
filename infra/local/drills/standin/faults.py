"""How a provider can fail its caller."""

from __future__ import annotations

from enum import StrEnum


class Fault(StrEnum):
    """What the stand-in does instead of answering well."""

    THROTTLED = "429 with Retry-After"
    SERVER_ERROR = "500"
    UNAVAILABLE = "503"
    CUT = "the connection is cut before an answer"
    STALL = "no answer until the server is stopped"
    HALF = "half of the body, then the connection is cut"
    MALFORMED = "a body that is no JSON"
    BAD_KEY = "401"
    NO_SUCH_MODEL = "404"
    NO_SCHEMA = "400: JSON schemas are not supported here"
    NO_TOOLS = "400: tools are not supported here"
    NO_USAGE = "a good answer without a usage"
    USAGE_ABOVE = "a good answer whose usage is above every bound"
