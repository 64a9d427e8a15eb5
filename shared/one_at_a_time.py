"""Calls about the same thing, one after the other: whoever delivers a request once more waits for the call that works on it already."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from shared.errors import Busy

_RETRY_S = 1.0


class OneAtATime:
    """Counts for one process. What several processes do is held together by the stores."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: dict[str, _Calls] = {}

    @contextmanager
    def alone(self, what: str, *, within_s: float) -> Iterator[None]:
        """Be the only call about ``what``. Raises ``Busy`` where another one is still at work after ``within_s``."""
        with self._lock:
            calls = self._calls.setdefault(what, _Calls())
            calls.count += 1
        try:
            if not calls.lock.acquire(timeout=within_s):
                raise Busy(f"Another call is at work on {what}.", retry_after_s=_RETRY_S)
            try:
                yield
            finally:
                calls.lock.release()
        finally:
            with self._lock:
                calls.count -= 1
                if not calls.count:
                    del self._calls[what]


class _Calls:
    """Those about one thing."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.count = 0
