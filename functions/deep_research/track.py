"""``DeepResearchTrack``: Explore -> Plan -> Batch -> Audit -> Synthesize, each a slice over the stored frontier.

Explore may take several slices (long documents); Batch and Audit repeat until every sub-question has a quote or two rounds in a row
found nothing new. With models their roles do the thinking (``studying.py``); without, or from the slice on in which the tier has fallen to
extractive, code does all of it, and gives the same package every time.
"""

from __future__ import annotations

from dataclasses import replace

from functions.deep_research.audit import audit, keep_quotes
from functions.deep_research.explore import explore, mission_scope
from functions.deep_research.offering import offering, take_up_requests, waiting
from functions.deep_research.pages import fetch, read
from functions.deep_research.remote import begin, give_up, look
from functions.deep_research.requoting import requote
from functions.deep_research.searching import Library, candidates_for
from functions.deep_research.state import Candidate, ResearchState
from functions.deep_research.studying import Studying, is_concluded
from functions.deep_research.synthesize import synthesize
from functions.deep_research.websearch import pending, search
from schemas.evidence import SubQuestion
from schemas.mission import RESEARCH_PROVIDERS
from shared.counted import counted
from shared.errors import BadInput, NotUnderstood
from shared.knowledge.port import KnowledgeGraph
from shared.language.detect import require_language
from shared.language.split import split_question
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext, SliceOutcome
from shared.web.pages import PageFetcher


