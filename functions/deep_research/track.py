"""``DeepResearchTrack``: Explore -> Plan -> Batch -> Audit -> Synthesize, each a slice over the stored frontier.

Explore may take several slices (long documents); Batch and Audit repeat until every sub-question has a quote or two rounds in a row
found nothing new. With models their roles do the thinking (``studying.py``); without, or from the slice on in which the tier has fallen to
extractive, code does all of it, and gives the same package every time.
"""

from __future__ import annotations

from dataclasses import replace

from functions.deep_research.audit import audit
from functions.deep_research.explore import documents_of, explore, mission_scope
from functions.deep_research.searching import Library, candidates_for
from functions.deep_research.state import Candidate, ResearchState
from functions.deep_research.studying import Studying, is_concluded
from functions.deep_research.synthesize import synthesize
from schemas.evidence import SubQuestion
from shared.errors import NotUnderstood
from shared.knowledge.port import KnowledgeGraph
from shared.language.detect import require_language
from shared.language.split import split_question
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext, SliceOutcome


class DeepResearchTrack:
    """The research track over local documents and the owner's knowledge space."""

    def __init__(self, sandbox: CodeSandbox, graph: KnowledgeGraph) -> None:
        self._sandbox = sandbox
        self._graph = graph

    @property
    def state_type(self) -> type[ResearchState]:
        """``ResearchState``."""
        return ResearchState

    def step(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Do the next slice; see ``TrackLogic.step``."""
        if state.started_at is None:
            state = state.model_copy(update={"started_at": context.clock.now()})
        studying = Studying(self._graph, context, context.models) if context.models is not None else None
        match state.phase:
            case "explore":
                return explore(self._sandbox, self._graph, context, state)
            case "plan":
                return self._plan(context, state, studying)
            case "batch" if studying and state.studies:
                return studying.batch(state)
            case "audit" if studying and state.studies:
                return studying.audit(state)
            case "synthesize" if studying and not is_concluded(state):
                return self._concluded(context, studying.conclude(state))
            case "batch":
                return self._batch(context, state)
            case "audit":
                return audit(context, state)
            case "synthesize":
                return self._finished(context, state, None)

    def close(self, context: SliceContext, state: ResearchState, reason: str) -> SliceOutcome[ResearchState]:
        """The package with the quotes verified so far; see ``TrackLogic.close``."""
        return self._finished(context, state, reason)

    def _plan(self, context: SliceContext, state: ResearchState, studying: Studying | None) -> SliceOutcome[ResearchState]:
        """Sub-questions, and how many documents the knowledge space holds beside the mission's own."""
        questions, refusal = _questions(context)
        space = mission_scope(context).global_scope
        known = next((summary.documents for summary in self._graph.spaces(context.owner) if summary.space == space.space), 0)
        known -= sum(self._graph.node(space, document.document_id) is not None for document in state.read)
        if studying is not None and (state.read or known):
            return studying.plan(state.model_copy(update={"sub_questions": questions, "refusal": refusal, "space_documents": known}))
        phase = "synthesize" if refusal or not (state.read or known) else "batch"
        following = state.model_copy(update={"phase": phase, "sub_questions": questions, "refusal": refusal, "space_documents": known})
        note = Note("research.planned", {"sub_questions": len(questions), "space_documents": known})
        progress = refusal or f"{len(questions)} sub-question{'s' if len(questions) != 1 else ''}"
        return SliceOutcome(following, progress=progress, notes=(note,))

    def _batch(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Passages for each sub-question that has none yet; from the second round on, words may go on ("participat...")."""
        library = Library(self._graph, context, state.read)
        found: list[Candidate] = []
        for at, question in enumerate(state.sub_questions):
            if not state.answers_something(question.id):
                found += candidates_for(library, state, at, wide=state.round > 0)
        following = state.model_copy(update={"phase": "audit", "candidates": tuple(found), "read": library.read, "frontier": ()})
        note = Note("passages.retrieved", {"round": state.round + 1, "passages": len(found)})
        return SliceOutcome(following, progress=f"{len(found)} passages found", notes=(note,))

    def _concluded(self, context: SliceContext, outcome: SliceOutcome[ResearchState]) -> SliceOutcome[ResearchState]:
        """The outcome; with the package if no sub-question is left to conclude."""
        if not is_concluded(outcome.state):
            return outcome
        finished = self._finished(context, outcome.state, None)
        return replace(finished, notes=(*outcome.notes, *finished.notes), flags=(*outcome.flags, *finished.flags))

    def _finished(self, context: SliceContext, state: ResearchState, reason: str | None) -> SliceOutcome[ResearchState]:
        questions = state.sub_questions or _questions(context)[0]
        package = synthesize(context, state, questions, reason=reason)
        answered = sum(answer.status in ("answered", "partial") for answer in package.answers)
        progress = f"{len(package.claims)} {'claims' if state.claims else 'quotes'} for {answered} of {len(questions)} sub-questions"
        flags = ("documents_unreadable",) if state.unread and not state.read and documents_of(context) else ()
        return SliceOutcome(state, package=package, progress=progress, flags=flags)


def _questions(context: SliceContext) -> tuple[tuple[SubQuestion, ...], str]:
    """The sub-questions, and why they are not answered where the question's language is not known."""
    question = context.request.question
    try:
        return split_question(question, language=require_language(question)), ""
    except NotUnderstood as error:
        return (SubQuestion(id="q1", text=question),), str(error)
