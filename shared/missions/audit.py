"""The audit chains of all missions: reading, anchoring and verifying them (invariant 9)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import groupby

from schemas.events import Anchor, AuditEvent, ChainHead
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.dead_letters import NO_MISSION
from shared.documents import Document, DocumentStore, Query, Where
from shared.errors import BadInput, Corrupt
from shared.ids import made_at
from shared.ledger.ledger import WRITER
from shared.ledger.records import LedgerRecord, ledger_ref
from shared.missions.anchored_heads import AnchoredHead, AnchoredHeads
from shared.missions.anchors import Anchors, KeptAnchor
from shared.missions.chain import EVENTS
from shared.missions.chain_reading import RESTORE, RecordT, held_chains, stored_chains
from shared.missions.contents import Contents
from shared.missions.records import MISSIONS, TRACKS, MissionRecord, TrackRecord, track_ref
from shared.missions.repository import OPEN, heartbeat
from shared.missions.verifying import Break, CheckedChain, Witness, check_chain, never_written

_log = logging.getLogger(__name__)
_BATCH = 200
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_HEADS_KEPT_TOGETHER = 5_000
_INPUTS_KNOWN = 5_000
"""Inputs whose digests are kept, of those seen last: missions about the same large file follow each other, and it is read once."""
_MARGIN = timedelta(minutes=10)
"""How much earlier a change may say it was made than it was committed: the clocks of instances, and a transaction that had to wait."""
_HEAD_WRITER = "anchor"
"""Stands for the writer where an anchor itself is broken."""


@dataclass(frozen=True, slots=True)
class CheckedMission:
    """What ``verify`` found of one mission. ``breaks`` are all of them, those of its chains too."""

    mission_id: str
    chains: tuple[CheckedChain, ...]
    anchors: int
    breaks: tuple[Break, ...]
    files: int = 0
    """Artifacts that were compared with what its events, and its request, say of them."""
    undigested: int = 0
    """Files of its reports of which no event holds a digest, since an earlier version published them."""

    @property
    def events(self) -> int:
        """How many events it has."""
        return sum(chain.events for chain in self.chains)

    @property
    def unanchored(self) -> int:
        """How many of them no anchor covers: changed ones are found, but for their being cut off only the writer's document vouches."""
        return sum(max(0, chain.events - chain.anchored) for chain in self.chains)

    @property
    def of_letters(self) -> bool:
        """Whether these are not a mission's chains, but those of dead letters without one."""
        return self.mission_id == NO_MISSION


@dataclass(frozen=True, slots=True)
class AuditResult:
    """What ``verify`` found of all that it looked at."""

    missions: int
    events: int
    anchors: int
    breaks: tuple[Break, ...]


