"""``ModelAccess``: the models of a slice, or none. The one place where the links of the chain are put together.

telemetry -> guard -> remember -> retry -> turn -> deadline -> pay -> breaker -> hush -> provider, script or recording
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from schemas.mission import ModelChoice, Tier, Track
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.documents import DocumentStore, Transaction
from shared.doing import Doing, unheard
from shared.errors import BudgetRefused, Unavailable
from shared.ledger.accounts import Account
from shared.missions.deadlines import seconds_left
from shared.missions.records import MissionRecord, SliceRecord, TrackRecord
from shared.models.calls import ModelSpec
from shared.models.freezing import Freezer, asked_tier
from shared.queue import TaskQueue
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.telemetry.tracing import Tracing
from shared.web.search import WebSearch

if TYPE_CHECKING:
    from shared.ledger.ledger import Ledger
    from shared.models.answers import Answers
    from shared.models.breaker import Circuits
    from shared.models.calls import ModelCall, Sender
    from shared.models.desk import Desk
    from shared.models.jobs import Jobs
    from shared.models.journal import Journal, Terms
    from shared.models.orphans import Orphans
    from shared.models.remote import Remote
    from shared.models.turn import Turns


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
    uniform: Callable[[], float]
    """A random number from 0 up to 1."""
    secrets: Callable[[], Sequence[str]]
    """The values that may not leave."""
    instance: str
    """Names this process."""
    telemetry: TelemetrySink = NOWHERE
    queue: Callable[[], TaskQueue] | None = None
    """The way to who can stop a research job; ``None`` where this process does that itself."""
    remote: Remote | None = None
    """What research may ask beyond the models; ``None`` where nothing beyond them can be asked."""
    turns: Turns | None = None
    """Lets an endpoint of one's own be asked only so many questions at once; ``None`` where no limit is kept."""
    in_order: bool = False
    """Whether the innermost link answers by the order of the calls, so that a fan-out is asked one by one."""


@dataclass(frozen=True, slots=True)
class OpenSlice:
    """What a slice that began may buy: no ``models`` in the extractive tier, no ``jobs`` or ``search`` where nobody asked for them."""

    models: Desk | None = None
    jobs: Jobs | None = None
    search: WebSearch | None = None
    frozen: tuple[str, ...] = ()
    """Why the tier is not the mission's own."""
    tier: Tier = Tier.EXTRACTIVE
    handoff_uri: str | None = None
    """What the other track had offered, frozen with the tier."""
    other_ended: bool = False
    answers: dict[str, str] = field(default_factory=dict)
    """The answers that were given so far, by address, with their sha256."""

    def flags(self) -> tuple[str, ...]:
        """What a reader has to know of this slice's models, so far."""
        return (*self.frozen, *(self.models.flags() if self.models else ()))


