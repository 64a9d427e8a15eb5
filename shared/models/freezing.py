"""What a slice freezes before its first call: its tier, and what it may know of the other track. A slice that runs again finds it stored.

A track's slice freezes in the transaction that takes its lease, into the track's document, which that writes anyway. Fusion has no
lease, and the mission's document is written by others while it works: what it freezes is a document of its own.

The tier steps down one for each threshold of the budget that the settled money has passed. A tier whose provider's circuit is open is
passed over. Where nothing is left but the extractive tier, the slice asks no model.
"""

from __future__ import annotations

from collections.abc import Callable

from schemas.mission import Budget, Tier
from shared.clock import Clock
from shared.documents import DocumentStore, Transaction
from shared.errors import StaleEpoch
from shared.ledger.accounts import ACCOUNTS, Account
from shared.ledger.ledger import Ledger, Payer
from shared.ledger.records import LedgerRecord, PurseRecord, ledger_ref, purse_ref
from shared.missions.records import MissionRecord, SliceRecord, TrackRecord, slice_ref
from shared.missions.repository import load
from shared.models.flags import BUDGET_EXHAUSTED, DAY_BUDGET_EXHAUSTED, MODEL_UNAVAILABLE, OVERRUN, TIER_DOWNGRADED, TIER_EXTRACTIVE

_TIERS = tuple(Tier)
"""From the strongest to the extractive one."""
_FUSION: Account = "fusion"


class Freezer:
    """Begins slices. ``is_down`` says whether the models of a tier cannot be asked now."""

    def __init__(self, documents: DocumentStore, clock: Clock, *, ledger: Ledger, is_down: Callable[[Tier, MissionRecord], bool]) -> None:
        self._documents = documents
        self._clock = clock
        self._ledger = ledger
        self._is_down = is_down

    def freeze(self, tx: Transaction, mission: MissionRecord, track: TrackRecord, other: TrackRecord) -> SliceRecord:
        """What the track's next slice froze, now or in an earlier run, as this run's.

        To be stored with the slice's lease: from then on no earlier run may send anything. It reads, and removes at the most what the
        version before froze in a document of its own, which its processes look at.
        """
        before = track.frozen if track.frozen and track.frozen.seq == track.next_seq else None
        if before is None and track.tries:
            before = _frozen_apart(tx, mission, track)
        if before is not None:
            return before.model_copy(update={"run": before.run + 1, "epoch": mission.epoch})
        return self._new(tx, mission, track.track.value, track.attempt, track.next_seq, other)

    def begin_fusion(self, mission_id: str, version: int, epoch: int) -> SliceRecord:
        """What making this version of the report froze, now or in an earlier run, as this run's. No earlier run may send anything now.

        Raises ``StaleEpoch`` where another execution owns the mission.
        """

        def work(tx: Transaction) -> SliceRecord:
            mission = load(tx, mission_id)
            if mission.over or mission.epoch != epoch:
                raise StaleEpoch(f"Mission {mission_id} is {mission.status} at epoch {mission.epoch}; this call came from {epoch}.")
            known = tx.get(slice_ref(mission_id, _FUSION, 1, version))
            if known is not None:
                before = SliceRecord.read(known)
                record = before.model_copy(update={"run": before.run + 1, "epoch": epoch})
            else:
                record = self._new(tx, mission, _FUSION, 1, version, None)
            tx.put(record.ref, record.data())
            return record

        return self._documents.transact(work)

    def _new(
        self, tx: Transaction, mission: MissionRecord, account: Account, attempt: int, seq: int, other: TrackRecord | None
    ) -> SliceRecord:
        tier, flags = asked_tier(mission), tuple[str, ...]()
        if tier is not Tier.EXTRACTIVE:
            payer = Payer(mission.mission_id, account, mission.request.budget.cap_micro_usd)
            tier, flags = self._left(tx, mission, tier, payer)
            if tier is not Tier.EXTRACTIVE:
                self._ledger.begin(tx, payer)
        return SliceRecord(
            mission_id=mission.mission_id,
            account=account,
            attempt=attempt,
            seq=seq,
            epoch=mission.epoch,
            tier=tier,
            flags=flags,
            handoff_uri=other.offers_uri if other is not None else None,
            other_ended=other is not None and other.handed_off,
            frozen_at=self._clock.now(),
        )

    def _left(self, tx: Transaction, mission: MissionRecord, asked: Tier, payer: Payer) -> tuple[Tier, tuple[str, ...]]:
        """The tier that the money and the providers leave of the one ``asked``, and why it is not that one."""
        stopped, settled = _money(tx, mission.mission_id)
        if stopped:
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, OVERRUN)
        if settled >= mission.request.budget.cap_micro_usd:
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, BUDGET_EXHAUSTED)
        if self._ledger.exhausted(tx, payer):
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, DAY_BUDGET_EXHAUSTED)
        one_model = mission.request.model is not None
        afforded = stepped_down(asked, mission.request.budget, settled, one_model=one_model)
        if afforded is Tier.EXTRACTIVE:
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, BUDGET_EXHAUSTED)
        for tier in (afforded,) if one_model else _TIERS[_TIERS.index(afforded) : -1]:
            if not self._is_down(tier, mission):
                return tier, () if tier is asked else (TIER_DOWNGRADED,)
        return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, MODEL_UNAVAILABLE)


def asked_tier(mission: MissionRecord) -> Tier:
    """The tier that the mission was given; one that names a model is never extractive."""
    if mission.tier is Tier.EXTRACTIVE and mission.request.model is not None:
        return Tier.STANDARD
    return mission.tier


def stepped_down(tier: Tier, budget: Budget, settled_micro_usd: int, *, one_model: bool) -> Tier:
    """``tier``, one lower for each threshold that was passed; below a mission's own model (``one_model``) is only the extractive tier."""
    passed = sum(settled_micro_usd >= threshold * budget.cap_micro_usd for threshold in budget.thresholds)
    if passed and one_model:
        return Tier.EXTRACTIVE
    return _TIERS[min(_TIERS.index(tier) + passed, len(_TIERS) - 1)]


def _frozen_apart(tx: Transaction, mission: MissionRecord, track: TrackRecord) -> SliceRecord | None:
    """What the version before froze for the slice. It goes into the track's document, and from there no older process reads it."""
    document = tx.get(slice_ref(mission.mission_id, track.track.value, track.attempt, track.next_seq))
    if document is None:
        return None
    tx.delete(document.ref)
    return SliceRecord.read(document)


def _money(tx: Transaction, mission_id: str) -> tuple[bool, int]:
    """Whether the mission buys nothing more, and what it has settled."""
    ledger = tx.get(ledger_ref(mission_id))
    purses = [tx.get(purse_ref(mission_id, account)) for account in ACCOUNTS]
    settled = sum(PurseRecord.read(purse).settled for purse in purses if purse is not None)
    return ledger is not None and LedgerRecord.read(ledger).stopped_because is not None, settled