class Audit:
    """Reads chains and anchors; writes anchors only."""

    def __init__(self, documents: DocumentStore, anchors: ArtifactStore, clock: Clock) -> None:
        self._documents = documents
        self._anchors = Anchors(anchors)
        self._clock = clock

    def events(self, mission_id: str) -> list[AuditEvent]:
        """All events of a mission in time order (within one writer: in chain order). ``Corrupt`` where one is damaged."""
        found: dict[tuple[datetime, str, int], AuditEvent] = {}
        held = held_chains(self._documents, mission_id)
        for damaged in held.damaged.values():
            raise damaged
        for chain in stored_chains(self._documents, mission_id, held):
            at = _LONG_AGO
            for entry in chain.entries:
                if entry.event is None or entry.wrong:
                    raise Corrupt(
                        f"The audit event {entry.writer} {entry.n} of mission {entry.mission_id} is damaged: {entry.wrong}.", remedy=RESTORE
                    )
                at = max(at, entry.event.at)  # a clock that was set back does not change a writer's order
                found[at, entry.writer, entry.n] = entry.event
        return [found[key] for key in sorted(found)]

    def anchor_mission(self, mission: MissionRecord, tracks: Iterable[TrackRecord]) -> None:
        """Keep the heads of a mission that has ended. A second call changes nothing."""
        self._anchors.keep_end(mission.mission_id, mission.status, self._heads(mission, tracks), at=self._clock.now())

    def anchor_deletion(self, mission_id: str, head: ChainHead) -> None:
        """Keep that a damaged mission was deleted: of its other chains nobody knows the heads."""
        self._anchors.keep_end(mission_id, "deleted", [head], at=self._clock.now())

    def anchor_hour(self) -> int:
        """Keep the heads of the missions whose chains moved since the last anchored hour; how many heads that are.

        An hour is anchored once. What a call that died half-way has kept stays, and is found again by the next one.
        """
        now = self._clock.now()
        last = self._anchors.last_hour(now)
        if last is not None and last == now.replace(minute=0, second=0, microsecond=0):
            return 0
        heads: list[ChainHead] = []
        count = 0
        for mission, tracks in self._moved(last - _MARGIN if last else None):
            of_mission = self._heads(mission, tracks)
            count += len(of_mission)
            heads += of_mission
            if len(heads) >= _HEADS_KEPT_TOGETHER:
                self._anchors.keep_part(heads, at=now)
                heads = []
        self._anchors.close_hour(heads, at=now)
        return count

    def verify(self, mission_id: str | None = None, artifacts: ArtifactStore | None = None) -> AuditResult:
        """What ``checked`` finds of one mission, or of all."""
        missions, events, anchors, breaks = 0, 0, 0, list[Break]()
        for checked in self.checked(mission_id, artifacts):
            missions += bool(checked.events) and not checked.of_letters
            events += checked.events
            anchors += checked.anchors
            breaks += checked.breaks
        return AuditResult(missions, events, anchors, tuple(breaks))

    def checked(self, mission_id: str | None = None, artifacts: ArtifactStore | None = None) -> Iterator[CheckedMission]:
        """One mission, or all of which anything is stored or anchored, one after the other. Hourly anchors are read before the first.

        Every change, reordering or removal in their chains is found, and what their documents hold otherwise than their events say; with
        ``artifacts`` also what is stored there otherwise: each of those that events name is read, and each input that a request names.
        What is anchored is read before the chains, which may go on meanwhile. Anchors that name no mission come first, without chains.
        """
        made = made_at(mission_id) if mission_id else None
        input_digest = lru_cache(_INPUTS_KNOWN)(artifacts.digest) if artifacts else None
        with AnchoredHeads() as hourly:
            broken, count = _read_into(hourly, self._anchors.hourly(made - _MARGIN if made else None), mission_id)
            if broken or (count and mission_id is None):
                yield CheckedMission("", (), count if mission_id is None else 0, tuple(broken))
            for found in [mission_id] if mission_id else self._all_missions(hourly.missions()):
                yield self._check(found, hourly.of(found), count if mission_id else 0, artifacts, input_digest)

    def _check(
        self,
        mission_id: str,
        hourly: Sequence[AnchoredHead],
        anchors: int,
        artifacts: ArtifactStore | None,
        input_digest: Callable[[str], str] | None,
    ) -> CheckedMission:
        chains: list[CheckedChain] = []
        files = undigested = 0
        anchored: dict[str, dict[int, list[Witness]]] = {}
        broken: list[Break] = []
        try:
            ends: list[AnchoredHead] = []
            for kept in self._anchors.of_mission(mission_id):
                if kept.anchor is None:
                    broken.append(Break(mission_id, _HEAD_WRITER, 0, kept.wrong))
                    continue
                heads = _by_mission(kept.anchor, mission_id).get(mission_id, [])
                anchors += bool(heads)
                ends += heads
            for writer, n, witness in (*hourly, *ends):
                anchored.setdefault(writer, {}).setdefault(n, []).append(witness)
            held = held_chains(self._documents, mission_id)
            broken += [Break(mission_id, "", 0, damaged.message) for damaged in held.damaged.values()]
            vouched = {writer: max(heads) for writer, heads in anchored.items()}
            broken += [Break(mission_id, "", 0, f"The document {ref} holds what is another one's.") for ref in held.misplaced]
            contents = Contents(self._documents, mission_id, held, artifacts, input_digest)
            for chain in stored_chains(self._documents, mission_id, held):
                own = chain.mission_id == mission_id
                chains.append(check_chain(chain, anchored.pop(chain.writer, {}) if own else {}, contents))
            unread = {chain.writer for chain in chains if chain.breaks} | set(anchored)  # what these would have told is told as their own
            broken += [Break(mission_id, writer, 0, what) for writer, what in contents.untold() if writer not in unread]
            deletion = contents.deletion if held.mission is None else None
            if deletion is not None and deletion.n > max(vouched.get(deletion.writer, 0), self._anchored_now(deletion)):
                what = "the mission's document is gone, and no anchor vouches for the entry that tells of its deletion"
                broken.append(Break(mission_id, deletion.writer, deletion.n, what))
            files, undigested = contents.files, contents.undigested
        except (BadInput, Corrupt) as damaged:  # bad input: a document that is none of ours has an id that is none
            broken.append(Break(mission_id, "", 0, damaged.message))
        lost = [found for writer, heads in sorted(anchored.items()) for found in never_written(mission_id, writer, heads)]
        breaks = (*broken, *(found for chain in chains for found in chain.breaks), *lost)
        return CheckedMission(mission_id, tuple(sorted(chains, key=lambda chain: chain.writer)), anchors, breaks, files, undigested)

    def _anchored_now(self, event: AuditEvent) -> int:
        """Up to which entry the anchors of the mission cover the event's chain by now: it may have been deleted while it was checked."""
        heads = [head for kept in self._anchors.of_mission(event.mission_id) if kept.anchor is not None for head in kept.anchor.heads]
        return max((head.n for head in heads if head.writer == event.writer), default=0)

    def _heads(self, mission: MissionRecord, tracks: Iterable[TrackRecord]) -> list[ChainHead]:
        """The heads of all chains of a mission; that of its money is looked up where it may have one."""
        of = mission.mission_id
        heads = [ChainHead(mission_id=of, writer=w, n=p.n, hash=p.hash) for w, p in sorted(mission.heads.items())]
        heads += [ChainHead(mission_id=of, writer=t.track, n=t.head.n, hash=t.head.hash) for t in tracks if t.head]
        ledger = self._documents.get(ledger_ref(of)) if mission.request.may_buy else None
        head = LedgerRecord.read(ledger).head if ledger else None
        return [*heads, ChainHead(mission_id=of, writer=WRITER, n=head.n, hash=head.hash)] if head else heads

    def _moved(self, since: datetime | None) -> Iterator[tuple[MissionRecord, list[TrackRecord]]]:
        """The missions with a chain that may have moved since then, by index: those that changed, and open ones with a track that did.

        A track goes on only while its mission is open or late, and a ledger's chain only together with one of the two.
        """
        changed = (Where("updated_at", ">=", f"{since - timedelta(seconds=1):%Y-%m-%dT%H:%M:%S}"),) if since else ()
        for mission in self._missions(Query(MISSIONS, changed, order_by="updated_at", limit=_BATCH)):
            yield mission, self._tracks(mission)
        if since is None:
            return
        open_ = Where("status", "in", [str(status) for status in OPEN])
        for where in (open_, Where("late", "==", True)):
            for mission in self._missions(Query(MISSIONS, (where,), order_by="-mission_id", limit=_BATCH)):
                if mission.updated_at < since and mission.started_at is not None:
                    tracks = self._tracks(mission)
                    if heartbeat(mission, {track.track: track for track in tracks}) >= since:
                        yield mission, tracks

    def _missions(self, query: Query) -> Iterator[MissionRecord]:
        found = self._documents.query(query)
        while found:
            yield from (mission for document in found if (mission := _readable(MissionRecord, document)))
            if len(found) < _BATCH:
                return
            found = self._documents.query(Query(query.collection, query.where, query.order_by, query.limit, found[-1]))

    def _tracks(self, mission: MissionRecord) -> list[TrackRecord]:
        found = [self._documents.get(track_ref(mission.mission_id, track, n)) for track, n in mission.attempts.items()]
        return [track for document in found if document is not None and (track := _readable(TrackRecord, document))]

    def _all_missions(self, hourly: Iterable[str]) -> Iterator[str]:
        """The ids of all missions of which there are documents with chains, events or anchors, in order."""
        ids = merge(*map(self._ids, (MISSIONS, TRACKS, EVENTS)), self._anchors.missions(), hourly)
        yield from (mission_id for mission_id, _ in groupby(ids))

    def _ids(self, collection: str) -> Iterator[str]:
        """The mission ids of a collection in order, each once, by one small query each."""
        last = ""
        while found := self._documents.query(Query(collection, (Where("mission_id", ">", last),), order_by="mission_id", limit=1)):
            last = str(found[0].data["mission_id"])
            yield last


