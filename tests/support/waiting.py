"""Waiting for what runs on other threads, with a bound."""

from __future__ import annotations

import time

from infra.local.platform import Platform
from shared.missions.records import MissionRecord


def until_ended(platform: Platform, mission_id: str, *, seconds: float = 60) -> MissionRecord:
    """The mission once it has ended; an ``AssertionError`` that says where it stood if that takes longer."""
    bound = time.monotonic() + seconds
    while True:
        mission = platform.runtime.missions.get(mission_id)
        if mission.status.terminal:
            return mission
        tracks = {name: (t.status, t.next_seq, t.error) for name, t in platform.runtime.missions.tracks(mission).items()}
        assert time.monotonic() < bound, f"after {seconds} s {mission_id} is still {mission.status}: {tracks}"
        time.sleep(0.02)
