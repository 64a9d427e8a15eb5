"""Audit: only quotes that stand in the stored text go on, each thing is said once, and what disagrees is named."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

from functions.deep_research.assertions import parse_assertion
from functions.deep_research.explore import store_text
from functions.deep_research.instructions import INSTRUCTION_LIKE
from functions.deep_research.searching import MAX_PER_QUESTION
from functions.deep_research.state import Candidate, CheckedQuote, ReadDocument, ResearchState
from functions.deep_research.stored_texts import StoredTexts
from schemas.assertion import Assertion
from shared.counted import counted
from shared.knowledge.terms import index_terms
from shared.reading.sentences import sentences
from shared.tracks import Note, SliceContext, SliceOutcome

NEAR_DUPLICATE = 0.8
"""Share of common words from which two quotes say the same."""
MAX_IDLE_ROUNDS = 2


def audit(context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Check this round's candidates and decide whether another round is worth it."""
    found = len(state.candidates)
    following = keep_quotes(context, state)
    new = len(following.quotes) - len(state.quotes)
    idle = 0 if new > 0 else state.idle_rounds + 1
    open_questions = [q for q in state.sub_questions if not following.answers_something(q.id)]
    rounds = state.round + 1
    done = not open_questions or idle >= MAX_IDLE_ROUNDS or rounds >= context.request.tracks.deep_research.max_rounds
    following = following.model_copy(update={"phase": "synthesize" if done else "batch", "round": rounds, "idle_rounds": idle})
    answered = len(state.sub_questions) - len(open_questions)
    progress = f"{counted(len(following.quotes), 'quote')} verified, for {answered} of {counted(len(state.sub_questions), 'sub-question')}"
    detail = Note("quotes.audited", {"round": rounds, "checked": found, "kept": len(following.quotes), "new": new})
    return SliceOutcome(following, progress=progress, notes=(detail,))


def keep_quotes(context: SliceContext, state: ResearchState) -> ResearchState:
    """The state with its candidates checked: what stands in the stored text is a quote now, each thing once."""
    texts = StoredTexts(context.artifacts, state.read)
    checked = [c for c in state.candidates if texts.holds(c)]
    kept = _distinct([*state.quotes, *(CheckedQuote(candidate=c, assertion=assertion_of_quote(c)) for c in checked)])
    quoted = {quote.candidate.document_id for quote in kept}
    return state.model_copy(
        update={
            "candidates": (),
            "quotes": tuple(kept),
            "read": keep_texts(context, texts, state.read, quoted),
            "dropped_quotes": state.dropped_quotes + len(state.candidates) - len(checked),
            "disagreements": disagreements(kept),
        }
    )


def assertion_of_quote(candidate: Candidate) -> Assertion | None:
    """What the quote asserts, if exactly one of its sentences asserts something and none is an instruction."""
    if INSTRUCTION_LIKE in candidate.flags:
        return None
    found = [parse_assertion(candidate.quote[start:end]) for start, end in sentences(candidate.quote)]
    plain = [assertion for assertion in found if assertion is not None]
    return plain[0] if len(plain) == 1 else None


@dataclass(frozen=True, slots=True)
class _Words:
    words: frozenset[str]

    def near(self, other: _Words) -> bool:
        smaller = min(len(self.words), len(other.words))
        return smaller > 0 and len(self.words & other.words) / len(self.words | other.words) >= NEAR_DUPLICATE


def _distinct(quotes: Sequence[CheckedQuote]) -> list[CheckedQuote]:
    """At most ``MAX_PER_QUESTION`` quotes a question, in order; none says nearly what an earlier one of the question says."""
    kept: list[CheckedQuote] = []
    said: dict[str, list[tuple[Candidate, _Words]]] = {}
    for quote in quotes:
        candidate = quote.candidate
        own = said.setdefault(candidate.question_id, [])
        words = _Words(frozenset(index_terms(candidate.quote, "en")))
        if len(own) >= MAX_PER_QUESTION or any(_overlap(candidate, other) or words.near(seen) for other, seen in own):
            continue
        own.append((candidate, words))
        kept.append(quote)
    return kept


def _overlap(first: Candidate, second: Candidate) -> bool:
    return first.document_id == second.document_id and first.start < second.end and second.start < first.end


def keep_texts(
    context: SliceContext, texts: StoredTexts, read: Sequence[ReadDocument], quoted: Collection[str]
) -> tuple[ReadDocument, ...]:
    """The documents; the text of a quoted one of the knowledge space is copied, so that the mission can be checked without the space."""
    return tuple(_kept_with_mission(context, texts, d) if d.document_id in quoted else d for d in read)


def _kept_with_mission(context: SliceContext, texts: StoredTexts, document: ReadDocument) -> ReadDocument:
    if document.origin != "space":
        return document
    text = texts.text(document.document_id)
    if text is None or document.text_uri.startswith(f"artifact:missions/{context.mission_id}/"):
        return document
    return document.model_copy(update={"text_uri": store_text(context.artifacts, context.mission_id, text)})


def disagreements(kept: Sequence[CheckedQuote]) -> tuple[str, ...]:
    """Measures for which two documents state different figures of one thing at one time."""
    found: dict[str, None] = {}
    for first, second in combinations([quote for quote in kept if quote.assertion is not None], 2):
        if first.candidate.document_id != second.candidate.document_id and _differ(first.assertion, second.assertion):
            assert first.assertion is not None
            found[first.assertion.measure or ""] = None
    return tuple(found)


def _differ(first: Assertion | None, second: Assertion | None) -> bool:
    """Whether all that matters is known and equal, and the figures are further apart than their last digits allow."""
    if first is None or second is None or first.value is None or second.value is None:
        return False
    same = [(first.measure, second.measure), (first.entity, second.entity), (first.period, second.period), (first.unit, second.unit)]
    if any(a is None or b is None or a.casefold() != b.casefold() for a, b in same):
        return False
    if first.statistic != second.statistic or first.statistic == "unknown" or first.population != second.population:
        return False
    if (first.comparator, second.comparator) != ("=", "="):
        return False
    tolerance: float = 0.5 * 10.0 ** -(first.digits or 0) + 0.5 * 10.0 ** -(second.digits or 0)
    return abs(first.value - second.value) > tolerance + 1e-12