def _read_into(hourly: AnchoredHeads, anchors: Iterable[KeptAnchor], only: str | None) -> tuple[list[Break], int]:
    """Keep what anchors say of each mission (of one alone); those that cannot be read, and how many there are."""
    broken: list[Break] = []
    count = 0
    for kept in anchors:
        if kept.anchor is None:
            broken.append(Break(only or "", _HEAD_WRITER, 0, kept.wrong))
            continue
        of = _by_mission(kept.anchor, only)
        count += bool(of) or only is None
        for mission_id, heads in of.items():
            hourly.add(mission_id, heads)
    return broken, count


def _by_mission(anchor: Anchor, only: str | None) -> dict[str, list[AnchoredHead]]:
    """What an anchor says of each mission (of one alone)."""
    found: dict[str, list[AnchoredHead]] = {}
    seen = f"was anchored at {anchor.at:%Y-%m-%d %H:%M} UTC"
    for head in anchor.heads:
        if only is None or head.mission_id == only:
            found.setdefault(head.mission_id, []).append((head.writer, head.n, Witness(head.hash, seen)))
    return found


def _readable(kind: type[RecordT], document: Document) -> RecordT | None:
    """The record; ``None`` for one that is damaged, which ``verify`` finds, and which keeps no other from being anchored."""
    try:
        return kind.read(document)
    except Corrupt as damaged:
        _log.error("Its chain is not anchored: %s", damaged)
        return None
