"""What a mission or a day has cost, and who, or what, the money went to: totals from the ledger, shares from the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from functions.missions.answers import CapState, CostReport, CostShare, OverrunCall, UnknownCall
from schemas.mission import Cost
from shared.clock import Clock
from shared.documents import DocumentStore
from shared.errors import BadInput, NotFound
from shared.ledger.attribution import Dimension, PaidCall, calls_of_day, calls_of_mission, shares
from shared.ledger.records import Overrun
from shared.ledger.spending import spent_on
from shared.missions.records import MissionRecord
from shared.missions.repository import Missions


class Costs:
    """Reads the ledger and the journal; writes nothing."""

    def __init__(self, documents: DocumentStore, missions: Missions, clock: Clock, *, day_cap_micro_usd: int) -> None:
        self._documents = documents
        self._missions = missions
        self._clock = clock
        self._day_cap = day_cap_micro_usd

    def of_mission(self, mission: MissionRecord, by: Dimension) -> CostReport:
        """What one mission has cost."""
        spent = self._missions.spent(mission)
        calls = calls_of_mission(self._documents, mission.mission_id)
        overruns = [(mission.mission_id, overrun) for overrun in spent.overruns]
        whole = _cap_state(mission.request.budget.cap_micro_usd, spent.total)
        return self._report(calls, by, whole, overruns, mission_id=mission.mission_id)

    def of_day(self, day: str | None, by: Dimension, *, owner: str) -> CostReport:
        """What all missions have cost on a UTC day (today where none is named); shares and single calls only of the owner's missions.

        Raises ``BadInput`` where ``day`` is none.
        """
        wanted = self._today if day is None else _day(day, self._today)
        calls = calls_of_day(self._documents, wanted)
        own = self._owned({call.mission_id for call in calls}, owner)
        overruns = [
            (mission.mission_id, overrun)
            for mission in own.values()
            for overrun in self._missions.spent(mission).overruns
            if overrun.day == wanted
        ]
        whole = _cap_state(self._day_cap, self._spent_on(wanted))
        return self._report([call for call in calls if call.mission_id in own], by, whole, overruns, day=wanted)

    @property
    def _today(self) -> str:
        return f"{self._clock.now():%Y-%m-%d}"

    def _spent_on(self, day: str) -> Cost:
        return self._documents.transact(lambda tx: spent_on(tx, day))

    def _report(
        self,
        calls: Sequence[PaidCall],
        by: Dimension,
        whole: CapState,
        overruns: Sequence[tuple[str, Overrun]],
        *,
        day: str | None = None,
        mission_id: str | None = None,
    ) -> CostReport:
        attributed = sum(call.cost for call in calls)
        return CostReport(
            day=day,
            mission_id=mission_id,
            whole=whole,
            by=by,
            shares=tuple(
                CostShare(
                    name=share.name,
                    track=share.track,
                    calls=share.calls,
                    input_tokens=share.input_tokens,
                    output_tokens=share.output_tokens,
                    settled_micro_usd=share.settled,
                    reserved_micro_usd=share.reserved,
                )
                for share in shares(calls, by)
            ),
            unattributed_micro_usd=max(whole.settled_micro_usd - attributed, 0),
            unknown=tuple(_unknown(call) for call in sorted(calls, key=lambda call: call.sent_at or "") if call.at_bound),
            overruns=tuple(_overrun(of, overrun) for of, overrun in overruns),
            today=self._today,
            today_whole=_cap_state(self._day_cap, self._spent_on(self._today)),
        )

    def _owned(self, mission_ids: set[str], owner: str) -> dict[str, MissionRecord]:
        found: dict[str, MissionRecord] = {}
        for mission_id in sorted(mission_ids):
            try:
                found[mission_id] = self._missions.owned(mission_id, owner)
            except NotFound:
                continue  # deleted, or somebody else's: its money is in the day's sum, its calls are not told
        return found


def nothing_spent(day: str | None, by: Dimension, *, today: str, day_cap_micro_usd: int) -> CostReport:
    """The report of a day on which nothing ran. Raises ``BadInput`` where ``day`` is none."""
    free = _cap_state(day_cap_micro_usd, Cost())
    return CostReport(
        day=today if day is None else _day(day, today),
        mission_id=None,
        whole=free,
        by=by,
        shares=(),
        unattributed_micro_usd=0,
        unknown=(),
        overruns=(),
        today=today,
        today_whole=free,
    )


def _cap_state(cap: int, cost: Cost) -> CapState:
    left = max(cap - cost.settled_micro_usd - cost.reserved_micro_usd, 0)
    return CapState(
        cap_micro_usd=cap, settled_micro_usd=cost.settled_micro_usd, reserved_micro_usd=cost.reserved_micro_usd, left_micro_usd=left
    )


def _unknown(call: PaidCall) -> UnknownCall:
    return UnknownCall(
        mission_id=call.mission_id,
        track=call.names["track"],
        role=call.names["role"],
        model=call.names["model"],
        sent_at=call.sent_at,
        charged_micro_usd=call.cost,
        why=call.at_bound or "",
    )


def _overrun(mission_id: str, overrun: Overrun) -> OverrunCall:
    return OverrunCall(
        mission_id=mission_id,
        track=overrun.account,
        day=overrun.day,
        reserved_micro_usd=overrun.reserved,
        cost_micro_usd=overrun.cost,
        at=overrun.at,
    )


def _day(text: str, today: str) -> str:
    """The day as it is stored; nothing is known of one that has not begun."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise BadInput(f"{text[:40]!r} is no day.", remedy="Write it like 2026-03-14; days are in UTC.")
    if text > today:
        raise BadInput(f"{text} has not begun: it is {today} in UTC.", remedy="Ask for a day up to today.")
    return text
