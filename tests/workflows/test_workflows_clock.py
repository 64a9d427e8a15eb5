"""The clocks that workflows run on."""

from __future__ import annotations

import threading
import time

import pytest

from infra.local.workflows.clock import RealClock


def test_a_machine_whose_time_of_day_is_set_back_holds_up_no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = RealClock()
    before, until = clock.now(), clock.now() + 0.02
    an_hour_ago = time.time() - 3_600
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    clock.idle(threading.Event(), until, outside=False)
    assert clock.now() >= until > before


def test_it_starts_from_the_time_of_day() -> None:
    assert abs(RealClock().now() - time.time()) < 60
