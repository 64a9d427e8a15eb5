"""What the analysis offers research, and what it takes up of the hypotheses that the documents suggest.

A hypothesis is tested by the extractive operations, in every tier: it costs nothing, and no model is told what a document would like.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.reading import Reading, Refusal
from functions.ds_star.state import DsStarState
from schemas.evidence import SubQuestion
from schemas.handoff import Offer, TakenUp
from shared.handoffs import MAX_TAKEN_UP, all_offers, heard, news_of, offer_of, to_take_up
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.waiting import HYPOTHESES_OF_CODE, HYPOTHESES_OF_MODELS, may_hear_more, wait

SUGGESTED = "h"
"""How the id of a sub-question begins that the documents suggest."""

Planned = Callable[[SubQuestion], Reading | Refusal]


def offering(outcome: SliceOutcome[DsStarState]) -> SliceOutcome[DsStarState]:
    """The outcome, with what the analysis would like research to look for: what only documents may know of its sub-questions.

    Complete once no request can follow, and in any case with the track's first wait: research waits for it no longer.
    """
    state = outcome.state
    wanted = (offer_of("request", request.text, because=request.because) for request in state.evidence_requests)
    offers = all_offers(wanted, complete=outcome.package is not None or outcome.until is not None or _all_read(state))
    news = news_of("request", offers, state.offered)
    state = state.model_copy(update={"offered": len(offers.offers)})
    return replace(outcome, state=state, notes=(*outcome.notes, *news), offers=offers)


def _all_read(state: DsStarState) -> bool:
    """Whether each part of the question has its answer, or was read by code for what the data lack: a hypothesis asks for no evidence.

    A model loop that begins after all, as its provider is back, may still ask.
    """
    if state.read_ahead and state.loop is None:
        return True
    answered = {answer.question_id for answer in state.answers}
    return bool(state.sub_questions) and all(q.id in answered for q in state.sub_questions if not is_suggested(q.id))


def take_up_hypotheses(context: SliceContext, state: DsStarState, planned: Planned) -> tuple[DsStarState, tuple[Note, ...]]:
    """The state with the hypotheses that are new, each as a sub-question of its own, or under the one that calculates the same."""
    if state.refusal:
        return state, ()
    new = to_take_up(heard(context), "hypothesis", {taken.offer.key for taken in state.taken_up})
    if not new:
        return state, ()
    own = 0
    for offer in new:
        reading = planned(SubQuestion(id="h1", text=wording_of(offer)))
        same = _calculated_before(state, reading.specs) if isinstance(reading, Reading) else None
        if same is None:
            own += 1
            question = SubQuestion(id=f"{SUGGESTED}{1 + sum(is_suggested(q.id) for q in state.sub_questions)}", text=offer.text)
            state = state.model_copy(update={"sub_questions": (*state.sub_questions, question)})
            same = question.id
        state = state.model_copy(update={"taken_up": (*state.taken_up, TakenUp(offer=offer, question_id=same))})
    return state, (Note("hypotheses.taken_up", {"hypotheses": len(new), "to_be_tested": own, "offers": context.other_handoff_uri}),)


def is_suggested(question_id: str) -> bool:
    """Whether the sub-question is no part of the question, but a hypothesis of the documents."""
    return question_id.startswith(SUGGESTED)


def as_asked(state: DsStarState, question: SubQuestion) -> SubQuestion:
    """The sub-question as it is to be read: a hypothesis by the analysis that would test it."""
    if not is_suggested(question.id):
        return question
    offer = next(taken.offer for taken in state.taken_up if taken.question_id == question.id)
    return SubQuestion(id=question.id, text=wording_of(offer))


def wording_of(offer: Offer) -> str:
    """The analysis in the words of a question."""
    return f"What is the {offer.analysis}?" if offer.analysis.startswith(("trend of", "correlation of")) else offer.analysis or offer.text


def waiting(context: SliceContext, state: DsStarState, *notes: Note) -> SliceOutcome[DsStarState] | None:
    """A wait for what the documents may still suggest; ``None`` where nothing is to be expected, or was waited for long enough."""
    usable = any(description.error is None for description in state.descriptions)
    if state.refusal or not usable or len(state.taken_up) >= MAX_TAKEN_UP:
        return None
    research = context.request.tracks.deep_research
    if not may_hear_more(context, has_work=research.remote or bool(context.documents)):
        return None
    waits = wait(context, state.waited, HYPOTHESES_OF_MODELS if context.request.asks_models else HYPOTHESES_OF_CODE)
    if waits is None:
        return None
    waited, until = waits
    following = state.model_copy(update={"waited": waited})
    count = len(state.findings)
    progress = f"{count} finding{'s' * (count != 1)}, and the work on the question itself is finished"
    return SliceOutcome(following, progress=progress, until=until, waiting_for="what the documents may suggest", notes=notes)


def _calculated_before(state: DsStarState, specs: tuple[OperationSpec, ...]) -> str | None:
    return next((own for own, before in state.calculated.items() if before == specs), None)
