"""``ModelAccess``: the models of a slice, or none. The one place where the links of the chain are put together.

telemetry -> guard -> remember -> retry -> pay -> breaker -> provider, script or recording
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from schemas.mission import ModelChoice, Tier
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.errors import BudgetRefused
from shared.missions.records import MissionRecord
from shared.models.calls import ModelSpec
from shared.models.freezing import Freezer, SliceOf, asked_tier
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from shared.ledger.ledger import Ledger
    from shared.models.breaker import Circuits
    from shared.models.calls import Sender
    from shared.models.desk import Desk
    from shared.models.journal import Journal
    from shared.models.orphans import Orphans
    from shared.models.rows import SliceRecord


class Chooses(Protocol):
    """Which model plays a role: the catalogue."""

    def choose(self, tier: Tier, role: str, *, on: date, choice: ModelChoice | None = None) -> ModelSpec:
        """The model of ``role`` with the prices of the day. Raises ``BudgetRefused`` where no price is known."""
        ...


class Innermost(Protocol):
    """The link that answers, made when it is first needed."""

    def link(self, journal: Journal) -> Sender:
        """The link; a script is told by the journal which of its answers are given already. Raises ``BadInput``."""
        ...

    def close(self) -> None:
        """End its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Installation:
    """What the chain of every slice has in common."""

    documents: DocumentStore
    artifacts: ArtifactStore
    clock: Clock
    tracing: Tracing
    ledger: Callable[[], Ledger]
    catalog: Callable[[], Chooses]
    innermost: Innermost
    day_cap_micro_usd: int
    uniform: Callable[[], float]
    """A random number from 0 up to 1."""
    secrets: Callable[[], Sequence[str]]
    """The values that may not leave."""
    instance: str
    """Names this process."""
    telemetry: TelemetrySink = NOWHERE
    in_order: bool = False
    """Whether the innermost link answers by the order of the calls, so that a fan-out is asked one by one."""


@dataclass(frozen=True, slots=True)
class OpenSlice:
    """The models of a slice that began; ``None`` in the extractive tier."""

    models: Desk | None = None
    frozen: tuple[str, ...] = ()
    """Why the tier is not the mission's own."""
    handoff_uri: str | None = None
    """The other track's handoff, frozen with the tier."""

    def flags(self) -> tuple[str, ...]:
        """What a reader has to know of this slice's models, so far."""
        return (*self.frozen, *(self.models.flags() if self.models else ()))


class ModelAccess:
    """Opens slices, and closes what missions leave open. One for a process: its circuits and its provider are shared."""

    def __init__(self, installation: Installation) -> None:
        self._with = installation

    def open(self, mission: MissionRecord, of: SliceOf, *, time_left: Callable[[], float]) -> OpenSlice:
        """The models of the slice ``of``; what an earlier run of it left unanswered is settled first. Raises ``StaleEpoch``."""
        if asked_tier(mission) is Tier.EXTRACTIVE:
            return OpenSlice()
        frozen = self._freezer.begin(of)
        self._orphans.close_slice(of.id, cap_micro_usd=mission.request.budget.cap_micro_usd)
        desk = self._desk(mission, frozen, time_left) if frozen.tier is not Tier.EXTRACTIVE else None
        return OpenSlice(desk, frozen.flags, frozen.handoff_uri)

    def close_mission(self, mission: MissionRecord) -> int:
        """Settle the requests of a mission that nobody waits for any more; how many."""
        if asked_tier(mission) is Tier.EXTRACTIVE:
            return 0
        return self._orphans.close_mission(mission.mission_id, cap_micro_usd=mission.request.budget.cap_micro_usd)

    def tell_again(self, mission: MissionRecord) -> None:
        """Tell the telemetry every request of a mission that has ended."""
        if asked_tier(mission) is not Tier.EXTRACTIVE:
            self._journal.tell_again(mission.mission_id)

    def close(self) -> None:
        """End what was opened to providers."""
        self._with.innermost.close()

    @cached_property
    def _ledger(self) -> Ledger:
        return self._with.ledger()

    @cached_property
    def _journal(self) -> Journal:
        from shared.models.journal import Journal

        return Journal(self._with.documents, self._ledger, self._with.clock, self._with.telemetry)

    @cached_property
    def _orphans(self) -> Orphans:
        from shared.models.answers import Answers
        from shared.models.orphans import Orphans

        return Orphans(self._journal, Answers(self._with.artifacts))

    @cached_property
    def _circuits(self) -> Circuits:
        from shared.models.breaker import Circuits

        return Circuits(self._with.documents, self._with.clock, instance=self._with.instance)

    @cached_property
    def _innermost(self) -> Sender:
        return self._with.innermost.link(self._journal)

    @cached_property
    def _freezer(self) -> Freezer:
        return Freezer(self._with.documents, self._with.clock, day_cap_micro_usd=self._with.day_cap_micro_usd, is_down=self._is_down)

    def _is_down(self, tier: Tier, mission: MissionRecord) -> bool:
        """Whether the circuit of the tier's usual model is open."""
        try:
            model = self._with.catalog().choose(tier, "", on=self._with.clock.now().date(), choice=mission.request.model)
        except BudgetRefused:
            return False  # an unknown price: each call says so
        return self._circuits.is_open(model.provider)

    def _desk(self, mission: MissionRecord, frozen: SliceRecord, time_left: Callable[[], float]) -> Desk:
        from shared.ledger.ledger import Payer
        from shared.models.answers import Answers
        from shared.models.breaker import Breaker
        from shared.models.desk import PARALLEL, Desk
        from shared.models.guard import Guard
        from shared.models.journal import Terms
        from shared.models.pay import Pay
        from shared.models.remember import Remember
        from shared.models.retry import Retry
        from shared.models.telemetry import Telemetry

        has, journal, answers = self._with, self._journal, Answers(self._with.artifacts)
        payer = Payer(mission.mission_id, frozen.account, mission.request.budget.cap_micro_usd)
        terms = Terms(payer, frozen.tier, frozen.run, frozen.epoch)
        asked = Breaker(self._innermost, self._circuits)
        paid = Pay(asked, journal, answers, terms, ready=self._circuits.check)
        tried = Retry(paid, clock=has.clock, uniform=has.uniform, time_left=time_left)
        known = Remember(tried, journal, answers)
        guarded = Guard(known, secrets=has.secrets(), reject=journal.reject)
        catalog, day, choice = has.catalog(), frozen.frozen_at.date(), mission.request.model
        return Desk(
            Telemetry(guarded, has.tracing),
            choose=lambda role: catalog.choose(frozen.tier, role, on=day, choice=choice),
            reject=journal.reject,
            tier=frozen.tier,
            mission_id=mission.mission_id,
            account=frozen.account,
            attempt=frozen.attempt,
            seq=frozen.seq,
            spent=lambda: journal.usage(frozen.slice_id),
            parallel=1 if has.in_order else PARALLEL,
        )
