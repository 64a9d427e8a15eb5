"""The audit chain inside a transaction: each writer's events are linked by hashes (invariant 9).

A writer's chain moves together with the document it writes anyway (the mission, its track's attempt, the mission's ledger), which holds
the chain's head and, as its tail, the newest events. So an event costs no write of its own and no read, and is there exactly if the
change it tells of is. A tail that has grown too long becomes a page, a document that is written once, in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from schemas.base import Sha256, Stored
from schemas.events import AuditEvent
from shared.documents import Json, Ref, Transaction
from shared.record import Record

EVENTS = "events"
GENESIS = "0" * 64
FILES = "files"
"""In an event's detail: the digest of each artifact that it names, by address."""
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_HASH = '"hash":"{}",'
"""How it stands in an event's text."""
PAGE_EVENTS = 32
"""A tail that holds more becomes a page: most missions never need one."""
PAGE_BYTES = 64 * 1024
"""The same by size, far below what a document may hold: the tail is written again with every change of its document."""


class ChainPointer(Stored):
    """The last event that a writer appended."""

    n: int
    hash: Sha256


class Tail(Stored):
    """The newest events of a chain, in the document that its writer writes anyway.

    ``entries`` are events as canonical JSON, the very text that their hashes cover: who carries them along need not read them.
    """

    first: int
    """The number of the first entry; the others follow it without a gap."""
    entries: tuple[str, ...]

    @property
    def last(self) -> int:
        """The number of the last entry."""
        return self.first + len(self.entries) - 1


@dataclass(frozen=True, slots=True)
class Chain:
    """A writer's chain as its document holds it."""

    head: ChainPointer | None = None
    tail: Tail | None = None


class ChainPage(Record):
    """Events that no longer fitted into a chain's tail. It is written once."""

    mission_id: str
    writer: str
    first: int
    entries: tuple[str, ...]

    @property
    def ref(self) -> Ref:
        """Where the page is stored: as a single event of its first number would be, so that ids keep the chain's order."""
        return event_ref(self.mission_id, self.writer, self.first)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something worth an audit event. ``detail`` holds references and figures, never content."""

    kind: str
    detail: Mapping[str, Json] = field(default_factory=dict)


def digest(event: Mapping[str, Json]) -> str:
    """The SHA-256 over the canonical JSON of an event without its ``hash``."""
    return hashlib.sha256(canonical({key: value for key, value in event.items() if key != "hash"}).encode()).hexdigest()


def canonical(event: Mapping[str, Json]) -> str:
    """The one JSON text of an event."""
    return _CANONICAL.encode(event)


def digest_of_text(text: str, stated: str) -> str:
    """``digest`` of the event whose canonical text this is, without writing it again. ``stated`` is the ``hash`` in it.

    Of the event's own fields only plain texts and numbers come behind ``hash``: its last place in the text is the right one.
    """
    before, _, after = text.rpartition(_HASH.format(stated))
    return hashlib.sha256((before + after).encode()).hexdigest()


def append(
    transaction: Transaction,
    chain: Chain,
    happenings: Sequence[Happening],
    *,
    mission_id: str,
    writer: str,
    at: datetime,
    trace_id: str | None = None,
) -> Chain:
    """The chain with the happenings behind its head; the caller stores it in the same transaction. Full pages are written here."""
    if not happenings:
        return chain
    head, tail = chain.head, chain.tail
    if tail is not None and (head is None or tail.last != head.n):  # an instance of the version before has gone on behind the tail
        spill(transaction, chain, mission_id=mission_id, writer=writer)
        tail = None
    first = tail.first if tail else (head.n if head else 0) + 1
    entries = list(tail.entries) if tail else []
    for happening in happenings:
        unsigned = AuditEvent(
            mission_id=mission_id,
            writer=writer,
            n=head.n + 1 if head else 1,
            kind=happening.kind,
            at=at,
            detail=dict(happening.detail),
            trace_id=trace_id,
            previous=head.hash if head else GENESIS,
            hash=GENESIS,
        )
        text = canonical(unsigned.model_dump(mode="json"))
        head = ChainPointer(n=unsigned.n, hash=digest_of_text(text, GENESIS))
        before, _, after = text.rpartition(_HASH.format(GENESIS))
        entries.append(f"{before}{_HASH.format(head.hash)}{after}")
    while len(entries) > PAGE_EVENTS or (len(entries) > 1 and _size(entries) > PAGE_BYTES):
        fitting = _fitting(entries)
        _write_page(transaction, mission_id, writer, first, entries[:fitting])
        first, entries = first + fitting, entries[fitting:]
    return Chain(head, Tail(first=first, entries=tuple(entries)))


def spill(transaction: Transaction, chain: Chain, *, mission_id: str, writer: str) -> None:
    """Write the whole tail as a page: the document that holds it will be gone."""
    if chain.tail is not None and chain.tail.entries:
        _write_page(transaction, mission_id, writer, chain.tail.first, chain.tail.entries)


def _write_page(transaction: Transaction, mission_id: str, writer: str, first: int, entries: Sequence[str]) -> None:
    page = ChainPage(mission_id=mission_id, writer=writer, first=first, entries=tuple(entries))
    transaction.create(page.ref, page.data())


def _fitting(entries: Sequence[str]) -> int:
    """How many of the first entries make a page: at least one, and never all, since the last one stays the tail."""
    count = 1
    while count < min(len(entries) - 1, PAGE_EVENTS) and _size(entries[: count + 1]) <= PAGE_BYTES:
        count += 1
    return count


def _size(entries: Sequence[str]) -> int:
    return sum(len(entry.encode()) for entry in entries)


def event_ref(mission_id: str, writer: str, n: int) -> Ref:
    """Where a page that begins with entry ``n`` is stored, or, by the version before pages, entry ``n`` alone."""
    return Ref(EVENTS, f"{mission_id}:{writer}:{n:06d}")
