"""Calls about the same thing wait for each other, those about another do not; and no wait is without an end."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.errors import Busy
from shared.one_at_a_time import OneAtATime


def test_who_comes_second_waits_for_the_first_and_nobody_else_does() -> None:
    calls, told = OneAtATime(), list[str]()
    begun, go_on = threading.Event(), threading.Event()

    def first() -> None:
        with calls.alone("a report", within_s=20):
            begun.set()
            assert go_on.wait(20)
            told.append("first")

    def second() -> None:
        with calls.alone("a report", within_s=20):
            told.append("second")

    with ThreadPoolExecutor(2) as pool:
        works = pool.submit(first)
        assert begun.wait(20)
        waits = pool.submit(second)
        with calls.alone("another report", within_s=0.1):
            told.append("another")
        go_on.set()
        works.result(20)
        waits.result(20)
    assert told == ["another", "first", "second"]
    assert calls._calls == {}, "nothing is kept of calls that have ended"


def test_who_waited_for_long_enough_is_told_to_come_back() -> None:
    calls = OneAtATime()
    with calls.alone("a report", within_s=1), pytest.raises(Busy) as busy, calls.alone("a report", within_s=0.05):
        pass
    assert busy.value.retryable and busy.value.retry_after_s == 1
    with calls.alone("a report", within_s=0.05):
        pass


def test_a_call_that_failed_holds_nobody_up() -> None:
    calls = OneAtATime()
    with pytest.raises(ValueError, match="no report"), calls.alone("a report", within_s=1):
        raise ValueError("no report")
    with calls.alone("a report", within_s=0.05):
        pass
