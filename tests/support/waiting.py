"""Waiting for what runs on other threads, with a bound."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from infra.local.platform import Platform
from shared.missions.records import MissionRecord

T = TypeVar("T")


def until(look: Callable[[], T | None], *, seconds: float = 60) -> T:
    """What ``look`` gives, once it gives anything but nothing; an ``AssertionError`` if that takes longer."""
    bound = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < bound, f"nothing after {seconds} s"
        time.sleep(0.1)
    return found


def until_ended(platform: Platform, mission_id: str, *, seconds: float = 60) -> MissionRecord:
    """The mission once it has its result; an ``AssertionError`` that says where it stood if that takes longer."""
    return _until(platform, mission_id, lambda mission: mission.status.terminal, seconds)


def until_over(platform: Platform, mission_id: str, *, seconds: float = 60) -> MissionRecord:
    """The mission once nothing of it goes on any more, not even a late track."""
    return _until(platform, mission_id, lambda mission: mission.over, seconds)


def _until(platform: Platform, mission_id: str, enough: Callable[[MissionRecord], bool], seconds: float) -> MissionRecord:
    bound = time.monotonic() + seconds
    while True:
        mission = platform.runtime.missions.get(mission_id)
        if enough(mission):
            return mission
        tracks = {name: (t.status, t.next_seq, t.error) for name, t in platform.runtime.missions.tracks(mission).items()}
        assert time.monotonic() < bound, f"after {seconds} s {mission_id} is still {mission.status}: {tracks}"
        time.sleep(0.02)
