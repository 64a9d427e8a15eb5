"""How long a track waits for what the other one may still offer: one rule for both, and no wait without an end.

DS-STAR waits only once it has said all that it asks for (``TrackOffers.complete``), and research never waits for one that has said all:
so at no time do both wait for each other. Each wait ends when the other track offers something else or has ended, and at the latest when
the track has waited for ``Bound.in_all_s``, counted from when it first waited, or the soft deadline is near. However often it is woken,
it waits ``MOST_WAITS`` times at the most.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.base import Contract, Timestamp
from schemas.mission import Track
from shared.handoffs import heard
from shared.times import CHECKPOINT_SHARE, MAX_RETRY_AFTER_S, SLICE_BUDGET_S
from shared.tracks import SliceContext

CALLS_S = SLICE_BUDGET_S * CHECKPOINT_SHARE
"""What a slice with calls to models takes at the most, as a rule."""
MOST_WAITS = 8


class Waited(Contract):
    """How often a track has waited for the other one, and since when: part of its state."""

    times: int = 0
    since: Timestamp | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """Seconds that a track waits in all, and how many of those before the soft deadline it needs for what comes after."""

    in_all_s: float
    after_s: float = 0


REQUESTS_OF_CODE = Bound(12)
"""What research waits for requests where code reads the data: no longer than files are described and read."""
REQUESTS_OF_MODELS = Bound(120, after_s=CALLS_S)
"""The same where a model loop knows what the data lack at its end only. Research still has to read and conclude then."""
HYPOTHESES_OF_CODE = Bound(30)
"""What DS-STAR, which only calculates afterwards, waits for hypotheses where code reads the documents."""
HYPOTHESES_OF_MODELS = Bound(3 * CALLS_S + MAX_RETRY_AFTER_S)
"""The same where models do: until research has looked for a request (it was told to ask again, it reads, audits, concludes)."""


def may_hear_more(context: SliceContext, *, has_work: bool) -> bool:
    """Whether the other track may offer more: it runs, and has not said that this was all.

    ``has_work``: whether it was given anything to work on, which decides until it has committed its first slice.
    """
    (other,) = (track for track in Track if track is not context.track)
    if context.other_ended or not context.request.tracks.options(other).enabled:
        return False
    offers = heard(context)
    return has_work if offers is None else not offers.complete


def wait(context: SliceContext, waited: Waited, bound: Bound) -> tuple[Waited, datetime] | None:
    """One wait more, and its end; ``None`` for a track that has waited for long enough."""
    now = context.clock.now()
    since = waited.since or now
    until = since + timedelta(seconds=bound.in_all_s)
    if context.soft_deadline is not None:
        until = min(until, context.soft_deadline - timedelta(seconds=bound.after_s))
    if waited.times >= MOST_WAITS or until <= now:
        return None
    return Waited(times=waited.times + 1, since=since), until
