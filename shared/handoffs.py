"""What a track offers to the other one while both run, and what it may take of the other's offers.

An offer is made of documents or of a model's words, so it is text to look at and never an instruction: what speaks to the reader or
points somewhere is not offered, and whoever takes it up looks again.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable

from pydantic import ValidationError

from schemas.handoff import MAX_OFFER_CHARS, MAX_OFFERS, Offer, OfferKind, TrackOffers
from shared.language.instructions import reads_like_instructions
from shared.tracks import Note, SliceContext

MAX_TAKEN_UP = 4
"""Offers of the other track that a mission follows up: what is beyond them stays open, and the report lists it."""
_MAX_SOURCE_CHARS = 400
_ADDRESS = re.compile(r"https?:|www\.|\b[\w.+-]+@[\w-]+\.\w|\b[\w-]+\.(?:com|org|net|io|ru|cn)\b", re.IGNORECASE)


def offer_of(kind: OfferKind, text: str, *, analysis: str = "", source: str = "", because: str = "") -> Offer | None:
    """The offer on one line; ``None`` for what is empty, too long, speaks to the reader, or points somewhere."""
    said, how, why = _line(text), _line(analysis), _line(because)
    if not said or max(len(said), len(how)) > MAX_OFFER_CHARS or not (_is_safe(said) and _is_safe(how)):
        return None
    why = why if len(why) <= MAX_OFFER_CHARS and _is_safe(why) else ""
    key = _key(kind, how or said)
    return Offer(key=key, kind=kind, text=said, analysis=how, source=_line(source)[:_MAX_SOURCE_CHARS], because=why)


def all_offers(offers: Iterable[Offer | None], *, complete: bool) -> TrackOffers:
    """Each offer once, in order, as many as may be published."""
    found = {offer.key: offer for offer in reversed([o for o in offers if o is not None])}
    return TrackOffers(offers=tuple(reversed(found.values()))[:MAX_OFFERS], complete=complete)


def heard(context: SliceContext) -> TrackOffers | None:
    """What the other track had offered when this slice was frozen; ``None`` where it had committed no slice yet."""
    if context.other_handoff_uri is None:
        return None
    try:
        return TrackOffers.model_validate_json(context.artifacts.get(context.other_handoff_uri))
    except ValidationError:
        return None  # a handoff of the version before, which published none while it ran


def news_of(kind: OfferKind, offers: TrackOffers, offered: int) -> tuple[Note, ...]:
    """A line for the mission's story where there are other offers than the ``offered`` that were published before."""
    if len(offers.offers) == offered:
        return ()
    return (Note("hypotheses.offered" if kind == "hypothesis" else "evidence.requested", {"offers": len(offers.offers)}),)


def to_take_up(offers: TrackOffers | None, kind: OfferKind, known: Collection[str]) -> tuple[Offer, ...]:
    """What is new of ``kind``, up to ``MAX_TAKEN_UP`` together with what is ``known`` by its key."""
    if offers is None:
        return ()
    new = [o for o in offers.offers if o.kind == kind and o.key not in known and _is_safe(o.text) and _is_safe(o.analysis)]
    return tuple(new[: max(0, MAX_TAKEN_UP - len(known))])


def same_words(first: str, second: str) -> bool:
    """Whether two texts are the same but for case, spaces and punctuation."""
    return _letters(first) == _letters(second)


def _key(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{_letters(text)}".encode()).hexdigest()[:16]


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _line(text: str) -> str:
    """The text on one line, without what cannot be seen."""
    plain = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in unicodedata.normalize("NFC", text))
    return " ".join(plain.split())


def _is_safe(text: str) -> bool:
    return not reads_like_instructions(text) and _ADDRESS.search(text) is None
