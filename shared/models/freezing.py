"""What a slice freezes before its first call: its tier, and what it may know of the other track. A slice that runs again finds it stored.

The tier steps down one for each threshold of the budget that the settled money has passed. A tier whose provider's circuit is open is
passed over. Where nothing is left but the extractive tier, the slice asks no model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.mission import Budget, Tier, Track
from shared.clock import Clock
from shared.documents import DocumentStore, Ref, Transaction
from shared.errors import StaleEpoch
from shared.ledger.ledger import Ledger, Payer
from shared.ledger.records import ACCOUNTS, LedgerRecord, PurseRecord, ledger_ref, purse_ref
from shared.missions.records import MissionRecord
from shared.missions.repository import load, load_tracks
from shared.models.calls import Account
from shared.models.flags import BUDGET_EXHAUSTED, MODEL_UNAVAILABLE, OVERRUN, TIER_DOWNGRADED, TIER_EXTRACTIVE
from shared.models.rows import SLICES, SliceRecord, slice_id

_TIERS = tuple(Tier)
"""From the strongest to the extractive one."""


@dataclass(frozen=True, slots=True)
class SliceOf:
    """A slice that begins: which one, and who runs it. ``holder`` is the lease of a track's slice; fusion has none."""

    mission_id: str
    account: Account
    attempt: int
    seq: int
    epoch: int
    holder: str | None = None

    @property
    def id(self) -> str:
        """``mission:account:attempt:seq``."""
        return slice_id(self.mission_id, self.account, self.attempt, self.seq)


class Freezer:
    """Begins slices. ``is_down`` says whether the models of a tier cannot be asked now."""

    def __init__(self, documents: DocumentStore, clock: Clock, *, ledger: Ledger, is_down: Callable[[Tier, MissionRecord], bool]) -> None:
        self._documents = documents
        self._clock = clock
        self._ledger = ledger
        self._is_down = is_down

    def begin(self, of: SliceOf) -> SliceRecord:
        """What the slice froze, now or in an earlier run, as this run's. From here on no earlier run may send anything.

        Raises ``StaleEpoch`` where another execution owns the mission, or another call the slice.
        """

        def work(tx: Transaction) -> SliceRecord:
            mission = load(tx, of.mission_id)
            tracks = load_tracks(tx, mission)
            if mission.over or mission.epoch != of.epoch:
                raise StaleEpoch(f"Mission {of.mission_id} is {mission.status} at epoch {mission.epoch}; this call came from {of.epoch}.")
            handoff = None
            if of.account != "fusion":
                lease = tracks[Track(of.account)].lease
                if of.holder is not None and (lease is None or lease.holder != of.holder):
                    raise StaleEpoch(f"The lease of slice {of.id} went to another call.")
                handoff = next(track.handoff_uri for name, track in tracks.items() if name != of.account)
            known = tx.get(Ref(SLICES, of.id))
            if known is not None:
                before = SliceRecord.read(known)
                record = before.model_copy(update={"run": before.run + 1, "epoch": of.epoch})
            else:
                payer = Payer(of.mission_id, of.account, mission.request.budget.cap_micro_usd)
                tier, flags = self._tier(tx, mission, payer)
                if tier is not Tier.EXTRACTIVE:
                    self._ledger.begin(tx, payer)
                record = SliceRecord(
                    mission_id=of.mission_id,
                    account=of.account,
                    attempt=of.attempt,
                    seq=of.seq,
                    epoch=of.epoch,
                    tier=tier,
                    flags=flags,
                    handoff_uri=handoff,
                    frozen_at=self._clock.now(),
                )
            tx.put(record.ref, record.data())
            return record

        return self._documents.transact(work)

    def _tier(self, tx: Transaction, mission: MissionRecord, payer: Payer) -> tuple[Tier, tuple[str, ...]]:
        """The tier that the money and the providers leave, and why it is not the mission's own."""
        asked = asked_tier(mission)
        if asked is Tier.EXTRACTIVE:
            return asked, ()
        stopped, settled = _money(tx, mission.mission_id)
        if stopped:
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, OVERRUN)
        if settled >= mission.request.budget.cap_micro_usd or self._ledger.exhausted(tx, payer):
            return Tier.EXTRACTIVE, (TIER_EXTRACTIVE, BUDGET_EXHAUSTED)
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


def _money(tx: Transaction, mission_id: str) -> tuple[bool, int]:
    """Whether the mission buys nothing more, and what it has settled."""
    ledger = tx.get(ledger_ref(mission_id))
    purses = [tx.get(purse_ref(mission_id, account)) for account in ACCOUNTS]
    settled = sum(PurseRecord.read(purse).settled for purse in purses if purse is not None)
    return ledger is not None and LedgerRecord.read(ledger).stopped_because is not None, settled
