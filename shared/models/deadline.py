"""The link that keeps to the mission's time: past its last deadline no request is made, and no answer is waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shared.errors import OutOfTime
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.failures import Failure, RequestFailed


class Deadline:
    """A ``Sender`` of one slice. ``left`` says how many seconds an answer may still take to be of use."""

    def __init__(self, inner: Sender, *, left: Callable[[], float]) -> None:
        self._inner = inner
        self._left = left

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer, if it comes in time. Raises ``OutOfTime``, and what the next link raises."""
        left = time_for(call, self._left())
        try:
            return self._inner.send(replace(call, within_s=left))
        except RequestFailed as error:
            if error.failure is Failure.CUT_OFF:
                raise OutOfTime(error.message, remedy=_REMEDY) from error
            raise


def time_for(call: ModelCall, left: float) -> float:
    """``left``, the seconds in which an answer to ``call`` would be of use. Raises ``OutOfTime`` where there are none."""
    if left <= 0:
        raise OutOfTime(f"{call.model.label} was not asked: the mission's time was up.", remedy=_REMEDY)
    return left


_REMEDY = "Give the mission more time: --hard and --late, in seconds."