class DeepResearchTrack:
    """The research track over local documents, the owner's knowledge space and, where the mission asks for it, the web.

    With a remote agent its job is begun first and looked at once the documents are read: its report and the pages that it cites
    join what the loop reads.
    """

    def __init__(self, sandbox: CodeSandbox, graph: KnowledgeGraph, pages: PageFetcher) -> None:
        self._sandbox = sandbox
        self._graph = graph
        self._pages = pages

    @property
    def state_type(self) -> type[ResearchState]:
        """``ResearchState``."""
        return ResearchState

    def step(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Do the next slice; see ``TrackLogic.step``."""
        state, heeded = take_up_requests(context, state)
        outcome = self._worked(context, state)
        return offering(context, replace(outcome, notes=(*heeded, *outcome.notes)))

    def _worked(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        if state.started_at is None:
            state = state.model_copy(update={"started_at": context.clock.now()})
        if (beginning := self._begin(context, state)) is not None:
            return beginning
        studying = Studying(self._graph, context, context.models) if context.models is not None else None
        match state.phase:
            case "explore":
                return explore(self._sandbox, self._graph, context, state)
            case "fetch":
                return fetch(self._pages, context, state)
            case "read":
                return read(self._sandbox, self._graph, context, state)
            case "plan" if state.remote is not None and state.remote.works:
                return look(context, state)
            case "plan":
                return self._plan(context, state, studying)
            case "batch" if context.search is not None and (queries := pending(state)):
                return search(context.search, context, state, queries)
            case "batch" if studying and state.studies:
                return studying.batch(state)
            case "audit" if studying and state.studies:
                return studying.audit(state)
            case "batch":
                return self._batch(context, state)
            case "audit":
                return audit(context, state)
            case "synthesize":
                return self._conclude(context, state, studying)

    def close(self, context: SliceContext, state: ResearchState, reason: str) -> SliceOutcome[ResearchState]:
        """The package with the quotes verified so far; see ``TrackLogic.close``."""
        give_up(context, state, reason)
        if state.remote is not None and state.read and not (state.quotes or state.claims):
            state = self._quoted_by_code(context, state)
        return offering(context, self._finished(context, state, reason))

    def _begin(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState] | None:
        """The slice that begins the remote agent's job, where the mission asks for it and it has not been begun."""
        provider = context.request.tracks.deep_research.provider
        if provider not in RESEARCH_PROVIDERS:
            raise BadInput(f"There is no research provider {provider!r}.", remedy=f"Known: {', '.join(RESEARCH_PROVIDERS)}.")
        if provider == "builtin" or not (state.remote is None or state.remote.waits_to_begin):
            return None
        return begin(context, state, _questions(context)[0])

    def _quoted_by_code(self, context: SliceContext, state: ResearchState) -> ResearchState:
        """What code would quote of what was read, for a handoff before anything was quoted; it costs nothing and is quick."""
        questions, refusal = _questions(context)
        state = state.model_copy(update={"sub_questions": questions})
        library = Library(self._graph, context, state.read)
        found = [candidate for at in range(len(questions)) for candidate in candidates_for(library, state, at, wide=False)]
        return keep_quotes(context, state.model_copy(update={"candidates": tuple(found), "read": library.read, "refusal": refusal}))

    def _plan(self, context: SliceContext, state: ResearchState, studying: Studying | None) -> SliceOutcome[ResearchState]:
        """Sub-questions, and how many documents the knowledge space holds beside the mission's own."""
        questions, refusal = _questions(context)
        state, requoted = requote(context, state, questions)
        space = mission_scope(context).global_scope
        known = next((summary.documents for summary in self._graph.spaces(context.owner) if summary.space == space.space), 0)
        known -= sum(self._graph.node(space, document.document_id) is not None for document in state.read)
        something = bool(state.read) or known > 0 or context.search is not None
        if studying is not None and something:
            planned = studying.plan(state.model_copy(update={"sub_questions": questions, "refusal": refusal, "space_documents": known}))
            return replace(planned, notes=(*requoted, *planned.notes))
        phase = "synthesize" if refusal or not something else "batch"
        following = state.model_copy(update={"phase": phase, "sub_questions": questions, "refusal": refusal, "space_documents": known})
        note = Note("research.planned", {"sub_questions": len(questions), "space_documents": known})
        progress = refusal or f"{counted(len(questions), 'sub-question')}"
        return SliceOutcome(following, progress=progress, notes=(*requoted, note))

    def _batch(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Passages for each sub-question that has none yet; from the second round on, words may go on ("participat...")."""
        library = Library(self._graph, context, state.read)
        found: list[Candidate] = []
        for at, question in enumerate(state.sub_questions):
            if not state.answers_something(question.id):
                found += candidates_for(library, state, at, wide=state.round > 0)
        following = state.model_copy(update={"phase": "audit", "candidates": tuple(found), "read": library.read, "frontier": ()})
        note = Note("passages.retrieved", {"round": state.round + 1, "passages": len(found)})
        return SliceOutcome(following, progress=f"{counted(len(found), 'passage')} found", notes=(note,))

    def _conclude(self, context: SliceContext, state: ResearchState, studying: Studying | None) -> SliceOutcome[ResearchState]:
        """What the question came to first: its hypotheses are offered while the track waits for what the data may lack."""
        if studying is None or is_concluded(state):
            return waiting(context, state) or self._finished(context, state, None)
        return self._concluded(context, studying.conclude(state))

    def _concluded(self, context: SliceContext, outcome: SliceOutcome[ResearchState]) -> SliceOutcome[ResearchState]:
        """The outcome; with the package, or a wait before it, if no sub-question is left to conclude."""
        if not is_concluded(outcome.state):
            return outcome
        if (waits := waiting(context, outcome.state)) is not None:
            return replace(outcome, state=waits.state, until=waits.until, waiting_for=waits.waiting_for)
        finished = self._finished(context, outcome.state, None)
        return replace(finished, notes=(*outcome.notes, *finished.notes), flags=(*outcome.flags, *finished.flags))

    def _finished(self, context: SliceContext, state: ResearchState, reason: str | None) -> SliceOutcome[ResearchState]:
        questions = state.sub_questions or _questions(context)[0]
        package = synthesize(context, state, questions, reason=reason)
        answered = sum(answer.status in ("answered", "partial") for answer in package.answers)
        found = counted(len(package.claims), "claim" if state.claims else "quote")
        progress = f"{found} for {answered} of {counted(len(questions), 'sub-question')}"
        flags = ("documents_unreadable",) if state.unread and not state.read and context.documents else ()
        return SliceOutcome(state, package=package, progress=progress, flags=flags)


def _questions(context: SliceContext) -> tuple[tuple[SubQuestion, ...], str]:
    """The sub-questions, and why they are not answered where the question's language is not known."""
    question = context.request.question
    try:
        return split_question(question, language=require_language(question)), ""
    except NotUnderstood as error:
        return (SubQuestion(id="q1", text=question),), str(error)
