"""The journal: every physical request and what became of it, each change in one transaction with its money (invariant 3).

    send    reservation + SENT, before the request        fail    FAILED, settled at nothing
    answer  ANSWERED + settlement, once it is stored      lose    UNKNOWN, settled at its bound
    reject  REJECTED: what it cost stays                  began   SENT still, with the name of the job that it began

A call's rows are found by its key. A key that is known with another request is a defect, and an error.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.evidence import Usage
from schemas.mission import Tier, Track
from shared.artifacts import Artifact
from shared.clock import Clock
from shared.documents import DocumentStore, Query, Ref, Transaction, Where
from shared.errors import Conflict, JournalMismatch, StaleEpoch, ToldToStop
from shared.ledger.ledger import Ledger, Payer, Reservation
from shared.missions.records import JOURNAL, MissionRecord, SliceRecord, TrackRecord, slice_ref, track_ref
from shared.missions.repository import load
from shared.models.calls import CallKey, ModelAnswer, ModelCall
from shared.models.rows import JournalRow, RowState, slice_of
from shared.telemetry.rows import model_call_row
from shared.telemetry.sink import NOWHERE, TelemetrySink

_MAX_ERROR_CHARS = 500


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a slice sends: who pays, at which tier, and as which run of the slice in which epoch of the mission."""

    payer: Payer
    tier: Tier
    run: int
    epoch: int


