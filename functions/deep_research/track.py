"""``DeepResearchTrack``: Explore -> Plan -> Batch -> Audit -> Synthesize, each a slice over the stored frontier.

Explore may take several slices (long documents); Batch and Audit repeat until every sub-question has a quote or two rounds in a row
found nothing new. The extractive implementation: no model, the same package every time.
"""

from __future__ import annotations

from typing import cast

from functions.deep_research.audit import MAX_PER_QUESTION, audit
from functions.deep_research.explore import documents_of, explore, mission_scope
from functions.deep_research.quotes import quotes_from, with_context
from functions.deep_research.state import Candidate, ReadDocument, ResearchState
from functions.deep_research.synthesize import synthesize
from schemas.evidence import SubQuestion
from shared.errors import NotUnderstood
from shared.knowledge.port import KnowledgeGraph, Node
from shared.knowledge.retrieval import passages_for
from shared.knowledge.terms import query_terms
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
        match state.phase:
            case "explore":
                return explore(self._sandbox, self._graph, context, state)
            case "plan":
                return self._plan(context, state)
            case "batch":
                return self._batch(context, state)
            case "audit":
                return audit(context, state)
            case "synthesize":
                return self._finished(context, state, None)

    def close(self, context: SliceContext, state: ResearchState, reason: str) -> SliceOutcome[ResearchState]:
        """The package with the quotes verified so far; see ``TrackLogic.close``."""
        return self._finished(context, state, reason)

    def _plan(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Sub-questions, and how many documents the knowledge space holds beside the mission's own."""
        questions, refusal = _questions(context)
        space = mission_scope(context).global_scope
        known = next((summary.documents for summary in self._graph.spaces(context.owner) if summary.space == space.space), 0)
        known -= sum(self._graph.node(space, document.document_id) is not None for document in state.read)
        phase = "synthesize" if refusal or not (state.read or known) else "batch"
        following = state.model_copy(update={"phase": phase, "sub_questions": questions, "refusal": refusal, "space_documents": known})
        note = Note("research.planned", {"sub_questions": len(questions), "space_documents": known})
        progress = refusal or f"{len(questions)} sub-question{'s' if len(questions) != 1 else ''}"
        return SliceOutcome(following, progress=progress, notes=(note,))

    def _batch(self, context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
        """Passages for each sub-question that has none yet; from the second round on, words may go on ("participat...")."""
        mission = mission_scope(context)
        read = {document.document_id: document for document in state.read}
        own = {document.document_id for document in state.read if document.origin == "mission"}
        found: list[Candidate] = []
        for at, question in enumerate(state.sub_questions):
            if any(quote.candidate.question_id == question.id for quote in state.quotes):
                continue
            wide = state.round > 0
            words = with_context(state.sub_questions, at)
            hits = passages_for(self._graph, words, k=2 * MAX_PER_QUESTION, scopes=(mission, mission.global_scope), wide=wide)
            hits = [hit for hit in hits if hit.scope == mission or hit.node.document not in own]
            quotes = quotes_from(question, query_terms(words, prefix=wide), hits)
            for document in sorted({quote.document_id for quote in quotes} - read.keys()):
                node = self._graph.node(mission.global_scope, document)
                if node is not None:
                    read[document] = _from_space(node)
            found += [quote for quote in quotes if quote.document_id in read]
        following = state.model_copy(update={"phase": "audit", "candidates": tuple(found), "read": tuple(read.values())})
        note = Note("passages.retrieved", {"round": state.round + 1, "passages": len(found)})
        return SliceOutcome(following, progress=f"{len(found)} passages found", notes=(note,))

    def _finished(self, context: SliceContext, state: ResearchState, reason: str | None) -> SliceOutcome[ResearchState]:
        questions = state.sub_questions or _questions(context)[0]
        package = synthesize(context, state, questions, reason=reason)
        answered = sum(answer.status in ("answered", "partial") for answer in package.answers)
        progress = f"{len(package.claims)} quotes for {answered} of {len(questions)} sub-questions"
        flags = ("documents_unreadable",) if state.unread and not state.read and documents_of(context) else ()
        return SliceOutcome(state, package=package, progress=progress, flags=flags)


def _questions(context: SliceContext) -> tuple[tuple[SubQuestion, ...], str]:
    """The sub-questions, and why they are not answered where the question's language is not known."""
    question = context.request.question
    try:
        return split_question(question, language=require_language(question)), ""
    except NotUnderstood as error:
        return (SubQuestion(id="q1", text=question),), str(error)


def _from_space(node: Node) -> ReadDocument:
    """A document of the knowledge space, as it was indexed there."""
    about = node.properties
    pages, date = about.get("pages"), about.get("date")
    return ReadDocument(
        document_id=node.id,
        origin="space",
        name=str(about["name"]),
        uri=str(about["uri"]),
        title=str(about["title"]),
        sha256=str(about["sha256"]),
        media_type=str(about["media_type"]),
        date=date if isinstance(date, str) else None,
        pages=pages if isinstance(pages, int) else None,
        text_uri=str(about["text_uri"]),
        text_sha256=str(about["text_sha256"]),
        extractor=str(about["extractor"]),
        extractor_version=str(about["extractor_version"]),
        flags=tuple(cast("list[str]", about.get("flags") or [])),
    )
