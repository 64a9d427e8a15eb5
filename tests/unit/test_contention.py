"""Who is disturbed by other writers tries again, and after a few times in turn with the others that were."""

from __future__ import annotations

from random import Random
from threading import RLock, Thread

import pytest

from shared.adapters.contention import Contention, Persistence, Turns, until_undisturbed
from shared.errors import Unavailable

PERSISTENCE = Persistence(attempts=6, first_pause_s=0.01, longest_pause_s=0.02)


class Disturbed:
    """Work that is disturbed so many times, and notes whether it had the turn. Nobody pauses really: ``paused`` is how long."""

    def __init__(self, times: int) -> None:
        self._times = times
        self._has_turn = False
        self.had_turn: list[bool] = []
        self.paused: list[float] = []

    def acquire(self, *, timeout: float) -> bool:
        assert 0 < timeout < 60, "no wait without a deadline"
        self._has_turn = True
        return True

    def release(self) -> None:
        self._has_turn = False

    def run(self) -> str:
        self.had_turn.append(self._has_turn)
        if len(self.had_turn) <= self._times:
            raise Contention
        return "done"

    def until_undisturbed(self, turns: Turns | None) -> str:
        return until_undisturbed(self.run, "It", PERSISTENCE, pause=self.paused.append, jitter=Random(3), turns=turns)


def test_after_a_few_times_it_goes_on_when_it_has_the_turn_and_gives_it_back() -> None:
    work = Disturbed(4)
    assert work.until_undisturbed(Turns(2, work)) == "done"
    assert work.had_turn == [False, False, True, True, True]
    assert not work._has_turn
    assert len(work.paused) == 3, "waiting for the turn is pause enough"


def test_who_is_disturbed_to_the_last_gives_the_turn_back_too() -> None:
    work = Disturbed(9)
    with pytest.raises(Unavailable, match="6 times in a row"):
        work.until_undisturbed(Turns(2, work))
    assert not work._has_turn


def test_without_turns_it_only_tries_again() -> None:
    work = Disturbed(5)
    assert work.until_undisturbed(None) == "done"
    assert len(work.paused) == 5 and max(work.paused) <= PERSISTENCE.longest_pause_s


def test_a_turn_that_does_not_come_is_waited_for_only_so_long_and_the_error_says_to_try_again() -> None:
    held, work = RLock(), Disturbed(9)
    holder = Thread(target=held.acquire)
    holder.start()
    holder.join(10)
    with pytest.raises(Unavailable, match=r"It waited 0.01 s for its turn .* nothing was written") as refused:
        work.until_undisturbed(Turns(2, held, at_most_s=0.01))
    assert (refused.value.retryable, refused.value.retry_after_s) == (True, 1.0)
    assert len(work.had_turn) == 2, "it does not run without its turn"