class Journal:
    """The stored requests."""

    def __init__(self, documents: DocumentStore, ledger: Ledger, clock: Clock, telemetry: TelemetrySink = NOWHERE) -> None:
        self._documents = documents
        self._ledger = ledger
        self._clock = clock
        self._telemetry = telemetry

    def answered(self, call: ModelCall) -> JournalRow | None:
        """The row with the answer to ``call``, if one is stored. Raises ``JournalMismatch`` where its key is known with another request."""
        return _answered(self._rows(self._documents, call.key), call)

    def require_wanted(self, key: CallKey, terms: Terms) -> None:
        """Raise what ``send`` would raise of the mission and the slice: for who waits until it may send."""
        _require_wanted(self._fence(self._documents, key, terms))

    def send(self, call: ModelCall, terms: Terms) -> JournalRow:
        """The row of a request that may be sent now: its reservation and SENT are stored. An ANSWERED one if the answer came meanwhile.

        Raises ``BudgetRefused``; ``StaleEpoch`` where a newer run owns the slice or the mission has ended; ``ToldToStop``;
        ``JournalMismatch``.
        """

        def work(tx: Transaction) -> JournalRow:
            mission = self._fence(tx, call.key, terms)
            known = self._rows(tx, call.key)
            if stored := _answered(known, call):
                return stored
            _require_wanted(mission)
            if any(row.state is RowState.SENT for row in known):
                raise Conflict(f"The call {call.key} is under way already.")
            reservation = self._ledger.reserve(tx, terms.payer, call.bound_micro_usd)
            row = self._row(call, terms, reservation, send=len(known) + 1)
            tx.create(row.ref, row.data())
            return row

        return self._documents.transact(work)

    def answer(self, row: JournalRow, answer: ModelAnswer, stored: Artifact, *, payer: Payer) -> JournalRow:
        """The row with its answer, paid. Raises ``StaleEpoch`` where the row was given up meanwhile, by a newer run of its slice."""
        usage = answer.usage
        return self._settle(
            row,
            RowState.ANSWERED,
            payer,
            answer.cost_micro_usd,
            {
                "answered_by": answer.model,
                "input_tokens": usage.input_tokens if usage else None,
                "output_tokens": usage.output_tokens if usage else None,
                "cached_tokens": usage.cached_tokens if usage else None,
                "answer_uri": stored.uri,
                "answer_sha256": stored.sha256,
            },
        )

    def began(self, row: JournalRow, job: str) -> JournalRow:
        """The row of a request that began a job in the background. Raises ``StaleEpoch`` where the row was given up meanwhile."""

        def work(tx: Transaction) -> JournalRow:
            now = _stored(tx, row)
            if now.state is not RowState.SENT:
                raise StaleEpoch(f"The request {row.ref.id} is {now.state} already: a newer run of its slice goes on without it.")
            begun = now.model_copy(update={"job": job})
            tx.put(begun.ref, begun.data())
            return begun

        return self._documents.transact(work)

    def row(self, row_id: str) -> JournalRow:
        """The row as it is stored now. Raises ``StaleEpoch`` where its mission was deleted."""
        document = self._documents.get(Ref(JOURNAL, row_id))
        if document is None:
            raise _gone(row_id)
        return JournalRow.read(document)

    def jobs(self, key: CallKey) -> list[JournalRow]:
        """The requests of a call that began a job which has not ended."""
        return [row for row in self._rows(self._documents, key) if row.state is RowState.SENT and row.job is not None]

    def fail(self, row: JournalRow, why: str, *, payer: Payer) -> JournalRow:
        """The row of a request that the provider certainly did not work on: nothing is charged."""
        return self._settle(row, RowState.FAILED, payer, 0, {"error": why[:_MAX_ERROR_CHARS]})

    def lose(self, row: JournalRow, why: str, *, payer: Payer) -> JournalRow:
        """The row of a request without an answer that may have been worked on: charged at its bound."""
        return self._settle(row, RowState.UNKNOWN, payer, row.bound_micro_usd, {"error": why[:_MAX_ERROR_CHARS]})

    def reject(self, key: CallKey, why: str) -> None:
        """Mark the answer of ``key`` as one that did not fit. Marking it again changes nothing."""

        def work(tx: Transaction) -> list[JournalRow]:
            moved = []
            for row in self._rows(tx, key):
                if row.state is RowState.ANSWERED:
                    row.moved(RowState.REJECTED)
                    moved.append(row.model_copy(update={"state": RowState.REJECTED, "error": why[:_MAX_ERROR_CHARS]}))
            for rejected in moved:
                tx.put(rejected.ref, rejected.data())
            return moved

        self._tell(self._documents.transact(work))

    def open_rows(self, *, slice_id: str | None = None, mission_id: str | None = None) -> list[JournalRow]:
        """The requests of a slice, or of a whole mission, that are SENT."""
        of = Where("slice_id", "==", slice_id) if slice_id is not None else Where("mission_id", "==", mission_id)
        found = self._documents.query(Query(JOURNAL, (of, Where("state", "==", RowState.SENT.value))))
        return [JournalRow.read(document) for document in found]

    def answers_of_role(self, key: CallKey) -> int:
        """How many answers the mission has had from the key's role on the key's account."""
        of = (Where("mission_id", "==", key.mission_id), Where("account", "==", key.account), Where("role", "==", key.role))
        rows = [JournalRow.read(document) for document in self._documents.query(Query(JOURNAL, of))]
        return sum(row.state.has_answer for row in rows)

    def usage(self, slice_id: str) -> Usage:
        """What a slice has consumed, in all of its runs: every request, and what each was settled at."""
        found = self._documents.query(Query(JOURNAL, (Where("slice_id", "==", slice_id),)))
        rows = [JournalRow.read(document) for document in found]
        return Usage(
            calls=len(rows),
            input_tokens=sum(row.input_tokens or 0 for row in rows),
            output_tokens=sum(row.output_tokens or 0 for row in rows),
            cost_micro_usd=sum(row.cost_micro_usd for row in rows),
        )

    def _settle(self, row: JournalRow, state: RowState, payer: Payer, cost: int, changes: dict[str, str | int | None]) -> JournalRow:
        def work(tx: Transaction) -> JournalRow:
            now = _stored(tx, row)
            if now.state is state and now.answer_sha256 == changes.get("answer_sha256"):
                return now  # the same was stored before: by the run that found this one dead, or by a callback that runs again
            if now.state is not RowState.SENT:
                raise StaleEpoch(f"The request {row.ref.id} is {now.state} already: a newer run of its slice goes on without it.")
            now.moved(state)
            overrun = self._ledger.settle(tx, payer, Reservation(now.bound_micro_usd, now.day, now.held), cost)
            ended = {"state": state, "cost_micro_usd": cost, "overrun": overrun, "ended_at": self._clock.now()}
            settled = now.model_copy(update=ended | changes)
            tx.put(settled.ref, settled.data())
            return settled

        settled = self._documents.transact(work)
        self._tell([settled])
        return settled

    def tell_again(self, mission_id: str) -> None:
        """Tell the telemetry every settled request of a mission: who settled it may have died before it told."""
        found = self._documents.query(Query(JOURNAL, (Where("mission_id", "==", mission_id),)))
        self._tell([row for row in map(JournalRow.read, found) if row.state is not RowState.SENT])

    def _tell(self, rows: list[JournalRow]) -> None:
        self._telemetry.write([model_call_row(row) for row in rows])

    def _fence(self, reader: Transaction | DocumentStore, key: CallKey, terms: Terms) -> MissionRecord:
        """The mission. Only the last run of a slice, in the mission's present epoch, may spend its money."""
        mission = load(reader, key.mission_id)
        if mission.over or mission.epoch != terms.epoch:
            raise StaleEpoch(f"Mission {key.mission_id} is {mission.status} at epoch {mission.epoch}; this call came from {terms.epoch}.")
        frozen = _frozen(reader, key)
        run = frozen.run if frozen else None
        if run != terms.run:
            raise StaleEpoch(f"The slice {slice_of(key)} was begun again: run {run}; this call came from run {terms.run}.")
        return mission

    def _rows(self, reader: Transaction | DocumentStore, key: CallKey) -> list[JournalRow]:
        found = reader.query(Query(JOURNAL, (Where("key", "==", str(key)),)))
        return sorted((JournalRow.read(document) for document in found), key=lambda row: row.send)

    def _row(self, call: ModelCall, terms: Terms, reservation: Reservation, *, send: int) -> JournalRow:
        key = call.key
        return JournalRow(
            key=str(key),
            slice_id=slice_of(key),
            mission_id=key.mission_id,
            account=key.account,
            attempt=key.attempt,
            seq=key.seq,
            role=key.role,
            ordinal=key.ordinal,
            send=send,
            run=terms.run,
            model=call.model.label,
            tier=terms.tier,
            prompt_id=call.prompt.id,
            prompt_version=call.prompt.version,
            prompt_sha256=call.prompt.sha256,
            request_sha256=call.request_sha256,
            bound_micro_usd=call.bound_micro_usd,
            day=reservation.day,
            held=reservation.held,
            sent_at=self._clock.now(),
        )


