"""Synthesize: the handoff package from what was read and verified. Pure: the same state gives the same package, lineage aside."""

from __future__ import annotations

from functions.deep_research.hypotheses import suggest
from functions.deep_research.instructions import INSTRUCTION_LIKE
from functions.deep_research.quotes import asks_for_a_cause
from functions.deep_research.state import CheckedQuote, ReadDocument, ResearchState
from schemas.evidence import (
    AnswerStatus,
    Claim,
    Evidence,
    Gap,
    Hypothesis,
    Lineage,
    ResearchAnswer,
    ResearchEvidencePackage,
    Source,
    SubQuestion,
)
from shared.tracks import SliceContext

NOTHING_FOUND = "nothing found in these documents"
NO_DOCUMENTS = "no documents were given"
ANSWERED_FROM = 0.7
"""Share of the question's weight that the best passage holds, from which the question counts as answered and not only touched."""


def synthesize(
    context: SliceContext, state: ResearchState, questions: tuple[SubQuestion, ...], *, reason: str | None = None
) -> ResearchEvidencePackage:
    """The package with what there is; ``reason`` says why it was closed early."""
    state = _without_unused(state)
    sources = {d.document_id: f"s{i}" for i, d in enumerate(state.read, start=1)}
    evidence = _Evidence(state, sources)
    claims = tuple(_claim(i, quote, evidence) for i, quote in enumerate(state.quotes, start=1))
    answers = tuple(_answer(context, state, question, claims, reason) for question in questions)
    hypotheses = tuple(
        Hypothesis(id=f"h{i}", text=s.text, suggested_analysis=s.analysis, claim_ids=(claims[s.quote].id,))
        for i, s in enumerate(suggest(state.quotes), start=1)
    )
    now = context.clock.now()
    return ResearchEvidencePackage(
        question=context.request.question,
        scope=_scope(state),
        sub_questions=questions,
        answers=answers,
        claims=claims,
        evidence=evidence.items,
        sources=tuple(_source(sources[d.document_id], d) for d in state.read),
        hypotheses=hypotheses,
        gaps=tuple(Gap(question_id=a.question_id, text=_text_of(questions, a.question_id)) for a in answers if a.note == NOTHING_FOUND),
        limitations=_limitations(state, reason),
        lineage=Lineage(
            mission_id=context.mission_id,
            track=context.track.value,
            attempt=context.attempt,
            epoch=context.epoch,
            started_at=state.started_at or now,
            finished_at=now,
            closed_because=reason,
        ),
    )


def _without_unused(state: ResearchState) -> ResearchState:
    """All documents of the mission were read for it; of the knowledge space, only those that are quoted are sources."""
    quoted = {quote.candidate.document_id for quote in state.quotes}
    return state.model_copy(update={"read": tuple(d for d in state.read if d.origin == "mission" or d.document_id in quoted)})


class _Evidence:
    """Evidence by place: two questions that quote the same sentence share it."""

    def __init__(self, state: ResearchState, sources: dict[str, str]) -> None:
        documents = {d.document_id: d for d in state.read}
        self._ids: dict[tuple[str, int, int], str] = {}
        items: list[Evidence] = []
        for quote in state.quotes:
            place = _place(quote)
            if place in self._ids:
                continue
            self._ids[place] = f"e{len(self._ids) + 1}"
            items.append(_evidence(self._ids[place], quote, documents[quote.candidate.document_id], sources))
        self.items = tuple(items)

    def id_of(self, quote: CheckedQuote) -> str:
        return self._ids[_place(quote)]


def _place(quote: CheckedQuote) -> tuple[str, int, int]:
    return quote.candidate.document_id, quote.candidate.start, quote.candidate.end


def _evidence(own: str, quote: CheckedQuote, document: ReadDocument, sources: dict[str, str]) -> Evidence:
    candidate = quote.candidate
    return Evidence(
        id=own,
        source_id=sources[candidate.document_id],
        quote=candidate.quote,
        start=candidate.start,
        end=candidate.end,
        page=candidate.page,
        heading_path=candidate.heading_path,
        text_sha256=document.text_sha256,
        extractor=document.extractor,
        extractor_version=document.extractor_version,
        score=candidate.score,
        flags=candidate.flags,
    )


