"""Synthesize: the handoff package from what was read and verified. Pure: the same state gives the same package, lineage aside."""

from __future__ import annotations

from collections.abc import Mapping

from functions.deep_research.audit import disagreements
from functions.deep_research.hypotheses import MAX_HYPOTHESES, suggest
from functions.deep_research.instructions import INSTRUCTION_LIKE
from functions.deep_research.pages import page_name
from functions.deep_research.state import Candidate, CheckedQuote, ModelClaim, ReadDocument, Reported, ResearchState, WebPage
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
from schemas.mission import Tier
from shared.counted import counted
from shared.language.causes import asks_for_a_cause
from shared.tracks import SliceContext

NOTHING_FOUND = "nothing found in these documents"
NOTHING_ON_THE_WEB = "nothing that could be read was found on the web"
NO_DOCUMENTS = "no documents were given"
NOT_VERIFIED = "nothing of what was found could be verified"
PART_OF_IT = "the passages touch the question, but hold only a part of it"
DROPPED_CLAIMS: Mapping[str, str] = {
    "passage": "Statements of a model that named a passage it was not given were left out.",
    "quote": "Statements of a model whose quotes do not stand in the documents were left out.",
    "figure": "Statements of a model with figures that their quotes do not hold were left out.",
    "language": "Statements of a model in another language than the question were left out.",
    "reader": "Statements of a model that told the reader what to do were left out.",
}
ANSWERED_FROM = 0.7
"""Share of the question's weight that the best passage holds, from which the question counts as answered and not only touched."""


