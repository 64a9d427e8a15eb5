"""The link that tries again what failed for a moment: bounded tries, full jitter, never beyond the slice's time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.errors import ModelUnavailable
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.failures import Failure, RequestFailed

if TYPE_CHECKING:
    from tenacity import RetryCallState

MAX_TRIES = 4
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 20.0


class Retry:
    """A ``Sender`` of one slice. ``time_left`` is what the slice has left (seconds), ``uniform`` a random number from 0 up to 1."""

    def __init__(self, inner: Sender, *, clock: Clock, uniform: Callable[[], float], time_left: Callable[[], float]) -> None:
        self._inner = inner
        self._clock = clock
        self._uniform = uniform
        self._time_left = time_left

    def send(self, call: ModelCall) -> ModelAnswer:
        """The answer of the first try that brings one. Raises ``ModelUnavailable`` where none does, and what else the next link raises."""
        from tenacity import Retrying, retry_if_exception

        waited: list[float] = []
        trying = Retrying(
            retry=retry_if_exception(_worth_another),
            wait=self._wait,
            stop=lambda state: self._stop(state, waited),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return trying(self._inner.send, call)
        except RequestFailed as error:
            raise ModelUnavailable(_told(error), remedy=error.remedy or _REMEDIES.get(error.failure, "")) from error

    def _wait(self, state: RetryCallState) -> float:
        """Full jitter: a random part of a bound that doubles. Where the provider named a time, that one, and a random part on top."""
        bound: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (state.attempt_number - 1))
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after_s if isinstance(error, RequestFailed) else None
        return self._uniform() * bound if asked is None else asked + self._uniform() * min(bound, asked)

    def _stop(self, state: RetryCallState, waited: list[float]) -> bool:
        """What it waited for its turn behind other questions is none of the time that its own tries took."""
        error = state.outcome.exception() if state.outcome else None
        waited.append(error.waited_s if isinstance(error, RequestFailed) else 0)
        return state.attempt_number >= MAX_TRIES or state.upcoming_sleep > self._time_left() + sum(waited)


def _told(error: RequestFailed) -> str:
    """What failed; with the time after which to come back, where the provider named a long one."""
    asked = error.retry_after_s
    if asked is None or asked <= LONGEST_WAIT_S:
        return error.message
    return f"{error.message} It asks to come back in {asked:,.0f} seconds, which is longer than a step may wait."


def _worth_another(error: BaseException) -> bool:
    return isinstance(error, RequestFailed) and error.failure.transient


_REMEDIES = {
    Failure.THROTTLED: "Wait a moment, or ask the provider for a higher rate limit.",
    Failure.OVERLOADED: "Wait a moment; the provider has more requests than it can take.",
    Failure.UNREACHABLE: "Check the network and the endpoint's address; `kimera doctor --model P:NAME` tries it.",
    Failure.KEY_REFUSED: "Check the key; `kimera doctor --model P:NAME` tries it.",
    Failure.REFUSED: "Check the key and the model's name; `kimera doctor --model P:NAME` tries them.",
    Failure.LOST: "Wait a moment; what was sent is charged at its bound, see `kimera costs`.",
}