def _require_wanted(mission: MissionRecord) -> None:
    """A slice that is under way when somebody asks to stop sees it here, at its next question: it was opened before."""
    if mission.cancel_requested:
        raise ToldToStop("The mission was told to stop: no model is asked any more.")


def _stored(tx: Transaction, row: JournalRow) -> JournalRow:
    document = tx.get(row.ref)
    if document is None:
        raise _gone(row.ref.id)
    return JournalRow.read(document)


def _frozen(reader: Transaction | DocumentStore, key: CallKey) -> SliceRecord | None:
    """What the call's slice froze; ``None`` where that slice is not under way any more."""
    if key.account == "fusion":
        document = reader.get(slice_ref(key.mission_id, key.account, key.attempt, key.seq))
        return SliceRecord.read(document) if document else None
    document = reader.get(track_ref(key.mission_id, Track(key.account), key.attempt))
    track = TrackRecord.read(document) if document else None
    begun = track is not None and track.frozen is not None and track.frozen.seq == key.seq == track.next_seq
    return track.frozen if track is not None and begun else None


def _gone(row_id: str) -> StaleEpoch:
    return StaleEpoch(f"The request {row_id} is gone: its mission was deleted.")


def _answered(rows: list[JournalRow], call: ModelCall) -> JournalRow | None:
    other = next((row for row in rows if row.request_sha256 != call.request_sha256), None)
    if other is not None:
        raise JournalMismatch(
            f"The call {call.key} was made before with another request (prompt {other.prompt_id} version {other.prompt_version}, "
            f"model {other.model}; now {call.prompt.id} version {call.prompt.version}, model {call.model.label}).",
            remedy="A slice that is run again has to ask the same: its role reads something that changes from run to run.",
        )
    return next((row for row in rows if row.state.has_answer), None)
