"""Circuits: a provider that fails again and again is not asked for a while. One for each provider and process.

What counts is a provider that cannot be reached, is overloaded, or loses requests. One that refuses a key or a model's name is
at work, and so is one that asks to slow down. A circuit's state is written to the document store when it changes, for people to look at:
nothing here reads it back, so processes do not contend.
"""

from __future__ import annotations

import logging
from threading import Lock

import pybreaker

from schemas.base import Timestamp
from shared.circuit import Circuit, CircuitOpen
from shared.clock import Clock
from shared.documents import DocumentStore, Query, Ref
from shared.errors import KimeraError, ModelCircuitOpen
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.failures import Failure, RequestFailed
from shared.record import Record

BREAKERS = "breakers"
MAX_FAILURES = 5
"""Failures in a row that open a circuit: more than the tries of one call."""
RESET_S = 60.0
"""How long an open circuit stays so, until one call may try."""
_OUTAGES = (Failure.UNREACHABLE, Failure.OVERLOADED, Failure.LOST, Failure.STREAMED)
_log = logging.getLogger(__name__)


class BreakerRecord(Record):
    """A circuit's state when it last changed: ``closed``, ``open`` or ``half-open``."""

    instance: str
    provider: str
    state: str
    changed_at: Timestamp

    @property
    def ref(self) -> Ref:
        """Where it is stored."""
        return Ref(BREAKERS, f"{self.instance}:{self.provider}")


class Circuits:
    """The circuits of this process. ``instance`` names the process in what is published."""

    def __init__(self, documents: DocumentStore, clock: Clock, *, instance: str) -> None:
        self._documents = documents
        self._clock = clock
        self._instance = instance
        self._circuits: dict[str, Circuit] = {}
        self._last: dict[str, str] = {}
        self._lock = Lock()

    def of(self, provider: str) -> Circuit:
        """The circuit of ``provider``."""
        with self._lock:
            if provider not in self._circuits:
                self._circuits[provider] = Circuit(
                    provider,
                    self._clock,
                    failures=MAX_FAILURES,
                    reset_s=RESET_S,
                    is_outage=_is_outage,
                    listeners=[_Publishes(self, provider)],
                )
            return self._circuits[provider]

    def is_open(self, provider: str) -> bool:
        """Whether a call to ``provider`` would not be sent now."""
        return self.of(provider).opens_in_s > 0

    def check(self, call: ModelCall) -> None:
        """Raise ``ModelCircuitOpen`` where the circuit of the call's provider is open."""
        if self.is_open(call.model.provider):
            raise self.refusal(call)

    def noted(self, provider: str, failed: RequestFailed) -> None:
        """Remember how the provider failed last: who meets an open circuit has to know what opened it."""
        with self._lock:
            self._last[provider] = f"{failed.message} {failed.remedy}".rstrip()

    def refusal(self, call: ModelCall) -> ModelCircuitOpen:
        """What is told of a call that is not sent."""
        with self._lock:
            last = self._last.get(call.model.provider)
        so = f", the last one so: {last}" if last else "."
        return ModelCircuitOpen(
            f"The circuit of {call.model.provider} is open: {MAX_FAILURES} requests in a row failed{so}",
            remedy=f"It is tried again {RESET_S:.0f} seconds after it opened; `kimera doctor --model {call.model.label}` tries it now.",
        )

    def publish(self, provider: str, state: str) -> None:
        """Write what became of a circuit."""
        record = BreakerRecord(instance=self._instance, provider=provider, state=state, changed_at=self._clock.now())
        try:
            self._documents.put(record.ref, record.data())
        except KimeraError as error:  # it is for people to look at: the call that met it has its own outcome to tell
            _log.warning("The circuit of %s is %s now; that could not be stored: %s", provider, state, error)


class Breaker:
    """A ``Sender`` that does not ask a provider whose circuit is open."""

    def __init__(self, inner: Sender, circuits: Circuits) -> None:
        self._inner = inner
        self._circuits = circuits

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer. Raises ``ModelCircuitOpen``, and what the next link raises."""
        try:
            with self._circuits.of(call.model.provider).calling():
                return self._asked(call)
        except CircuitOpen as error:
            raise self._circuits.refusal(call) from error

    def _asked(self, call: ModelCall) -> ModelAnswer:
        try:
            return self._inner.send(call)
        except RequestFailed as failed:
            if _is_outage(failed):  # noted before it counts, so that the circuit which it opens tells of it
                self._circuits.noted(call.model.provider, failed)
            raise


def published(documents: DocumentStore) -> list[BreakerRecord]:
    """What the processes last said of their circuits."""
    return [BreakerRecord.read(document) for document in documents.query(Query(BREAKERS))]


def _is_outage(error: BaseException) -> bool:
    return isinstance(error, RequestFailed) and error.failure in _OUTAGES


class _Publishes(pybreaker.CircuitBreakerListener):
    """Publishes each change of state."""

    def __init__(self, circuits: Circuits, provider: str) -> None:
        self._circuits = circuits
        self._provider = provider

    def state_change(
        self, cb: pybreaker.CircuitBreaker, old_state: pybreaker.CircuitBreakerState | None, new_state: pybreaker.CircuitBreakerState
    ) -> None:
        """Called by pybreaker, under its lock."""
        self._circuits.publish(self._provider, new_state.name)