def _claim(number: int, quote: CheckedQuote, evidence: _Evidence) -> Claim:
    """The quote itself as a statement. One that speaks to the reader stays out of every summary: ``unchecked``."""
    speaks_to_reader = INSTRUCTION_LIKE in quote.candidate.flags
    modality = quote.assertion.modality if quote.assertion else "unknown"
    return Claim(
        id=f"c{number}",
        question_id=quote.candidate.question_id,
        text=quote.candidate.quote,
        assertion=quote.assertion,
        evidence_ids=(evidence.id_of(quote),),
        support="unchecked" if speaks_to_reader else "verbatim",
        nature="inference" if modality in ("projected", "possible") else "fact",
        confidence=0.0 if speaks_to_reader else round(min(0.95, quote.candidate.coverage), 2),
    )


def _answer(
    context: SliceContext, state: ResearchState, question: SubQuestion, claims: tuple[Claim, ...], reason: str | None
) -> ResearchAnswer:
    if state.refusal:
        return ResearchAnswer(question_id=question.id, status="not_understood", note=state.refusal)
    own = tuple(claim.id for claim in claims if claim.question_id == question.id)
    quotes = [q for q in state.quotes if q.candidate.question_id == question.id and INSTRUCTION_LIKE not in q.candidate.flags]
    if not quotes:
        given = any(item.kind == "document" for item in context.request.inputs)
        if not state.read and not state.space_documents:
            note = NO_DOCUMENTS if not given else "none of the documents could be read"
        else:
            note = NOTHING_FOUND
        if reason and state.phase != "synthesize":
            note = f"not finished: {reason}"
        return ResearchAnswer(question_id=question.id, status="not_answered", claim_ids=own, note=note)
    status: AnswerStatus = "answered" if max(q.candidate.coverage for q in quotes) >= ANSWERED_FROM else "partial"
    note = "" if status == "answered" else "the passages touch the question, but hold only a part of it"
    if asks_for_a_cause(question.text) and not any(q.candidate.causal for q in quotes):
        status, note = "partial", "the passages are about it, but none of them names a cause"
    return ResearchAnswer(question_id=question.id, status=status, claim_ids=own, note=note)


def _text_of(questions: tuple[SubQuestion, ...], question_id: str) -> str:
    return next(q.text for q in questions if q.id == question_id)


def _scope(state: ResearchState) -> str:
    own = sum(d.origin == "mission" for d in state.read)
    space = len(state.read) - own
    parts = [f"{own} document{'s' if own != 1 else ''} of this mission"] if own else []
    parts += [f"{space} quoted of {state.space_documents} in the knowledge space"] if state.space_documents else []
    return " and ".join(parts) or NO_DOCUMENTS


def _source(own: str, document: ReadDocument) -> Source:
    return Source(
        id=own,
        uri=document.uri,
        title=document.title,
        sha256=document.sha256,
        media_type=document.media_type,
        date=document.date,
        pages=document.pages,
        text_uri=document.text_uri,
        text_sha256=document.text_sha256,
        extractor=document.extractor,
        extractor_version=document.extractor_version,
        flags=document.flags,
    )


def _limitations(state: ResearchState, reason: str | None) -> tuple[str, ...]:
    found = [document.reason for document in state.unread]
    found += [warning for document in state.read for warning in document.warnings if "left out what repeats" not in warning]
    found += [f"Two documents state different figures for {measure}; both are quoted." for measure in state.disagreements]
    if any(INSTRUCTION_LIKE in document.flags for document in state.read):
        found.append("A document holds text that tells its reader what to do; it was treated as text and not followed.")
    if state.dropped_quotes:
        found.append("Some passages no longer stood in the stored text and were left out.")
    if reason:
        found.append(f"Research was closed early: {reason}.")
    return tuple(dict.fromkeys(found))
