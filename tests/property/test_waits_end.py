"""Both tracks as what they publish: whatever they do and when, neither waits for ever, past the soft deadline, or for one that waits."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from functions.deep_research import offering as research
from functions.deep_research.state import ResearchState, Study
from functions.ds_star import suggested as analysis
from functions.ds_star.loop_state import Loop
from functions.ds_star.requesting import requesting
from functions.ds_star.state import DsStarState
from schemas.analysis import AnalysisAnswer, FileDescription
from schemas.evidence import SubQuestion
from schemas.handoff import TrackOffers
from schemas.mission import Deadlines, MissionInput, MissionRequest, Tier, Track
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.handoffs import heard
from shared.missions.hearing import asks_again_in
from shared.missions.records import Hearing, TrackRecord
from shared.scratch import Scratch
from shared.tracks import SliceContext, SliceOutcome
from shared.waiting import CALLS_S, HYPOTHESES_OF_MODELS, MOST_WAITS, REQUESTS_OF_CODE, REQUESTS_OF_MODELS, Bound, Waited, wait
from tests.support.clock import START, FrozenClock
from tests.support.packages import analysis as analysed
from tests.support.packages import research as researched

QUESTION = SubQuestion(id="q1", text="How many active members are there?")
DESCRIBED = FileDescription(file="a.csv", sha256="0" * 64, format="csv", tables=(), analyzer="a", analyzer_version="1")
ANSWERED = AnalysisAnswer(question_id="q1", status="not_answered")
INPUTS = tuple(
    MissionInput.model_validate({"uri": f"artifact:inputs/x/{kind}", "kind": kind, "name": f"a.{kind}"}) for kind in ("data", "document")
)
_FOLDER = tempfile.TemporaryDirectory(prefix="kimera-waits-")
STORE = FolderArtifacts(Path(_FOLDER.name))

seconds = st.floats(min_value=0.1, max_value=90)
slices = st.lists(seconds, min_size=1, max_size=6)
states = st.builds(
    DsStarState,
    descriptions=st.just((DESCRIBED,)),
    sub_questions=st.sampled_from([(QUESTION,), (QUESTION, SubQuestion(id="h1", text="It grows"))]),
    answers=st.sampled_from([(), (ANSWERED,)]),
    read_ahead=st.booleans(),
    loop=st.none() | st.builds(Loop, stage=st.sampled_from(["plan", "finalize", "settled"])),
)


@dataclass
class Side:
    """A track as the other one and the engine see it. ``dies``: after so many slices it is never heard of again."""

    track: Track
    work: list[float]
    dies: int | None
    record: TrackRecord
    at: float = 0
    done: int = 0
    ended: float | None = None
    waited: float = 0
    offers: TrackOffers | None = None
    began_waiting: float | None = None
    state: ResearchState | DsStarState = field(default_factory=DsStarState)


def of(track: Track, work: list[float], dies: int | None) -> Side:
    made = Side(track, work, dies, TrackRecord(mission_id="m", track=track, attempt=1, updated_at=START))
    if track is Track.DEEP_RESEARCH:
        studies = (Study(question_id="q1", queries=("members",)),)
        made.state = ResearchState(phase="synthesize", sub_questions=(QUESTION,), studies=studies, space_documents=1)
    else:
        made.state = DsStarState(descriptions=(DESCRIBED,), sub_questions=(QUESTION,), answers=(ANSWERED,), loop=Loop(stage="settled"))
    return made


def slice_of(track: Track, request: MissionRequest, clock: FrozenClock, soft: int) -> SliceContext:
    context = SliceContext("m", "o", track, 1, 0, 1, request, STORE, clock, Scratch(Path(_FOLDER.name)), lambda: 30.0)
    return replace(context, soft_deadline=START + timedelta(seconds=soft))


@given(slices, slices, slices, st.none() | st.integers(0, 5), st.none() | st.integers(0, 5), st.integers(1, 700), st.sampled_from(Tier))
def test_both_tracks_end_whenever_they_come_to_their_waits(
    reading: list[float],
    looking: list[float],
    calculating: list[float],
    one_dies: int | None,
    other_dies: int | None,
    soft: int,
    tier: Tier,
) -> None:
    request = MissionRequest(question="How many?", inputs=INPUTS, tier=tier, deadlines=Deadlines(soft_s=soft))
    sides = (of(Track.DEEP_RESEARCH, [*reading], one_dies), of(Track.DS_STAR, [*calculating], other_dies))
    for _ in range(2_000):
        going = [side for side in sides if side.ended is None and (side.dies is None or side.done < side.dies)]
        if not going:
            break
        side = min(going, key=lambda one: one.at)
        act(side, next(other for other in sides if other is not side), request, looking, soft)
    else:
        raise AssertionError("the tracks do not end")
    began_to_wait = sum(reading[:-1])  # its last slice is the one that waits
    asked_in_time = sum(calculating) < min(began_to_wait + REQUESTS_OF_CODE.in_all_s, soft - CALLS_S) - 1
    if one_dies is None and other_dies is None and asked_in_time:
        assert sides[0].state.taken_up, "research ended before it heard what the data lack"
    for side in sides:
        assert side.ended is not None or side.dies is not None
        assert side.waited <= max(REQUESTS_OF_MODELS.in_all_s, HYPOTHESES_OF_MODELS.in_all_s) + 1e-6


def act(side: Side, other: Side, request: MissionRequest, looking: list[float], soft: int) -> None:
    """What the side does at its time: asked again it waits on, or its next slice begins with what is offered by now."""
    now = START + timedelta(seconds=side.at)
    if side.record.hearing is not None:
        again = asks_again_in(side.record.hearing, other.record, now)
        if again > 0:
            side.at, side.waited = side.at + again, side.waited + again
            assert side.at <= soft + 1e-3, "it waits past the soft deadline"
            return
        side.record = side.record.model_copy(update={"hearing": None})
    context = replace(
        slice_of(side.track, request, FrozenClock(now), soft),
        other_handoff_uri=other.record.offers_uri,
        other_ended=other.ended is not None,
    )
    took = side.work.pop(0) if side.work else 0.05
    outcome = research_acts(side, context, looking) if side.track is Track.DEEP_RESEARCH else analysis_acts(side, context)
    side.done += 1
    side.at += took if outcome.until is None else 0
    assert outcome.offers is not None
    uri = STORE.put(f"{hash(outcome.offers.model_dump_json())}.json", outcome.offers.model_dump_json().encode()).uri
    change: dict[str, object] = {"offers_uri": uri}
    if outcome.until is not None:
        assert not (side.track is Track.DEEP_RESEARCH and other.record.hearing is not None and heard(context) == other.offers), (
            "both wait for each other"
        )
        hearing = Hearing(since=now, until=outcome.until, offers_uri=other.record.offers_uri)
        again = asks_again_in(hearing, None, now)
        change["hearing"] = hearing
        side.at, side.waited = side.at + again, side.waited + again
    side.record, side.offers, side.state = side.record.model_copy(update=change), outcome.offers, outcome.state
    if outcome.package is not None:
        side.ended = side.at


def research_acts(side: Side, context: SliceContext, looking: list[float]) -> SliceOutcome[ResearchState]:
    assert isinstance(side.state, ResearchState)
    state, _ = research.take_up_requests(context, side.state)
    if state.phase == "batch":  # what it takes to look for a request
        side.work += looking
        state = state.model_copy(update={"phase": "synthesize"})
    outcome = SliceOutcome(state) if side.work else research.waiting(context, state) or SliceOutcome(state, package=researched())
    return research.offering(context, outcome)


def analysis_acts(side: Side, context: SliceContext) -> SliceOutcome[DsStarState]:
    assert isinstance(side.state, DsStarState)
    state = side.state.model_copy(update={"answers": () if side.work else (ANSWERED,)})
    if not side.work and not state.evidence_requests:
        state = requesting(state, QUESTION, ('the definition of "active members"',), "")
    outcome = SliceOutcome(state) if side.work else analysis.waiting(context, state) or SliceOutcome(state, package=analysed())
    return analysis.offering(outcome)


@given(states)
def test_the_analysis_has_said_all_when_it_begins_to_wait(state: DsStarState) -> None:
    request = MissionRequest(question="How many?", inputs=INPUTS, tier=Tier.STANDARD)
    outcome = analysis.waiting(slice_of(Track.DS_STAR, request, FrozenClock(), 600), state)
    assert outcome is not None
    offers = analysis.offering(outcome).offers
    assert offers is not None and offers.complete


@given(st.lists(st.floats(0, 400), min_size=1, max_size=20), st.floats(1, 300), st.floats(0, CALLS_S), st.integers(1, 600))
def test_no_wait_ends_past_its_bound_or_the_soft_deadline_less_what_follows(
    pauses: list[float], in_all: float, after: float, soft: int
) -> None:
    clock, waited = FrozenClock(), Waited()
    context = slice_of(Track.DS_STAR, MissionRequest(question="How many?", inputs=INPUTS), clock, soft)
    for pause in pauses:
        found = wait(context, waited, Bound(in_all, after))
        if found is None:
            continue
        waited, until = found
        assert clock.now() < until <= START + timedelta(seconds=min(in_all, soft - after) + 1e-6)
        clock.advance(min(pause, (until - clock.now()).total_seconds()))
    assert waited.times <= MOST_WAITS


def test_a_track_that_is_woken_again_and_again_waits_only_so_often() -> None:
    context = slice_of(Track.DS_STAR, MissionRequest(question="How many?", inputs=INPUTS), FrozenClock(), 300)
    waited = Waited()
    for _ in range(MOST_WAITS):
        found = wait(context, waited, HYPOTHESES_OF_MODELS)
        assert found is not None
        waited = found[0]
    assert wait(context, waited, HYPOTHESES_OF_MODELS) is None
