"""How a remote dependency is called: a timeout for each request, full jitter between tries inside a deadline, and a circuit.

One ``Resilience`` for each dependency and process. The adapter says what an error means (``judge``) and turns what comes out into ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from shared.clock import Clock
from shared.errors import Unavailable

if TYPE_CHECKING:
    from tenacity import RetryCallState

    from shared.circuit import Circuit

T = TypeVar("T")


class Fault(Enum):
    """What an error says about the dependency."""

    NONE = "it is at work: its answer stands"
    PASSING = "it is at work and asks to come back: worth another try"
    OUTAGE = "it is not at work: worth another try, and counts towards an open circuit"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a dependency is waited for."""

    timeout_s: float = 10.0
    """Of one request."""
    deadline_s: float = 30.0
    """Of all tries of a call together, waits included."""
    tries: int = 4
    first_wait_s: float = 0.2
    """The bound of the first wait; it doubles."""
    longest_wait_s: float = 5.0
    failures: int = 5
    """Outages in a row that open the circuit: more than the tries of one call."""
    reset_s: float = 20.0
    """How long an open circuit stays so, until one call may try."""


class Resilience:
    """The way to ``dependency``, as messages name it. ``uniform`` gives a random number from 0 up to 1."""

    def __init__(
        self,
        dependency: str,
        *,
        judge: Callable[[BaseException], Fault],
        clock: Clock,
        uniform: Callable[[], float],
        patience: Patience = Patience(),
    ) -> None:
        self.dependency = dependency
        self._judge = judge
        self._clock = clock
        self._uniform = uniform
        self._patience = patience
        self._circuit = _circuit(dependency, judge, clock, patience)

    def call(self, send: Callable[[float], T]) -> T:
        """What ``send`` returns, tried again after a failure that passes: for what may arrive twice.

        ``send`` is given its timeout in seconds. Raises its last error, and ``Unavailable`` where the circuit is open.
        """
        return self._call(send, self._patience.tries)

    def call_once(self, send: Callable[[float], T]) -> T:
        """What ``send`` returns, sent once: for what must not arrive twice. Raises as ``call`` does."""
        return self._call(send, 1)

    def _call(self, send: Callable[[float], T], tries: int) -> T:
        from tenacity import Retrying, retry_if_exception

        from shared.circuit import CircuitOpen

        began = self._clock.monotonic()
        failed: list[BaseException] = []

        def left() -> float:
            return self._patience.deadline_s - (self._clock.monotonic() - began)

        def once() -> T:
            with self._circuit.calling():
                return send(min(self._patience.timeout_s, left()))

        def worth_another(error: BaseException) -> bool:
            if not isinstance(error, CircuitOpen):
                failed.append(error)
            return self._judge(error) is not Fault.NONE

        def out_of_patience(state: RetryCallState) -> bool:
            return state.attempt_number >= tries or state.upcoming_sleep >= left()

        try:
            if tries == 1:
                return once()
            trying = Retrying(
                retry=retry_if_exception(worth_another), wait=self._wait, stop=out_of_patience, sleep=self._clock.sleep, reraise=True
            )
            return trying(once)
        except CircuitOpen as error:
            if failed:
                raise failed[-1] from error  # this very call met an outage: its own error says more
            raise self._left_alone() from error

    def _left_alone(self) -> Unavailable:
        wait_s = max(1.0, self._circuit.opens_in_s)
        return Unavailable(
            f"{self.dependency} failed {self._patience.failures} times in a row and is left alone for a while.",
            remedy=f"It is tried again in {wait_s:.0f} s; check that it runs, and the network.",
            retry_after_s=wait_s,
        )

    def _wait(self, state: RetryCallState) -> float:
        """Full jitter: a random part of a bound that doubles."""
        bound: float = min(self._patience.longest_wait_s, self._patience.first_wait_s * 2 ** (state.attempt_number - 1))
        return self._uniform() * bound


def _circuit(dependency: str, judge: Callable[[BaseException], Fault], clock: Clock, patience: Patience) -> Circuit:
    from shared.circuit import Circuit

    def is_outage(error: BaseException) -> bool:
        return judge(error) is Fault.OUTAGE

    return Circuit(dependency, clock, failures=patience.failures, reset_s=patience.reset_s, is_outage=is_outage)
