"""What the two tracks tell each other while both run: hypotheses that data could settle, and evidence that is missing.

A track publishes its ``TrackOffers`` with each slice; the other one reads the newest at its next slice, which freezes them. What it made
of one is a ``TakenUp`` in its package.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from schemas.base import SCHEMA_VERSION, Contract, LocalId

MAX_OFFERS = 12
"""More than a track ever offers; what is beyond them is refused unread."""
MAX_OFFER_CHARS = 600

OfferKind = Literal["hypothesis", "request"]
OfferKey = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]


class Offer(Contract):
    """A hypothesis of the documents with the analysis that would test it, or a request for evidence that the data do not hold."""

    key: OfferKey
    """The same for the same words: an offer that is repeated, or comes twice, is one."""
    kind: OfferKind
    text: Annotated[str, StringConstraints(min_length=1, max_length=MAX_OFFER_CHARS)]
    analysis: Annotated[str, StringConstraints(max_length=MAX_OFFER_CHARS)] = ""
    source: Annotated[str, StringConstraints(max_length=400)] = ""
    """Where it stands, in the reader's words: a document's title and page."""
    because: Annotated[str, StringConstraints(max_length=MAX_OFFER_CHARS)] = ""
    """Why it is asked for: what the data hold instead."""


class TrackOffers(Contract):
    """All that a track has offered so far. Equal offers are equal bytes."""

    schema_version: int = SCHEMA_VERSION
    offers: tuple[Offer, ...] = Field(default=(), max_length=MAX_OFFERS)
    complete: bool = False
    """Whether no more will come: who would wait for them need not."""


class TakenUp(Contract):
    """An offer of the other track that this one worked off, under a sub-question of its package, whose answer says what came of it."""

    offer: Offer
    question_id: LocalId
