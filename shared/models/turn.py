"""The link that lets an endpoint of one's own be asked only so many questions at once: a laptop's server answers one after the other.

Who waits here has sent nothing, has no row in the journal and no money set aside, and the time of its answer has not begun. In a process
questions are asked in the order in which they came; processes that share an endpoint have their turns by chance.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Lock
from typing import Protocol

from shared.clock import Clock
from shared.doing import Doing, unheard
from shared.errors import Unavailable
from shared.models.calls import ModelAnswer, ModelCall, Sender
from shared.models.failures import RequestFailed

_LOOK_S = 0.05
"""The shortest pause between two looks for a free place; the longest is three times as long."""
_WANTED_S = 1.0
"""How often who waits looks whether its answer is still wanted."""


class Places(Protocol):
    """Places that several processes may share. What is taken is named by a number, and let go when its process dies.

    All of them raise ``Unavailable`` where they cannot be counted.
    """

    count: int

    def take(self) -> int | None:
        """A place, to be left again; ``None`` where all are taken."""
        ...

    def line_up(self) -> int:
        """A sign that somebody waits, to be left again."""
        ...

    def somebody_waits(self) -> bool:
        """Whether somebody has lined up, here or in another process."""
        ...

    def leave(self, place: int) -> None:
        """Give back what was taken."""
        ...


class Turns:
    """The turns of one process. ``patience_s``: how long behind its slice's checkpoint a question may wait.

    ``uniform`` is a random number from 0 up to 1: it keeps processes from looking at the same moment, always one before the other.
    """

    def __init__(self, places: Places, clock: Clock, uniform: Callable[[], float], *, patience_s: float) -> None:
        self._places = places
        self._clock = clock
        self._uniform = uniform
        self._patience_s = patience_s
        self._line: deque[object] = deque()
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def turn(
        self, call: ModelCall, *, time_left: Callable[[], float], require_wanted: Callable[[], None], doing: Doing = unheard
    ) -> Iterator[float]:
        """Hold a place, once there is one; how long that took (seconds).

        ``time_left``: seconds until the slice's checkpoint, below 0 behind it. Raises what ``require_wanted`` raises while it waits;
        ``Unavailable``, which has the slice done again, where it waited for too long or the platform stops.
        """
        began = self._clock.monotonic()
        place = self._wait(call, time_left, require_wanted, doing)
        try:
            yield self._clock.monotonic() - began
        finally:
            self._places.leave(place)

    def close(self) -> None:
        """Let go who waits; nobody has a turn any more."""
        self._closed = True

    def _wait(self, call: ModelCall, time_left: Callable[[], float], require_wanted: Callable[[], None], doing: Doing) -> int:
        me = object()
        with self._lock:
            self._line.append(me)
        try:
            self._check(call, time_left)
            if self._line[0] is me and not self._places.somebody_waits() and (place := self._places.take()) is not None:
                return place
            waiting = self._places.line_up()
            doing(f"waits for its turn to ask {call.model.label}")
            try:
                return self._in_line(me, call, time_left, require_wanted)
            finally:
                doing("")
                self._places.leave(waiting)
        finally:
            with self._lock:
                self._line.remove(me)

    def _in_line(self, me: object, call: ModelCall, time_left: Callable[[], float], require_wanted: Callable[[], None]) -> int:
        looked = self._clock.monotonic()
        while True:
            self._clock.sleep(_LOOK_S * (1 + 2 * self._uniform()))
            self._check(call, time_left)
            if self._clock.monotonic() - looked >= _WANTED_S:
                require_wanted()
                looked = self._clock.monotonic()
            if self._line[0] is me and (place := self._places.take()) is not None:
                return place

    def _check(self, call: ModelCall, time_left: Callable[[], float]) -> None:
        if self._closed:
            raise Unavailable(f"{call.model.label} is not asked: the platform stops.")
        if time_left() + self._patience_s <= 0:
            raise Unavailable(
                f"{call.model.label} was not asked: its endpoint was busy for the whole time that a slice may wait.",
                remedy=f"It is asked {self._places.count} at a time (endpoint_parallel); run fewer missions at once (max_running).",
            )


class Turn:
    """A ``Sender`` of one slice, before that of its money."""

    def __init__(
        self,
        inner: Sender,
        turns: Turns,
        *,
        time_left: Callable[[], float],
        require_wanted: Callable[[ModelCall], None],
        doing: Doing = unheard,
    ) -> None:
        """``time_left``: until the slice's checkpoint. ``require_wanted`` raises where the answer would be of no use any more."""
        self._inner = inner
        self._turns = turns
        self._time_left = time_left
        self._require_wanted = require_wanted
        self._doing = doing

    def send(self, call: ModelCall) -> ModelAnswer:
        """The next link's answer, asked when it is its turn. Raises what that and ``Turns.turn`` raise."""
        if call.model.provider != "openai":
            return self._inner.send(call)
        wanted = partial(self._require_wanted, call)
        with self._turns.turn(call, time_left=self._time_left, require_wanted=wanted, doing=self._doing) as waited_s:
            try:
                return self._inner.send(call)
            except RequestFailed as failed:
                failed.waited_s = waited_s
                raise
