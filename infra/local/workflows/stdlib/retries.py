"""Module ``retry``, and the retry policies and predicates of ``http``. Pages: stdlib/retry/*, stdlib/http/default_retry*."""

from __future__ import annotations

from typing import Final

from infra.local.workflows.stdlib.signature import function
from infra.local.workflows.values import FunctionRef, Value

_IDEMPOTENT_CODES: Final = (429, 502, 503, 504)
_IDEMPOTENT_TAGS: Final = frozenset({"ConnectionError", "ConnectionFailedError", "TimeoutError"})
_OTHER_CODES: Final = (429, 503)
_OTHER_TAGS: Final = frozenset({"ConnectionFailedError"})


def _matches(error: Value, codes: tuple[int, ...], tags: frozenset[str]) -> bool:
    if not isinstance(error, dict):
        return False
    code, found = error.get("code"), error.get("tags")
    return (type(code) is int and code in codes) or (isinstance(found, list) and any(tag in tags for tag in found if isinstance(tag, str)))


def may_retry(error: Value, *, idempotent: bool) -> bool:
    """Whether the service's default predicates let a request be repeated after ``error``."""
    return _matches(error, _IDEMPOTENT_CODES, _IDEMPOTENT_TAGS) if idempotent else _matches(error, _OTHER_CODES, _OTHER_TAGS)


# retry.default_backoff page: initial delay 1 s, maximum 60 s, multiplier 1.25
DEFAULT_BACKOFF: Final[dict[str, Value]] = {"initial_delay": 1, "max_delay": 60, "multiplier": 1.25}

FUNCTIONS: Final = (
    function("http.default_retry_predicate", "exception", lambda error: _matches(error, _IDEMPOTENT_CODES, _IDEMPOTENT_TAGS)),
    function("http.default_retry_predicate_non_idempotent", "exception", lambda error: _matches(error, _OTHER_CODES, _OTHER_TAGS)),
    function("retry.always", "exception", lambda error: True),
    function("retry.never", "exception", lambda error: False),
)


def _policy(predicate: str) -> dict[str, Value]:
    return {"predicate": FunctionRef(predicate), "max_retries": 5, "backoff": DEFAULT_BACKOFF}


CONSTANTS: Final[dict[str, Value]] = {
    "http.default_retry": _policy("http.default_retry_predicate"),
    "http.default_retry_non_idempotent": _policy("http.default_retry_predicate_non_idempotent"),
    "retry.default_backoff": DEFAULT_BACKOFF,
}
