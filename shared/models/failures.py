"""How a physical request fails, as the provider link says it to the links that pay, retry and break the circuit."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """What is known of a request that brought no answer."""

    THROTTLED = "throttled"
    """429: no work was done; come back later."""
    OVERLOADED = "overloaded"
    """503 or 529: no work was done."""
    UNREACHABLE = "unreachable"
    """No connection: the request was not sent."""
    REFUSED = "refused"
    """A 4xx (or 501): the model's name, the quota, the address or the request itself; sending it again does not help."""
    KEY_REFUSED = "key_refused"
    """A 401 or 403: the key is not, or no longer, one that may do this."""
    UNSUPPORTED = "unsupported"
    """The endpoint does not take this way of asking for JSON: the next request asks in another way."""
    STUMBLED = "stumbled"
    """A 500 whose words are about this way of asking: the next request asks in another way. It may have been worked on and charged."""
    OLD_KEY = "old_key"
    """The key was refused, and has been replaced since: the next request uses the new one."""
    STREAMED = "streamed"
    """The answer came as a stream of events, which is not read: it was worked on, and another try brings another stream."""
    CUT_OFF = "cut_off"
    """We stopped waiting, since the mission's time was up: it may have been worked on and charged."""
    LOST = "lost"
    """A 5xx, a time-out, a cut connection, half an answer: it may have been worked on and charged."""

    @property
    def unpaid(self) -> bool:
        """Whether the provider certainly did no work."""
        return self not in (Failure.LOST, Failure.CUT_OFF, Failure.STUMBLED, Failure.STREAMED)

    @property
    def asks_otherwise(self) -> bool:
        """Whether the next request asks for JSON in another way."""
        return self in (Failure.UNSUPPORTED, Failure.STUMBLED)

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self not in (Failure.REFUSED, Failure.KEY_REFUSED, Failure.CUT_OFF, Failure.STREAMED)


class RequestFailed(Exception):
    """A physical request without an answer. Never leaves the chain: there it becomes a ``ModelUnavailable``."""

    def __init__(self, failure: Failure, message: str, *, remedy: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.failure = failure
        self.message = message
        self.remedy = remedy
        self.retry_after_s = retry_after_s
        self.waited_s = 0.0
        """How long it had waited for its turn, before it was sent."""
