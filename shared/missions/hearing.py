"""A track that waits for the other one: when its next slice may begin, and when to ask for it again.

However long it waits, that is one slice. Who asks meanwhile is told to ask again: nothing is leased, nothing is written.
"""

from __future__ import annotations

from datetime import datetime

from shared.missions.records import Hearing, SliceRecord, TrackRecord
from shared.times import MAX_RETRY_AFTER_S

_FIRST_SHARE = 1 / 30
"""The first look comes after this share of the whole wait: a second of half a minute."""


def begun(frozen: SliceRecord | None, now: datetime, until: datetime) -> Hearing:
    """The wait of a slice that heard what it had ``frozen``."""
    return Hearing(since=now, until=until, offers_uri=frozen.handoff_uri if frozen is not None else None)


def asks_again_in(hearing: Hearing, other: TrackRecord | None, now: datetime) -> float:
    """Seconds until the track is asked again, as many as it has waited by then; 0 where its next slice begins."""
    left = (hearing.until - now).total_seconds()
    if left <= 0 or (other is not None and (other.handed_off or other.offers_uri != hearing.offers_uri)):
        return 0
    waited = (now - hearing.since).total_seconds()
    whole = (hearing.until - hearing.since).total_seconds()
    return min(left, MAX_RETRY_AFTER_S, max(waited, whole * _FIRST_SHARE))
