"""What research offers the analysis, and what it takes up of the analysis's requests."""

from __future__ import annotations

from dataclasses import replace

from functions.deep_research.roles.planner import own_words
from functions.deep_research.state import ResearchState
from functions.deep_research.synthesize import synthesize
from schemas.evidence import Hypothesis, ResearchEvidencePackage, SubQuestion
from schemas.handoff import Offer, TakenUp, TrackOffers
from shared.handoffs import MAX_TAKEN_UP, all_offers, heard, news_of, offer_of, same_words, to_take_up
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.waiting import REQUESTS_OF_CODE, REQUESTS_OF_MODELS, may_hear_more, wait

ASKED_BY_ANALYSIS = "a"
"""How the id of a sub-question begins that the analysis asked for."""
_LISTENING = ("batch", "audit", "synthesize")


def offering(context: SliceContext, outcome: SliceOutcome[ResearchState]) -> SliceOutcome[ResearchState]:
    """The outcome, with what the documents suggest so far."""
    state = outcome.state
    package = outcome.package if isinstance(outcome.package, ResearchEvidencePackage) else None
    offers = _offers_of(context, state, package)
    news = news_of("hypothesis", offers, state.offered)
    state = state.model_copy(update={"offered": len(offers.offers)})
    return replace(outcome, state=state, notes=(*outcome.notes, *news), offers=offers)


def _offers_of(context: SliceContext, state: ResearchState, package: ResearchEvidencePackage | None) -> TrackOffers:
    """Complete where code alone goes on and has quoted all it will, or the track has ended.

    A synthesizer that was asked about everything may still suggest something of what a request finds.
    """
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
    """A wait for what the data may turn out to lack; ``None`` where nothing is to be expected, or was waited for long enough.

    DS-STAR, which may wait for this track, has said by then all that it asks for: it is not waited for any more (``shared/waiting.py``).
    """
    nothing = state.refusal or not state.sub_questions or not (state.read or state.space_documents)
    if nothing or len(state.taken_up) >= MAX_TAKEN_UP:
        return None
    if not may_hear_more(context, has_work=any(item.kind == "data" for item in context.request.inputs)):
        return None
    waits = wait(context, state.waited, REQUESTS_OF_MODELS if context.request.asks_models else REQUESTS_OF_CODE)
    if waits is None:
        return None
    waited, until = waits
    following = state.model_copy(update={"waited": waited})
    return SliceOutcome(following, progress="the documents are read", until=until, waiting_for="what the data may lack")


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
