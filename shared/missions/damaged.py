"""What can still be read of a stored document that is damaged: each field by itself, and the rest by the document's id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from schemas.base import Stored
from schemas.mission import MissionRequest, MissionStatus
from shared.dead_letters import DEAD_LETTERS
from shared.documents import Document, Json
from shared.errors import Corrupt
from shared.ledger.ledger import WRITER
from shared.ledger.records import LEDGERS
from shared.missions.chain import Chain, ChainPointer, Tail
from shared.missions.records import MISSIONS, TRACKS

StoredT = TypeVar("StoredT", bound=Stored)


@dataclass(frozen=True, slots=True)
class KeptChains:
    """The chains in a damaged document, by writer. ``whole`` is false where a head or a tail of them is among what cannot be read."""

    chains: Mapping[str, Chain]
    whole: bool


def owner_of(document: Document) -> str | None:
    """Whose the mission, or the letter, is; ``None`` where that cannot be read either."""
    return _text(_fields(document), "owner")


def status_of(document: Document) -> MissionStatus | None:
    """Where the mission stood."""
    named = _text(_fields(document), "status")
    return MissionStatus(named) if named in set(MissionStatus) else None


def request_of(document: Document) -> MissionRequest | None:
    """What the mission was asked."""
    try:
        return MissionRequest.model_validate(_fields(document).get("request"))
    except ValidationError:
        return None


def space_of(document: Document) -> str | None:
    """The knowledge space of the mission, which can be there where other parts of its request are not."""
    request = _fields(document).get("request")
    return _text(request, "knowledge_space") if isinstance(request, dict) else None


def chains_of(document: Document) -> KeptChains:
    """The chains in the document of a mission, a track, a ledger or a letter."""
    fields = _fields(document)
    if document.ref.collection == MISSIONS:
        heads, tails = fields.get("heads", {}), fields.get("tails", {})
        if not isinstance(heads, dict) or not isinstance(tails, dict):
            return KeptChains({}, whole=False)
        pairs = {writer: (heads.get(writer), tails.get(writer)) for writer in heads | tails}
        whole = "heads" in fields and "tails" in fields
    else:
        pairs = {_writer(document): (fields.get("head"), fields.get("tail"))}
        whole = "head" in fields
    chains: dict[str, Chain] = {}
    for writer, (stated_head, stated_tail) in pairs.items():
        head, tail = _part(ChainPointer, stated_head), _part(Tail, stated_tail)
        whole = whole and (head is None) == (stated_head is None) and (tail is None) == (stated_tail is None)
        chains[writer] = Chain(head, tail)
    return KeptChains(chains, whole)


def _writer(document: Document) -> str:
    """The writer of the one chain in the document."""
    of = document.ref
    return {TRACKS: of.id.split(":")[1] if ":" in of.id else of.id, LEDGERS: WRITER, DEAD_LETTERS: f"letter-{of.id}"}[of.collection]


def _fields(document: Document) -> Mapping[str, Json]:
    try:
        return document.data
    except Corrupt:  # it is no JSON object any more
        return {}


def _text(fields: Mapping[str, Json], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None


def _part(kind: type[StoredT], value: Json) -> StoredT | None:
    try:
        return kind.model_validate(value)
    except ValidationError:
        return None
