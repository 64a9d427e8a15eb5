"""Verifying and anchoring the audit chains (invariant 9).

A chain proves order and content of what it holds; an anchor (the chain heads, kept write-once, at mission end and hourly) proves that
nothing was cut off its end. Events up to the last anchor cannot be changed without being found out. On the cloud anchors have a bucket of
their own, whose retention is locked: who can change a chain cannot change them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from pydantic import ValidationError

from schemas.events import Anchor, AuditEvent, ChainHead
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import Document, DocumentStore, Query, Ref
from shared.errors import Corrupt
from shared.ledger.ledger import WRITER
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.ledger.spending import buys
from shared.missions.chain import GENESIS, digest
from shared.missions.records import EVENTS, MissionRecord, TrackRecord, event_ref
from shared.missions.repository import events_query

ANCHORS = "audit/anchors"


@dataclass(frozen=True, slots=True)
class Break:
    """A place where a chain is not what it should be."""

    mission_id: str
    writer: str
    n: int
    what: str


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What ``verify`` found."""

    missions: int
    events: int
    anchors: int
    breaks: tuple[Break, ...]


class Audit:
    """Reads chains and anchors; writes anchors only."""

    def __init__(self, documents: DocumentStore, anchors: ArtifactStore, clock: Clock) -> None:
        self._documents = documents
        self._kept = anchors
        self._clock = clock

    def events(self, mission_id: str) -> list[AuditEvent]:
        """All events of a mission in time order (within one writer: in chain order)."""
        return sorted(self._read(events_query(mission_id)), key=lambda e: (e.at, e.writer, e.n))

    def anchor_mission(self, mission: MissionRecord, tracks: Iterable[TrackRecord]) -> None:
        """Keep the heads of a mission that has ended. A second call changes nothing."""
        heads = [ChainHead(mission_id=mission.mission_id, writer=w, n=p.n, hash=p.hash) for w, p in sorted(mission.heads.items())]
        heads += [ChainHead(mission_id=mission.mission_id, writer=t.track, n=t.head.n, hash=t.head.hash) for t in tracks if t.head]
        heads += self._ledger_head(mission)
        self._keep(f"{mission.mission_id}/{mission.status.lower()}-{sum(h.n for h in heads):06d}", "mission ended", heads)

    def _ledger_head(self, mission: MissionRecord) -> list[ChainHead]:
        """The head of the chain of the mission's money, where it has one."""
        document = self._documents.get(ledger_ref(mission.mission_id)) if buys(mission.request) else None
        head = LedgerRecord.read(document).head if document else None
        return [ChainHead(mission_id=mission.mission_id, writer=WRITER, n=head.n, hash=head.hash)] if head else []

    def anchor_hour(self) -> int:
        """Keep the heads of all chains that moved in this hour; how many there are."""
        now = self._clock.now()
        latest: dict[tuple[str, str], ChainHead] = {}
        for event in self._read(Query(EVENTS)):
            if (now - event.at).total_seconds() <= 7_200:
                latest[event.mission_id, event.writer] = ChainHead(
                    mission_id=event.mission_id, writer=event.writer, n=event.n, hash=event.hash
                )
        self._keep(f"hourly/{now:%Y-%m-%dT%H}", "hourly", [latest[key] for key in sorted(latest)])
        return len(latest)

    def verify(self, mission_id: str | None = None) -> AuditResult:
        """Every change, reordering or removal in the chains of one mission, or of all."""
        events, breaks = _sound(self._documents.query(events_query(mission_id) if mission_id else Query(EVENTS)))
        last: dict[tuple[str, str], dict[int, str]] = {}
        ordered = sorted(events, key=lambda e: (e.mission_id, e.writer, e.n))
        for (mission, writer), chain in groupby(ordered, key=lambda e: (e.mission_id, e.writer)):
            hashes = last.setdefault((mission, writer), {})
            previous, expected = GENESIS, 1
            for event in chain:
                if event.n != expected:
                    breaks.append(Break(mission, writer, expected, f"entry {expected} is missing"))
                elif event.previous != previous:
                    breaks.append(Break(mission, writer, event.n, "it does not follow from the entry before it"))
                if digest(event.model_dump(mode="json")) != event.hash:
                    breaks.append(Break(mission, writer, event.n, "its content was changed"))
                previous, expected = event.hash, event.n + 1
                hashes[event.n] = event.hash
        anchors = 0
        for anchor in self._anchors(mission_id):
            anchors += 1
            for head in anchor.heads:
                if mission_id and head.mission_id != mission_id:
                    continue
                if last.get((head.mission_id, head.writer), {}).get(head.n) != head.hash:
                    breaks.append(
                        Break(
                            head.mission_id, head.writer, head.n, f"it is not the entry that was anchored at {anchor.at:%Y-%m-%d %H:%M} UTC"
                        )
                    )
        return AuditResult(len({e.mission_id for e in events}), len(events), anchors, tuple(breaks))

    def _anchors(self, mission_id: str | None) -> Iterable[Anchor]:
        prefixes = [f"{ANCHORS}/{mission_id}/", f"{ANCHORS}/hourly/"] if mission_id else [f"{ANCHORS}/"]
        for prefix in prefixes:
            for artifact in self._kept.list(prefix):
                yield Anchor.model_validate_json(self._kept.get(artifact.uri))

    def _keep(self, name: str, reason: str, heads: list[ChainHead]) -> None:
        key = f"{ANCHORS}/{name}.json"
        if next(iter(self._kept.list(key)), None) is None:
            anchor = Anchor(at=self._clock.now(), reason=reason, heads=tuple(heads))
            self._kept.put(key, anchor.model_dump_json(indent=1).encode(), media_type="application/json")

    def _read(self, query: Query) -> list[AuditEvent]:
        events, breaks = _sound(self._documents.query(query))
        if breaks:
            wrong = breaks[0]
            raise Corrupt(
                f"The audit event {wrong.writer} {wrong.n} of mission {wrong.mission_id} is damaged: {wrong.what}.",
                remedy="`kimera audit verify` lists every break; restore the events from a backup.",
            )
        return events


def _sound(documents: Iterable[Document]) -> tuple[list[AuditEvent], list[Break]]:
    """The events among the documents, and a break for each document that is none or stands in another's place."""
    events: list[AuditEvent] = []
    breaks: list[Break] = []
    for document in documents:
        try:
            event = AuditEvent.model_validate(document.data)
        except ValidationError:
            breaks.append(_break_at(document.ref, "it is no audit event any more"))
            continue
        events.append(event)
        if event_ref(event) != document.ref:
            breaks.append(_break_at(document.ref, "another entry stands in its place"))
    return events, breaks


def _break_at(ref: Ref, what: str) -> Break:
    mission_id, _, entry = ref.id.partition(":")
    writer, _, n = entry.rpartition(":")
    return Break(mission_id, writer, int(n) if n.isdecimal() else 0, what)
