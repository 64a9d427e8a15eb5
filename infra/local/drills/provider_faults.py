"""A provider that fails in every way: the mission ends and says what it lacked, a failed check is no verdict, the money is exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial

from infra.local.drills import promises
from infra.local.drills.drill import Drill, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.standin import Fault, StandIn
from infra.local.drills.standin.playing import ANSWER, plays_well
from infra.local.drills.standin.requests import Asked as Prompt
from schemas.outcome import MissionOutcomePackage
from shared.counted import counted

CHECKING = frozenset({"AuditorAnswer", "VerifierAnswer", "CheckerAnswer"})
"""The answers that judge: the research's claims, the analysis, the wording of the report."""
WITHOUT_MODEL = "tier_extractive"
UNPAID = frozenset({Fault.THROTTLED, Fault.UNAVAILABLE})
"""After these the provider certainly did no work; after all others a request is charged at its bound."""


@dataclass(frozen=True)
class Storm:
    """What befalls the requests for these answers; ``None``: all requests."""

    fault: Fault
    answers: frozenset[str] | None = None
    within_s: float = 240


STORMS = {
    "throttled": (Storm(Fault.THROTTLED), "every request is answered with 429"),
    "errors": (Storm(Fault.SERVER_ERROR), "every request is answered with 500"),
    "garbage": (Storm(Fault.MALFORMED), "every answer is a body that is no JSON"),
    "half": (Storm(Fault.HALF), "every answer breaks off in the middle"),
    "hang": (Storm(Fault.STALL, frozenset({"VerifierAnswer"}), within_s=420), "the verifier is asked, and no answer ever comes"),
    "checks-throttled": (Storm(Fault.THROTTLED, CHECKING), "every verification is answered with 429, all else is well"),
    "checks-lost": (Storm(Fault.HALF, CHECKING), "every verification breaks off in the middle, all else is well"),
}


def drills() -> list[Drill]:
    """One for each storm, and one that passes over."""
    stormy = [Drill(f"provider.{name}", about, partial(_stormy, storm)) for name, (storm, about) in STORMS.items()]
    return [*stormy, Drill("provider.mixed", "429, 500, garbage, half an answer and cut connections among good answers", _showers)]


def _stormy(storm: Storm, scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    standin.storm = lambda asked: storm.fault if storm.answers is None or asked.answer_type in storm.answers else None
    host = scene.closing.enter_context(Host(scene.folder, standin.environment()))
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    state = until_over(scene, host.api, mission_id, seconds=storm.within_s)
    failed = _failed(standin)
    scene.hurt(f"the provider's answer: {storm.fault}", proof=_told(failed))
    promises.all_kept(scene, host, state, standin)
    _money(scene, host, mission_id, failed)
    scene.check("the report says what it lacked", WITHOUT_MODEL in state.flags, f"flags {', '.join(state.flags)}")
    if storm.answers is not None:  # else no model is asked from some point on, and the extractive roles' own rules give verdicts
        _no_verdict(scene, host, mission_id, storm.answers)


def _showers(scene: Scene) -> None:
    """Each of these faults now and then, none twice for one question, which would be a storm: the report is as if nothing had been."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    falling = [Fault.THROTTLED, Fault.SERVER_ERROR, Fault.MALFORMED, Fault.HALF, Fault.CUT]
    met: set[tuple[str, str]] = set()
    passed = 0

    def every_third(asked: Prompt) -> Fault | None:
        nonlocal passed
        passed += 1
        question = asked.system, asked.user
        if passed < 3 or question in met or not falling:
            return None
        passed = 0
        met.add(question)
        return falling.pop()

    standin.storm = every_third
    host = scene.closing.enter_context(Host(scene.folder, standin.environment()))
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    state = until_over(scene, host.api, mission_id)
    failed = _failed(standin)
    scene.hurt("single requests fail, each in another way", proof=_told(failed), really=bool(len(failed) >= 4))
    promises.all_kept(scene, host, state, standin)
    _money(scene, host, mission_id, failed)
    answer = " ".join(_outcome(host, mission_id).answer)
    scene.check("the answer is there all the same", ANSWER.partition("{")[0] in answer and not state.flags, f"{answer[:200]!r}")


def _failed(standin: StandIn) -> Counter[Fault]:
    """The faults that requests met."""
    return Counter(seen.given for seen in standin.seen if isinstance(seen.given, Fault))


def _told(failed: Counter[Fault]) -> str:
    return ", ".join(f"{counted(times, 'request')} met: {fault}" for fault, times in failed.items())


def _money(scene: Scene, host: Host, mission_id: str, failed: Counter[Fault]) -> None:
    """What certainly cost nothing is charged with nothing, and every other failure is charged at its bound."""
    unknown = host.api.costs_of_mission(mission_id, by="role").unknown
    lost = sum(times for fault, times in failed.items() if fault not in UNPAID)
    good = len(unknown) == lost and all(call.charged_micro_usd > 0 for call in unknown)
    scene.check("each lost request is charged at its bound, no other is", good, f"{lost} lost, {len(unknown)} charged without an answer")


def _no_verdict(scene: Scene, host: Host, mission_id: str, failing: frozenset[str]) -> None:
    """No event tells of a verdict that nobody gave, and the report counts nothing as verified but what stands word for word."""
    events = host.api.events(mission_id)
    verified = [event for event in events if event.kind == "round.verified"]
    judged = [str(event.detail.get("verdict")) for event in events if event.kind == "round.finished"]
    if "VerifierAnswer" in failing:
        good = not verified and "sufficient" not in judged and "insufficient" not in judged
        scene.check("a failed verification is no verdict on the analysis", good, f"{len(verified)} verdicts; rounds: {judged or 'none'}")
    if "AuditorAnswer" in failing:
        words = Counter[str]()
        for event in events:
            if event.kind == "claims.judged":
                words.update({word: count for word, count in event.detail.items() if isinstance(count, int)})
        seen = ", ".join(f"{count} {word}" for word, count in words.items()) or "none judged"
        scene.check("a failed check is no verdict on a claim", not words["entailed"] and not words["contradicted"], f"claims: {seen}")


def _outcome(host: Host, mission_id: str) -> MissionOutcomePackage:
    return MissionOutcomePackage.model_validate_json(host.api.report(mission_id, form="json"))
