"""A mission's audit chains as they are stored: in pages, in the tails of its documents, and one by one as the version before wrote them.

What is stored is read as it is: an entry that is none any more, or stands in another's place, says so and is passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from typing import TypeVar

from pydantic import ValidationError

from schemas.events import AuditEvent
from schemas.mission import Track
from shared.dead_letters import DEAD_LETTERS, NO_MISSION, Letter
from shared.documents import Document, DocumentStore, Query, Ref, Transaction, Where
from shared.errors import Corrupt
from shared.ledger.ledger import WRITER
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.missions.chain import EVENTS, Chain, ChainPage, ChainPointer, Tail, canonical, digest, digest_of_text
from shared.missions.damaged import chains_of
from shared.missions.records import TRACKS, MissionRecord, TrackRecord, mission_ref, track_ref
from shared.record import Record

RecordT = TypeVar("RecordT", bound=Record)
_BATCH = 50
"""Documents in memory at a time: a page has 64 KiB."""
RESTORE = "`kimera audit verify` lists every break; restore the events from a backup."
NO_EVENT, CHANGED, MISPLACED = "it is no audit event any more", "its content was changed", "another entry stands in its place"


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in a place of a chain. ``wrong`` is empty where that is an event of this place as it was written."""

    mission_id: str
    writer: str
    n: int
    event: AuditEvent | None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class StoredChain:
    """A writer's chain. ``entries`` come by number, once, and have to be read before the next chain's.

    ``head``: the last entry by the document that the writer writes; ``None`` where that was deleted. An entry that went from a tail
    into a page while they were read comes twice.
    """

    mission_id: str
    writer: str
    head: ChainPointer | None
    entries: Iterator[Entry]


@dataclass(frozen=True, slots=True)
class Held:
    """The chains that a mission's own documents hold, by writer.

    ``mission`` and ``tracks``: its documents, but for those that are not there or cannot be read. ``damaged``: the documents that cannot be
    read as a whole, and why; what is left of their chains is among ``chains``. ``lost``: those of them of whose chains something cannot
    be read. ``misplaced``: documents that hold what belongs into another one.
    """

    mission: MissionRecord | None
    chains: Mapping[str, Chain]
    damaged: Mapping[Ref, Corrupt]
    lost: tuple[Ref, ...]
    tracks: tuple[TrackRecord, ...]
    misplaced: tuple[Ref, ...]


def held_chains(documents: DocumentStore | Transaction, mission_id: str) -> Held:
    """What the mission's documents say of its chains by now."""
    found: dict[str, Chain] = {}
    damaged: dict[Ref, Corrupt] = {}
    lost: list[Ref] = []
    misplaced: list[Ref] = []
    mission: MissionRecord | None = None
    tracks: list[TrackRecord] = []

    def read(kind: type[RecordT], document: Document) -> RecordT | None:
        try:
            record = kind.read(document)
            misplaced.extend([] if record.ref == document.ref else [document.ref])
            return record
        except Corrupt as error:
            told = Corrupt(f"The document {document.ref}, which holds an audit chain, cannot be read.", remedy=RESTORE)
            told.__cause__ = error
            damaged[document.ref] = told
            kept = chains_of(document)
            found.update(kept.chains)
            lost.extend([] if kept.whole else [document.ref])
            return None

    if (document := documents.get(mission_ref(mission_id))) is not None and (mission := read(MissionRecord, document)):
        found.update((writer, mission.chain(writer)) for writer in mission.heads | mission.tails)
    ledger = documents.get(ledger_ref(mission_id))
    for document in track_documents(documents, mission_id):
        if track := read(TrackRecord, document):
            tracks.append(track)
            found[track.track.value] = track.chain
    if ledger is not None and (money := read(LedgerRecord, ledger)):
        found[WRITER] = money.chain
    for document in _letters(documents, mission_id):
        if letter := read(Letter, document):
            found[letter.writer] = Chain(letter.head)
    chains = {writer: chain for writer, chain in found.items() if chain.head is not None or chain.tail is not None}
    return Held(mission, chains, damaged, tuple(lost), tuple(tracks), tuple(misplaced))