class ModelAccess:
    """Opens slices, and closes what missions leave open. One for a process: its circuits and its provider are shared."""

    def __init__(self, installation: Installation) -> None:
        self._with = installation

    def freezes(self, mission: MissionRecord, account: Account) -> bool:
        """Whether a slice of ``account`` that begins now may buy anything or hear another track, and so freezes how. Who asked to stop
        pays nothing and hears nothing.
        """
        return not mission.cancel_requested and (_may_buy(mission, account) or (account != "fusion" and _has_both_tracks(mission)))

    def freeze(self, tx: Transaction, mission: MissionRecord, track: TrackRecord, other: TrackRecord) -> SliceRecord:
        """What the track's next slice has frozen, to be stored together with its lease."""
        return self._freezer.freeze(tx, mission, track, other)

    def begin_fusion(self, mission: MissionRecord, version: int, epoch: int) -> SliceRecord | None:
        """What making this version of the report has frozen, stored; ``None`` where it may buy nothing. Raises ``StaleEpoch``."""
        return self._freezer.begin_fusion(mission.mission_id, version, epoch) if self.freezes(mission, "fusion") else None

    def open(
        self, mission: MissionRecord, frozen: SliceRecord | None, *, time_left: Callable[[], float], doing: Doing = unheard
    ) -> OpenSlice:
        """The models of the slice that froze this; what an earlier run of it left unanswered is settled first. Raises ``StaleEpoch``."""
        if frozen is None:
            return OpenSlice()
        if not _may_buy(mission, frozen.account):
            return OpenSlice(handoff_uri=frozen.handoff_uri, other_ended=frozen.other_ended)
        remote = _remote(mission, frozen.account)
        self._orphans.close_slice(frozen.slice_id, cap_micro_usd=mission.request.budget.cap_micro_usd)
        answers = self._answers()
        desk = self._desk(mission, frozen, time_left, answers, doing) if frozen.tier is not Tier.EXTRACTIVE else None
        jobs = self._jobs(mission, frozen, answers) if remote else None
        search = self._search(mission, frozen, time_left, answers, doing) if remote else None
        return OpenSlice(desk, jobs, search, frozen.flags, frozen.tier, frozen.handoff_uri, frozen.other_ended, answers.given)

    def closing(self, mission: MissionRecord, account: Account) -> OpenSlice:
        """What a slice of a mission that was told to stop may still do: give up the jobs that it began."""
        if not _remote(mission, account):
            return OpenSlice()
        answers = self._answers()
        return OpenSlice(jobs=self._jobs(mission, None, answers), answers=answers.given)

    def close_calls(self, mission: MissionRecord) -> int:
        """Settle the requests of a mission whose tracks have ended or died; how many. A late track goes on with its job."""
        if not mission.request.may_buy:
            return 0
        return self._orphans.close_calls(mission.mission_id, cap_micro_usd=mission.request.budget.cap_micro_usd)

    def close_mission(self, mission: MissionRecord) -> int:
        """Settle all that a mission has open and nobody waits for any more, its jobs cancelled where that can be; how many."""
        if not mission.request.may_buy:
            return 0
        found = self._orphans.jobs_of(mission.mission_id)
        if found and (jobs := self._jobs(mission, None, self._answers())) is not None:
            for row in found:
                jobs.give_up(row.ref.id, "the mission has ended")
        return len(found) + self._orphans.close_mission(mission.mission_id, cap_micro_usd=mission.request.budget.cap_micro_usd)

    def stop_job(self, job: str) -> bool:
        """Stop a research job whose mission is over and settled; false where there is none (any more). Again, it changes nothing."""
        from shared.models.failures import RequestFailed
        from shared.web.agent import JobGone

        if self._with.remote is None:
            raise Unavailable("This process reaches no research agent.", remedy="Give it the provider's key.")
        try:
            self._with.remote.agent().cancel(job)
        except JobGone:
            return False
        except RequestFailed as failed:
            raise Unavailable(
                f"The research job {job} could not be stopped: {failed.message}", remedy=failed.remedy, retry_after_s=failed.retry_after_s
            ) from failed
        return True

    def tell_again(self, mission: MissionRecord) -> None:
        """Tell the telemetry every request of a mission that has ended."""
        if mission.request.may_buy:
            self._journal.tell_again(mission.mission_id)

    def close(self) -> None:
        """End what was opened to providers. Who waits for a turn is let go first: it would ask what is being closed."""
        if self._with.turns is not None:
            self._with.turns.close()
        self._with.innermost.close()
        if self._with.remote is not None:
            self._with.remote.close()

    @cached_property
    def _ledger(self) -> Ledger:
        return self._with.ledger()

    @cached_property
    def _journal(self) -> Journal:
        from shared.models.journal import Journal

        return Journal(self._with.documents, self._ledger, self._with.clock, self._with.telemetry)

    @cached_property
    def _orphans(self) -> Orphans:
        from shared.models.orphans import Orphans

        return Orphans(self._journal, self._answers())

    def _answers(self) -> Answers:
        from shared.models.answers import Answers

        return Answers(self._with.artifacts)

    @cached_property
    def _circuits(self) -> Circuits:
        from shared.models.breaker import Circuits

        return Circuits(self._with.documents, self._with.clock, instance=self._with.instance)

    @cached_property
    def _innermost(self) -> Sender:
        return self._with.innermost.link(self._journal)

    @cached_property
    def _freezer(self) -> Freezer:
        return Freezer(self._with.documents, self._with.clock, ledger=self._ledger, is_down=self._is_down)

    def _is_down(self, tier: Tier, mission: MissionRecord) -> bool:
        """Whether the circuit of the tier's usual model is open."""
        try:
            model = self._with.catalog().choose(tier, "", on=self._with.clock.now().date(), choice=mission.request.model)
        except BudgetRefused:
            return False  # an unknown price: each call says so
        return self._circuits.is_open(model.provider)

    def _chain(
        self,
        innermost: Sender,
        mission: MissionRecord,
        frozen: SliceRecord,
        time_left: Callable[[], float],
        answers: Answers,
        doing: Doing,
    ) -> Sender:
        """All links around the innermost one, for one slice."""
        from shared.models.breaker import Breaker
        from shared.models.deadline import Deadline, time_for
        from shared.models.guard import Guard, Hush
        from shared.models.pay import Pay
        from shared.models.remember import Remember
        from shared.models.retry import Retry
        from shared.models.telemetry import Telemetry
        from shared.models.turn import Turn

        has, journal = self._with, self._journal
        terms = _terms(mission, frozen)

        def left() -> float:
            return seconds_left(mission, has.clock.now())

        def require_wanted(call: ModelCall) -> None:
            time_for(call, left())
            journal.require_wanted(call.key, terms)

        asked = Breaker(Hush(innermost, secrets=has.secrets()), self._circuits)
        paid = Pay(asked, journal, answers, terms, ready=self._circuits.check)
        timely: Sender = Deadline(paid, left=left)
        if has.turns is not None:
            timely = Turn(timely, has.turns, time_left=time_left, require_wanted=require_wanted, doing=doing)
        tried = Retry(timely, clock=has.clock, uniform=has.uniform, time_left=time_left)
        known = Remember(tried, journal, answers)
        return Telemetry(Guard(known, secrets=has.secrets(), reject=journal.reject), has.tracing)

    def _search(
        self, mission: MissionRecord, frozen: SliceRecord, time_left: Callable[[], float], answers: Answers, doing: Doing
    ) -> WebSearch | None:
        web = mission.request.tracks.deep_research.web
        if self._with.remote is None or web == "none":
            return None
        from shared.models.paid_search import PaidSearch

        return PaidSearch(
            self._chain(self._with.remote.search(), mission, frozen, time_left, answers, doing),
            self._with.remote.search_spec(web, frozen.frozen_at.date()),
            self._journal.reject,
            mission_id=mission.mission_id,
            account=frozen.account,
            attempt=frozen.attempt,
            seq=frozen.seq,
        )

    def _jobs(self, mission: MissionRecord, frozen: SliceRecord | None, answers: Answers) -> Jobs | None:
        """The mission's jobs; without a frozen slice none can be begun."""
        provider = mission.request.tracks.deep_research.provider
        remote = self._with.remote
        if remote is None or provider == "builtin":
            return None
        from shared.ledger.ledger import Payer
        from shared.models.calls import CallKey
        from shared.models.jobs import ROLE, Jobs

        day = (frozen.frozen_at if frozen is not None else self._with.clock.now()).date()
        key = CallKey(mission.mission_id, frozen.account, frozen.attempt, frozen.seq, ROLE, 0) if frozen is not None else None
        return Jobs(
            remote.agent,
            self._journal,
            answers,
            spec=lambda: remote.agent_spec(provider, day),
            payer=Payer(mission.mission_id, "deep_research", mission.request.budget.cap_micro_usd),
            ready=self._circuits.check,
            key=key,
            terms=_terms(mission, frozen) if frozen is not None else None,
            secrets=self._with.secrets(),
            queue=self._with.queue() if self._with.queue is not None else None,
        )

    def _desk(self, mission: MissionRecord, frozen: SliceRecord, time_left: Callable[[], float], answers: Answers, doing: Doing) -> Desk:
        from shared.models.desk import PARALLEL, Desk

        has, journal = self._with, self._journal
        catalog, day, choice = has.catalog(), frozen.frozen_at.date(), mission.request.model
        return Desk(
            self._chain(self._innermost, mission, frozen, time_left, answers, doing),
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


def _remote(mission: MissionRecord, account: Account) -> bool:
    """Whether the account's slices may ask a search or an agent beyond the models."""
    return account == "deep_research" and mission.request.tracks.deep_research.remote


def _may_buy(mission: MissionRecord, account: Account) -> bool:
    return asked_tier(mission) is not Tier.EXTRACTIVE or _remote(mission, account)


def _has_both_tracks(mission: MissionRecord) -> bool:
    return all(mission.request.tracks.options(track).enabled for track in Track)


def _terms(mission: MissionRecord, frozen: SliceRecord) -> Terms:
    from shared.ledger.ledger import Payer
    from shared.models.journal import Terms

    payer = Payer(mission.mission_id, frozen.account, mission.request.budget.cap_micro_usd)
    return Terms(payer, frozen.tier, frozen.run, frozen.epoch)
