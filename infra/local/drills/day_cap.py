"""Many missions at the same moment against a day's cap: it is never passed, and those without money say so (invariant 4)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from infra.local.api import MissionsApi
from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import ONLY_RESEARCH, PRICE, WITH_MODEL, Asked
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import METHOD, plays_well
from schemas.mission import MissionState, MissionStatus
from shared.errors import Unavailable
from shared.ledger.money import dollars
from shared.models.calls import CallUsage

if TYPE_CHECKING:
    from collections.abc import Iterator

MISSIONS = 64
CAP_USD = "0.15"
"""Of the day: what about half of the missions would take."""
SPACE = "heights"
EXHAUSTED = "day_budget_exhausted"
WITHIN_S = 420.0
ENOUGH_LOOKS = 20
_EVERY_S = 0.05


def drills() -> list[Drill]:
    """One."""
    return [Drill("cap.day", f"{MISSIONS} missions at once, a day's cap of ${CAP_USD} that is too small for them", _rush)]


@dataclass
class Watched:
    """What somebody saw who kept looking at the day's costs. Money in micro-dollars."""

    looks: int = 0
    highest: int = 0
    cap: int = 0
    over: list[int] = field(default_factory=list)
    most_running: int = 0


def _rush(scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    environment = {"KIMERA_DAY_BUDGET_USD": CAP_USD, "KIMERA_MAX_RUNNING": str(MISSIONS)}
    host = Host(scene.folder, standin.environment() | environment)
    document = scene.folder / "method.md"
    document.write_text(f"# Method\n\n{METHOD}\n", encoding="utf-8")
    added = host.kimera("space", "add", SPACE, str(document))
    if added.code != 0:
        raise DrillFailed(f"The document was not taken into a space: {added.err[-300:]}")
    scene.closing.enter_context(host)
    request = Asked({**WITH_MODEL, **ONLY_RESEARCH, "knowledge_space": SPACE}, "How was the height measured?", {}).upload(
        host.api, scene.folder / "files"
    )
    with _watching(scene, host) as watched, ThreadPoolExecutor(MISSIONS) as pool:
        accepted = list(pool.map(lambda n: host.api.submit(request, idempotency_key=f"m{n}").mission_id, range(MISSIONS)))
        states = scene.until(lambda: _all_over(host.api), f"the end of {MISSIONS} missions", seconds=WITHIN_S)
    poor = [state for state in states if EXHAUSTED in state.flags]
    paying = [state for state in states if state.cost_so_far.settled_micro_usd]
    day = host.api.costs_of_day(None, by="role")
    proof = (
        f"{watched.most_running} missions ran at the same moment, {len(paying)} bought something, {len(poor)} were refused something, "
        f"{watched.looks} looks saw up to {dollars(watched.highest)} settled and set aside of {dollars(watched.cap)}"
    )
    rushed = watched.most_running >= MISSIONS // 2 and poor and paying and watched.looks >= ENOUGH_LOOKS
    scene.hurt(f"{MISSIONS} missions at once", proof=proof, really=bool(rushed))
    _check(scene, states, len(set(accepted)))
    scene.check("settled + reserved never pass the day's cap", not watched.over, f"{len(watched.over)} of {watched.looks} looks saw more")
    given = sum(CallUsage(taken, out).cost_micro_usd(PRICE) for taken, out in standin.counted)
    settled, reserved = day.whole.settled_micro_usd, day.whole.reserved_micro_usd
    exact = settled == given <= day.whole.cap_micro_usd and reserved == 0
    scene.check("0 cents over: what was settled is what was answered", exact, f"{dollars(settled)} settled, {dollars(given)} answered")
    promises.audited(scene, host, missions=MISSIONS)


def _check(scene: Scene, states: Sequence[MissionState], accepted: int) -> None:
    done = sum(state.status is MissionStatus.DONE for state in states)
    scene.check(promises.NO_LOST_MISSION, done == len(states) == accepted == MISSIONS, f"{done} of {accepted} accepted are DONE")
    silent = [s for s in states if not s.cost_so_far.settled_micro_usd and EXHAUSTED not in s.flags]
    scene.check("a mission without money says so", not silent, f"{len(silent)} spent nothing and do not say why")


def _all_over(api: MissionsApi) -> list[MissionState] | None:
    try:
        states = api.missions(limit=2 * MISSIONS)
    except Unavailable:
        return None
    return states if len(states) >= MISSIONS and all(state.over for state in states) else None


@contextmanager
def _watching(scene: Scene, host: Host) -> Iterator[Watched]:
    """Somebody who keeps looking, from outside, until the block ends."""
    watched, stopped = Watched(), threading.Event()

    def look() -> None:
        api = MissionsApi.over_http(host.url, None)
        while not stopped.wait(_EVERY_S):
            try:
                whole = api.costs_of_day(None, by="track").whole
                running = sum(state.status is MissionStatus.RUNNING for state in api.missions(limit=2 * MISSIONS))
            except Unavailable:
                continue  # it is busy: the next look counts
            taken = whole.settled_micro_usd + whole.reserved_micro_usd
            watched.looks += 1
            watched.cap, watched.highest = whole.cap_micro_usd, max(watched.highest, taken)
            watched.most_running = max(watched.most_running, running)
            if taken > whole.cap_micro_usd:
                watched.over.append(taken)
        api.close()

    thread = threading.Thread(target=look, name="drill-watch", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        stopped.set()
        thread.join()