def track_documents(documents: DocumentStore | Transaction, mission_id: str) -> list[Document]:
    """The documents of the mission's tracks; those of their first attempts also where the mission's id in them is damaged."""
    found = {document.ref: document for document in documents.query(Query(TRACKS, (Where("mission_id", "==", mission_id),)))}
    for ref in (track_ref(mission_id, track, 1) for track in Track):
        if ref not in found and (document := documents.get(ref)) is not None:
            found[ref] = document
    return [found[ref] for ref in sorted(found)]


def stored_chains(documents: DocumentStore, mission_id: str, held: Held) -> Iterator[StoredChain]:
    """The mission's chains, by writer. ``held`` was read before, so that what leaves a tail meanwhile is found in the pages."""
    of_documents = dict(held.chains)
    pages = (entry for document in _events(documents, mission_id) for entry in _entries(document))
    for (place, writer), entries in groupby(pages, key=lambda entry: (entry.mission_id, entry.writer)):
        chain = of_documents.pop(writer, Chain()) if place == mission_id else Chain()
        yield _chain(place, writer, chain, entries)
    for writer, chain in sorted(of_documents.items()):
        yield _chain(mission_id, writer, chain, iter(()))


def _chain(mission_id: str, writer: str, chain: Chain, pages: Iterator[Entry]) -> StoredChain:
    entries = merge(pages, _tail_entries(mission_id, writer, chain.tail), key=lambda entry: entry.n)
    return StoredChain(mission_id, writer, chain.head, entries)


def _letters(documents: DocumentStore | Transaction, mission_id: str) -> Iterator[Document]:
    """The dead letters of the mission, or those without one. All events of their chains are pages; the letter knows the last."""
    about = None if mission_id == NO_MISSION else mission_id
    last: Document | None = None
    while found := documents.query(Query(DEAD_LETTERS, (Where("mission_id", "==", about),), limit=_BATCH, after=last)):
        yield from found
        last = found[-1]


def _events(documents: DocumentStore, mission_id: str) -> Iterator[Document]:
    """The documents of the mission's events, by writer and number: the order of their ids."""
    where = (Where("mission_id", "==", mission_id),)
    last: Document | None = None
    while found := documents.query(Query(EVENTS, where, limit=_BATCH, after=last)):
        yield from found
        last = found[-1]


def _entries(document: Document) -> Iterator[Entry]:
    """What the document holds: a page, or a single event."""
    mission_id, writer, n = _place(document.ref)
    try:
        if "entries" not in document.data:
            yield _checked(mission_id, writer, n, AuditEvent.model_validate(document.data))
            return
        page = ChainPage.model_validate(document.data)
    except ValidationError:
        yield Entry(mission_id, writer, n, None, NO_EVENT)
        return
    if page.ref != document.ref:
        yield Entry(mission_id, writer, n, None, MISPLACED)
        return
    for place, text in enumerate(page.entries, n):
        yield _entry(mission_id, writer, place, text)


def _tail_entries(mission_id: str, writer: str, tail: Tail | None) -> Iterator[Entry]:
    for place, text in enumerate(tail.entries, tail.first) if tail else ():
        yield _entry(mission_id, writer, place, text)


def _entry(mission_id: str, writer: str, n: int, text: str) -> Entry:
    try:
        event = AuditEvent.model_validate_json(text)
    except ValidationError:
        return Entry(mission_id, writer, n, None, NO_EVENT)
    if not _in_place(event, mission_id, writer, n):
        return Entry(mission_id, writer, n, None, MISPLACED)
    as_written = canonical(event.model_dump(mode="json")) == text and digest_of_text(text, event.hash) == event.hash
    return Entry(mission_id, writer, n, event, "" if as_written else CHANGED)


def _checked(mission_id: str, writer: str, n: int, event: AuditEvent) -> Entry:
    if not _in_place(event, mission_id, writer, n):
        return Entry(mission_id, writer, n, None, MISPLACED)
    wrong = CHANGED if digest(event.model_dump(mode="json")) != event.hash else ""
    return Entry(mission_id, writer, n, event, wrong)


def _in_place(event: AuditEvent, mission_id: str, writer: str, n: int) -> bool:
    return (event.mission_id, event.writer, event.n) == (mission_id, writer, n)


def _place(ref: Ref) -> tuple[str, str, int]:
    mission_id, _, entry = ref.id.partition(":")
    writer, _, n = entry.rpartition(":")
    return mission_id, writer, int(n) if n.isdecimal() else 0
