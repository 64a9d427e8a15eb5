"""What research offers the analysis, and what it takes up of the analysis's requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from functions.deep_research.roles.planner import own_words
from functions.deep_research.state import ResearchState
from functions.deep_research.synthesize import synthesize
from schemas.evidence import Hypothesis, ResearchEvidencePackage, SubQuestion
from schemas.handoff import Offer, TakenUp, TrackOffers
from schemas.mission import Tier
from shared.handoffs import MAX_TAKEN_UP, all_offers, heard, news_of, offer_of, same_words, to_take_up
from shared.tracks import Note, SliceContext, SliceOutcome

ASKED_BY_ANALYSIS = "a"
"""How the id of a sub-question begins that the analysis asked for."""
_LISTENING = ("batch", "audit", "synthesize")
WAITS_S = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""How long the track waits for what the data may lack before it concludes, each time: no longer than files are described and read."""


def offering(context: SliceContext, outcome: SliceOutcome[ResearchState]) -> SliceOutcome[ResearchState]:
    """The outcome, with what the documents suggest so far."""
    state = outcome.state
    package = outcome.package if isinstance(outcome.package, ResearchEvidencePackage) else None
    offers = _offers_of(context, state, package)
    news = news_of("hypothesis", offers, state.offered)
    state = state.model_copy(update={"offered": len(offers.offers)})
    return replace(outcome, state=state, notes=(*outcome.notes, *news), offers=offers)


def _offers_of(context: SliceContext, state: ResearchState, package: ResearchEvidencePackage | None) -> TrackOffers:
    """Complete where code alone goes on and has quoted all it will, or the track has ended."""
    complete = package is not None or (state.phase == "synthesize" and not state.studies)
    if package is None and (state.quotes or state.claims):
        package = synthesize(context, state, state.sub_questions)
    offers = [_offer(package, hypothesis) for hypothesis in package.hypotheses] if package is not None else []
    return all_offers(offers, complete=complete)


def take_up_requests(context: SliceContext, state: ResearchState) -> tuple[ResearchState, tuple[Note, ...]]:
    """The state with the requests that are new: one that a sub-question says already is answered there, any other is looked for by itself.

    A request of a track that has ended is still taken up while this one looks for something. What it asks for is never asked on.
    """
    if state.phase not in _LISTENING or state.refusal or not state.sub_questions:
        return state, ()
    new = to_take_up(heard(context), "request", {taken.offer.key for taken in state.taken_up})
    if not new:
        return state, ()
    own = 0
    for offer in new:
        same = next((q for q in state.sub_questions if same_words(q.text, offer.text)), None)
        state = _taken(state, offer, same) if same is not None else _looked_for(state, offer)
        own += same is None
    return state, (Note("requests.taken_up", {"requests": len(new), "new_sub_questions": own, "offers": context.other_handoff_uri}),)


def waiting(context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState] | None:
    """A wait for what the data may turn out to lack; ``None`` where nothing is to be expected, or was waited for long enough."""
    done = state.refusal or len(state.taken_up) >= MAX_TAKEN_UP or state.waits >= len(WAITS_S) or not _expected(context)
    if done or not state.sub_questions or not (state.read or state.space_documents):
        return None
    wait = WAITS_S[state.waits]
    soft = (state.started_at or context.clock.now()) + timedelta(seconds=context.request.deadlines.soft_s)
    if context.clock.now() + timedelta(seconds=wait) >= soft:
        return None
    waited = state.model_copy(update={"waits": state.waits + 1})
    return SliceOutcome(waited, progress="the documents are read", wait_s=wait, waiting_for="what the data may lack")


def _expected(context: SliceContext) -> bool:
    """Whether the analysis may soon ask for something. Without a model it knows what the data lack once it has read them; with one it
    knows at its end only, and by then waits for this track itself.
    """
    if context.request.tier is not Tier.EXTRACTIVE:
        return False
    offers = heard(context)
    if offers is not None:
        return not offers.complete
    return context.request.tracks.ds_star.enabled and any(item.kind == "data" for item in context.request.inputs)


def _offer(package: ResearchEvidencePackage, hypothesis: Hypothesis) -> Offer | None:
    claims = {claim.id: claim for claim in package.claims}
    evidence = {e.id: e for e in package.evidence}
    sources = {s.id: s for s in package.sources}
    quoted = [evidence[i] for own in hypothesis.claim_ids for i in claims[own].evidence_ids]
    where = f"{sources[quoted[0].source_id].title}{f', p. {quoted[0].page}' if quoted[0].page is not None else ''}" if quoted else ""
    return offer_of("hypothesis", hypothesis.text, analysis=hypothesis.suggested_analysis, source=where)


def _taken(state: ResearchState, offer: Offer, question: SubQuestion) -> ResearchState:
    return state.model_copy(update={"taken_up": (*state.taken_up, TakenUp(offer=offer, question_id=question.id))})


def _looked_for(state: ResearchState, offer: Offer) -> ResearchState:
    """The state with a sub-question for the request, back in the search if that was over."""
    number = 1 + sum(q.id.startswith(ASKED_BY_ANALYSIS) for q in state.sub_questions)
    question = SubQuestion(id=f"{ASKED_BY_ANALYSIS}{number}", text=offer.text[:1].upper() + offer.text[1:])
    studies = (*state.studies, *own_words((question,))) if state.studies else ()
    phase = "batch" if state.phase == "synthesize" else state.phase
    change = {"sub_questions": (*state.sub_questions, question), "studies": studies, "phase": phase, "idle_rounds": 0}
    return _taken(state.model_copy(update=change), offer, question)