def synthesize(
    context: SliceContext, state: ResearchState, questions: tuple[SubQuestion, ...], *, reason: str | None = None
) -> ResearchEvidencePackage:
    """The package with what there is; ``reason`` says why it was closed early."""
    state = _without_unused(_with_requoted(state))
    places = sorted(range(len(state.claims)), key=lambda place: _order(state.claims[place], questions))
    sources = {d.document_id: f"s{i}" for i, d in enumerate(state.read, start=1)}
    evidence = _Evidence(state, sources)
    ids = {place: f"c{i}" for i, place in enumerate(places, start=1)}
    claims = (
        *(_stated(ids[place], state.claims[place], evidence) for place in places),
        *(_claim(f"c{i}", quote, evidence) for i, quote in enumerate(state.quotes, start=1 + len(places))),
    )
    claims += tuple(_reported(f"c{i}", one, evidence) for i, one in enumerate(state.reported, start=1 + len(claims)))
    answers = tuple(_answer(context, state, question, claims, reason) for question in questions)
    now = context.clock.now()
    return ResearchEvidencePackage(
        question=context.request.question,
        scope=_scope(state),
        sub_questions=questions,
        answers=answers,
        claims=claims,
        evidence=evidence.items,
        sources=tuple(_source(sources[d.document_id], d) for d in state.read),
        hypotheses=_hypotheses(state, ids),
        gaps=_gaps(state, questions, answers),
        taken_up=state.taken_up,
        limitations=_limitations(state, reason),
        tier=state.tier if _rests_on_a_model(state) else Tier.EXTRACTIVE.value,
        prompts=state.prompts,
        dropped=sum(state.dropped_claims.values()),
        usage=state.usage,
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


def _with_requoted(state: ResearchState) -> ResearchState:
    """What a remote agent found joins the quotes, where the loop has not found it too."""
    known = {_place(quote.candidate) for quote in state.quotes}
    more = tuple(quote for quote in state.requoted if _place(quote.candidate) not in known)
    return state.model_copy(update={"quotes": (*state.quotes, *more)}) if more else state


def _without_unused(state: ResearchState) -> ResearchState:
    """All documents of the mission were read for it; of all else, only those that are quoted are sources."""
    quoted = {candidate.document_id for candidate in _quoted(state)}
    return state.model_copy(update={"read": tuple(d for d in state.read if d.origin == "mission" or d.document_id in quoted)})


def _quoted(state: ResearchState) -> tuple[Candidate, ...]:
    """All quotes of the package: of the models' claims, and those that code chose."""
    stated = (quote for claim in state.claims for quote in claim.quotes)
    return (*stated, *(quote.candidate for quote in state.quotes), *(one.quote for one in state.reported))


def _order(claim: ModelClaim, questions: tuple[SubQuestion, ...]) -> tuple[int, bool, float]:
    """By sub-question, what holds first, the surest first."""
    return next(i for i, q in enumerate(questions) if q.id == claim.question_id), not claim.holds, -claim.confidence


class _Evidence:
    """Evidence by place: two questions that quote the same sentence share it."""

    def __init__(self, state: ResearchState, sources: dict[str, str]) -> None:
        documents = {d.document_id: d for d in state.read}
        self._ids: dict[tuple[str, int, int], str] = {}
        items: list[Evidence] = []
        for candidate in _quoted(state):
            place = _place(candidate)
            if place in self._ids:
                continue
            self._ids[place] = f"e{len(self._ids) + 1}"
            items.append(_evidence(self._ids[place], candidate, documents[candidate.document_id], sources))
        self.items = tuple(items)

    def id_of(self, candidate: Candidate) -> str:
        return self._ids[_place(candidate)]


def _place(candidate: Candidate) -> tuple[str, int, int]:
    return candidate.document_id, candidate.start, candidate.end


def _evidence(own: str, candidate: Candidate, document: ReadDocument, sources: dict[str, str]) -> Evidence:
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


def _stated(own: str, claim: ModelClaim, evidence: _Evidence) -> Claim:
    """A model's statement. What does not hold is never sure, and asserts nothing."""
    return Claim(
        id=own,
        question_id=claim.question_id,
        text=claim.text,
        assertion=claim.assertion if claim.holds else None,
        evidence_ids=tuple(evidence.id_of(quote) for quote in claim.quotes),
        support=claim.support,
        nature=claim.nature,
        confidence=claim.confidence if claim.holds else 0.0,
        tier=claim.tier,
        prompt_version=claim.prompt_version,
    )


def _rests_on_a_model(state: ResearchState) -> bool:
    """Whether a model's answers are part of this: one that was asked and never answered has done none of the work."""
    return bool(state.usage.calls and (state.claims or state.conclusions or any(study.read for study in state.studies)))


def _claim(own: str, quote: CheckedQuote, evidence: _Evidence) -> Claim:
    """The quote itself as a statement. One that speaks to the reader stays out of every summary: ``unchecked``."""
    speaks_to_reader = INSTRUCTION_LIKE in quote.candidate.flags
    modality = quote.assertion.modality if quote.assertion else "unknown"
    return Claim(
        id=own,
        question_id=quote.candidate.question_id,
        text=quote.candidate.quote,
        assertion=quote.assertion,
        evidence_ids=(evidence.id_of(quote.candidate),),
        support="unchecked" if speaks_to_reader else "verbatim",
        nature="inference" if modality in ("projected", "possible") else "fact",
        confidence=0.0 if speaks_to_reader else round(min(0.95, quote.candidate.coverage), 2),
    )


def _reported(own: str, one: Reported, evidence: _Evidence) -> Claim:
    """A remote agent's statement that nobody could verify: its own report is all there is for it."""
    return Claim(
        id=own,
        question_id=one.quote.question_id,
        text=one.text,
        evidence_ids=(evidence.id_of(one.quote),),
        support="unchecked",
        confidence=0.0,
        tier="remote",
    )


def _answer(
    context: SliceContext, state: ResearchState, question: SubQuestion, claims: tuple[Claim, ...], reason: str | None
) -> ResearchAnswer:
    holding = [c for c in claims if c.question_id == question.id and c.prompt_version and c.support in ("verbatim", "entailed")]
    if holding:
        return _answer_of_models(state, question, claims)
    if state.refusal and not _was_read(state, question):
        return ResearchAnswer(question_id=question.id, status="not_understood", note=state.refusal)
    own = tuple(claim.id for claim in claims if claim.question_id == question.id)
    quotes = [q for q in state.quotes if q.candidate.question_id == question.id and INSTRUCTION_LIKE not in q.candidate.flags]
    if not quotes:
        given = context.documents
        if not state.read and not state.space_documents and not state.searched:
            note = NO_DOCUMENTS if not given else "none of the documents could be read"
        else:
            stated = question.id in {*(c.question_id for c in state.claims), *(one.quote.question_id for one in state.reported)}
            nowhere = NOTHING_FOUND if state.read or state.space_documents else NOTHING_ON_THE_WEB
            note = NOT_VERIFIED if stated else nowhere
        if reason and state.phase != "synthesize":
            note = f"not finished: {reason}"
        return ResearchAnswer(question_id=question.id, status="not_answered", claim_ids=own, note=note)
    status: AnswerStatus = "answered" if max(q.candidate.coverage for q in quotes) >= ANSWERED_FROM else "partial"
    note = "" if status == "answered" else PART_OF_IT
    if asks_for_a_cause(question.text) and not any(q.candidate.causal for q in quotes):
        status, note = "partial", "the passages are about it, but none of them names a cause"
    return ResearchAnswer(question_id=question.id, status=status, claim_ids=own, note=note)


def _answer_of_models(state: ResearchState, question: SubQuestion, claims: tuple[Claim, ...]) -> ResearchAnswer:
    """The synthesizer's word on claims that hold; without it the reader's, which counts as far as claims hold."""
    own = tuple(claim.id for claim in claims if claim.question_id == question.id)
    said = next((c for c in state.conclusions if c.question_id == question.id), None)
    if said is not None:
        note = said.note or (PART_OF_IT if said.status != "answered" else "")
        return ResearchAnswer(
            question_id=question.id, status=said.status, claim_ids=own, note=note, tier=said.tier, prompt_version=said.prompt_version
        )
    full = any(study.answered == "fully" for study in state.studies if study.question_id == question.id)
    return ResearchAnswer(question_id=question.id, status="answered" if full else "partial", claim_ids=own, note="" if full else PART_OF_IT)


def _was_read(state: ResearchState, question: SubQuestion) -> bool:
    """Whether a model has read something for the sub-question, so that its language was no obstacle."""
    return any(study.read for study in state.studies if study.question_id == question.id)


def _hypotheses(state: ResearchState, ids: Mapping[int, str]) -> tuple[Hypothesis, ...]:
    """The synthesizer's, then what code finds in claims and quotes that no synthesizer was asked about."""
    found = [
        Hypothesis(
            id="h1",
            text=test.text,
            suggested_analysis=test.analysis,
            claim_ids=tuple(ids[place] for place in test.claims),
            tier=said.tier,
            prompt_version=said.prompt_version,
        )
        for said in state.conclusions
        for test in said.hypotheses
    ]
    concluded = {said.question_id for said in state.conclusions}
    rest = [(ids[at], c) for at, c in enumerate(state.claims) if c.holds and c.question_id not in concluded]
    sources = [(own, CheckedQuote(candidate=claim.quotes[0])) for own, claim in rest]
    sources += [(f"c{i}", quote) for i, quote in enumerate(state.quotes, start=1 + len(ids))]
    for suggestion in suggest([quote for _, quote in sources]):
        claim_ids = (sources[suggestion.quote][0],)
        found.append(Hypothesis(id="h1", text=suggestion.text, suggested_analysis=suggestion.analysis, claim_ids=claim_ids))
    return tuple(h.model_copy(update={"id": f"h{i}"}) for i, h in enumerate(found[:MAX_HYPOTHESES], start=1))


def _gaps(state: ResearchState, questions: tuple[SubQuestion, ...], answers: tuple[ResearchAnswer, ...]) -> tuple[Gap, ...]:
    nothing = [a.question_id for a in answers if a.note in (NOTHING_FOUND, NOTHING_ON_THE_WEB)]
    found = [Gap(question_id=question_id, text=_text_of(questions, question_id)) for question_id in nothing]
    for said in state.conclusions:
        found += [Gap(question_id=said.question_id, text=g, tier=said.tier, prompt_version=said.prompt_version) for g in said.gaps]
    return tuple(found)


def _text_of(questions: tuple[SubQuestion, ...], question_id: str) -> str:
    return next(q.text for q in questions if q.id == question_id)


def _scope(state: ResearchState) -> str:
    own = sum(d.origin == "mission" for d in state.read)
    space = sum(d.origin == "space" for d in state.read)
    parts = [f"{counted(own, 'document')} of this mission"] if own else []
    parts += [f"{space} quoted of {state.space_documents} in the knowledge space"] if state.space_documents else []
    web = sum(page.document_id is not None for page in state.pages)
    parts += [f"{counted(web, 'page')} of the web"] if state.pages or state.searched else []
    return " and ".join(parts) or NO_DOCUMENTS


def _source(own: str, document: ReadDocument) -> Source:
    return Source(
        id=own,
        uri=document.uri,
        title=document.title,
        sha256=document.sha256,
        kind=document.kind,
        media_type=document.media_type,
        date=document.date,
        pages=document.pages,
        text_uri=document.text_uri,
        text_sha256=document.text_sha256,
        extractor=document.extractor,
        extractor_version=document.extractor_version,
        flags=document.flags,
    )


def _lost(page: WebPage) -> bool:
    return page.reported and bool(page.problem)


def _named(page: WebPage) -> str:
    """The page as a reader may look for it."""
    return f"{page.title} ({page_name(page)})" if page.title else page_name(page)


def _disagreeing(state: ResearchState) -> tuple[str, ...]:
    """Measures for which two documents state different figures."""
    if not state.claims:
        return state.disagreements
    holding = [CheckedQuote(candidate=c.quotes[0], assertion=c.assertion) for c in state.claims if c.holds]
    return disagreements([*holding, *state.quotes])


def _limitations(state: ResearchState, reason: str | None) -> tuple[str, ...]:
    found = [document.reason for document in state.unread]
    if state.remote is not None and state.remote.problem:
        found.append(f"The Gemini Deep Research agent brought no whole report: {state.remote.problem}")
    found += [f"Reported by the provider, not verified: {_named(page)}: {page.problem}" for page in state.pages if _lost(page)]
    if state.reported:
        found.append("Statements of the provider whose words do not stand in the pages it cites are its own word, not verified.")
    if any(page.problem and not page.reported for page in state.pages):
        found.append("Some pages that a web search found could not be read.")
    found += [warning for document in state.read for warning in document.warnings if "left out what repeats" not in warning]
    found += [f"Two documents state different figures for {measure}; both are quoted." for measure in _disagreeing(state)]
    if any(INSTRUCTION_LIKE in document.flags for document in state.read):
        found.append("A document holds text that tells its reader what to do; it was treated as text and not followed.")
    found += [DROPPED_CLAIMS[reason] for reason in sorted(DROPPED_CLAIMS) if state.dropped_claims.get(reason)]
    if any(not claim.holds for claim in state.claims):
        found.append("Some statements could not be verified against their quotes; they are marked.")
    if state.dropped_quotes:
        found.append("Some passages no longer stood in the stored text and were left out.")
    if reason:
        found.append(f"Research was closed early: {reason}.")
    return tuple(dict.fromkeys(found))
