"""What the platform promises (docs/invariants.md), looked at from outside: through the API, the costs, and ``kimera audit verify``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from functions.missions.answers import CostReport
from infra.local.drills.drill import Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import PRICE
from infra.local.drills.standin import StandIn
from schemas.events import AuditEvent
from schemas.mission import FusionStatus, MissionState, MissionStatus
from shared.counted import counted
from shared.ledger.money import dollars
from shared.models.calls import CallUsage

NO_LOST_MISSION = "no lost mission"
ONCE = "once: no slice, report or end is repeated"
NOT_TWICE = "no answer is bought twice"
CAPS = "caps hold"
AUDIT = "the audit chains verify"


def ended(scene: Scene, state: MissionState, *, as_: MissionStatus = MissionStatus.DONE, fusion: FusionStatus = FusionStatus.FINAL) -> None:
    """The mission ended as it should."""
    told = f"{state.status}, {state.fusion_status}, epoch {state.epoch}" + (f", {state.error.message}" if state.error else "")
    scene.check(NO_LOST_MISSION, (state.status, state.fusion_status) == (as_, fusion), told)


def once(scene: Scene, state: MissionState, events: Sequence[AuditEvent]) -> None:
    """Each slice was committed once, each report published once, and the mission ended once."""
    slices = Counter(
        (event.writer, event.detail.get("attempt"), event.detail["seq"]) for event in events if event.kind == "slice.committed"
    )
    kinds = Counter(event.kind for event in events)
    ends = sum(kinds[f"mission.{status.lower()}"] for status in MissionStatus if status.terminal)
    good = bool(slices) and set(slices.values()) == {1} and kinds["mission.created"] == ends == 1
    good = good and kinds["report.published"] == len(state.reports)
    published, ended = counted(kinds["report.published"], "report"), counted(ends, "end")
    scene.check(ONCE, good, f"{counted(len(slices), 'slice')} committed {slices.total()} times, {published}, {ended}")


def bought_once(scene: Scene, report: CostReport, standin: StandIn) -> None:
    """What was settled is, to the micro-dollar, the answers that the provider gave, and the bound of each request without one.

    An answer that never arrived is charged at its request's bound instead, and asked for again: an equal request, with an equal answer.
    """
    asked = Counter(given.request_sha256 for given in standin.given)
    cost = {given.request_sha256: CallUsage(given.input_tokens, given.output_tokens).cost_micro_usd(PRICE) for given in standin.given}
    given = sum(cost[request] * times for request, times in asked.items())
    bounds = sum(call.charged_micro_usd for call in report.unknown)
    again = [cost[request] for request, times in asked.items() for _ in range(times - 1)]
    lost = _summing(again, given + bounds - report.whole.settled_micro_usd, most=len(report.unknown))
    seen = (
        f"{dollars(report.whole.settled_micro_usd)} settled for {asked.total()} answers that came to {dollars(given)}, "
        f"{len(lost) if lost is not None else 'an unclear number'} of them lost, "
        f"and {counted(len(report.unknown), 'request')} charged at the bound, {dollars(bounds)}"
    )
    scene.check(NOT_TWICE, lost is not None, seen)


def _summing(costs: Sequence[int], total: int, *, most: int) -> Sequence[int] | None:
    """At most that many of ``costs`` that sum up to ``total``; ``None`` where there are none such."""
    choices = (chosen for n in range(min(most, len(costs)) + 1) for chosen in combinations(costs, n))
    return next((chosen for chosen in choices if sum(chosen) == total), None)


def within_caps(scene: Scene, report: CostReport) -> None:
    """The mission and its day kept within their caps, and nothing stays set aside."""
    whole, day = report.whole, report.today_whole
    good = whole.settled_micro_usd <= whole.cap_micro_usd and whole.reserved_micro_usd == 0
    good = good and day.settled_micro_usd + day.reserved_micro_usd <= day.cap_micro_usd
    seen = f"{dollars(whole.settled_micro_usd)} of {dollars(whole.cap_micro_usd)}, {dollars(whole.reserved_micro_usd)} left set aside"
    scene.check(CAPS, good, seen)


def audited(scene: Scene, host: Host, *, missions: int | None = None) -> None:
    """``kimera audit verify`` finds no break in any chain."""
    verified = host.kimera("audit", "verify", "--json")
    found = verified.json if verified.out else {}
    good = verified.code == 0 and found.get("ok") is True and (missions is None or found["missions"] == missions)
    seen = f"{found.get('events')} events, missions: {found.get('missions')}, anchors: {found.get('anchors')}, exit {verified.code}"
    scene.check(AUDIT, good, seen if good else f"{seen}: {(verified.out + verified.err)[:300]}")


def all_kept(scene: Scene, host: Host, state: MissionState, standin: StandIn | None) -> None:
    """All of them, of one mission that ran by itself on the platform and has ended."""
    ended(scene, state)
    once(scene, state, host.api.events(state.mission_id))
    report = host.api.costs_of_mission(state.mission_id, by="track")
    if standin is not None:
        bought_once(scene, report, standin)
    within_caps(scene, report)
    audited(scene, host, missions=1)
