"""Audit: only quotes that stand in the stored text go on, each thing is said once, and what disagrees is named."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from functions.deep_research.assertions import parse_assertion
from functions.deep_research.explore import store_text
from functions.deep_research.instructions import INSTRUCTION_LIKE
from functions.deep_research.state import Candidate, CheckedQuote, ReadDocument, ResearchState
from schemas.assertion import Assertion
from shared.artifacts import ArtifactStore
from shared.errors import Corrupt, NotFound
from shared.knowledge.terms import index_terms
from shared.reading.sentences import sentences
from shared.tracks import Note, SliceContext, SliceOutcome

MAX_PER_QUESTION = 8
NEAR_DUPLICATE = 0.8
"""Share of common words from which two quotes say the same."""
MAX_IDLE_ROUNDS = 2


def audit(context: SliceContext, state: ResearchState) -> SliceOutcome[ResearchState]:
    """Check this round's candidates and decide whether another round is worth it."""
    texts = _Texts(context.artifacts, state.read)
    checked = [c for c in state.candidates if texts.holds(c)]
    kept = _distinct([*state.quotes, *(CheckedQuote(candidate=c, assertion=_assertion(c)) for c in checked)])
    new = len(kept) - len(state.quotes)
    read = tuple(_kept_with_mission(context, texts, document, kept) for document in state.read)
    idle = 0 if new > 0 else state.idle_rounds + 1
    open_questions = [q for q in state.sub_questions if not any(k.candidate.question_id == q.id for k in kept)]
    rounds = state.round + 1
    done = not open_questions or idle >= MAX_IDLE_ROUNDS or rounds >= context.request.tracks.deep_research.max_rounds
    following = state.model_copy(
        update={
            "phase": "synthesize" if done else "batch",
            "round": rounds,
            "idle_rounds": idle,
            "candidates": (),
            "quotes": tuple(kept),
            "read": read,
            "dropped_quotes": state.dropped_quotes + len(state.candidates) - len(checked),
            "disagreements": _disagreements(kept),
        }
    )
    answered = len(state.sub_questions) - len(open_questions)
    progress = f"{len(kept)} quotes verified; {answered} of {len(state.sub_questions)} sub-questions have some"
    detail = Note("quotes.audited", {"round": rounds, "checked": len(state.candidates), "kept": len(kept), "new": new})
    return SliceOutcome(following, progress=progress, notes=(detail,))


class _Texts:
    """The stored texts, each read once and checked against its sha256."""

    def __init__(self, artifacts: ArtifactStore, read: Sequence[ReadDocument]) -> None:
        self._artifacts = artifacts
        self._documents = {document.document_id: document for document in read}
        self._texts: dict[str, str | None] = {}

    def text(self, document_id: str) -> str | None:
        """The document's text; ``None`` if it is gone or not the one that was indexed."""
        if document_id not in self._texts:
            self._texts[document_id] = self._load(document_id)
        return self._texts[document_id]

    def _load(self, document_id: str) -> str | None:
        document = self._documents.get(document_id)
        if document is None:
            return None
        try:
            data = self._artifacts.get(document.text_uri)
        except (NotFound, Corrupt):
            return None
        return data.decode() if hashlib.sha256(data).hexdigest() == document.text_sha256 else None

    def holds(self, candidate: Candidate) -> bool:
        """Whether the quote stands at its offsets."""
        text = self.text(candidate.document_id)
        return text is not None and bool(candidate.quote) and text[candidate.start : candidate.end] == candidate.quote


def _assertion(candidate: Candidate) -> Assertion | None:
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


def _kept_with_mission(context: SliceContext, texts: _Texts, document: ReadDocument, kept: Sequence[CheckedQuote]) -> ReadDocument:
    """A document of the knowledge space that is quoted: its text is copied, so that the mission can be checked without the space."""
    if document.origin == "mission" or not any(quote.candidate.document_id == document.document_id for quote in kept):
        return document
    text = texts.text(document.document_id)
    if text is None or document.text_uri.startswith(f"artifact:missions/{context.mission_id}/"):
        return document
    return document.model_copy(update={"text_uri": store_text(context.artifacts, context.mission_id, text)})


def _disagreements(kept: Sequence[CheckedQuote]) -> tuple[str, ...]:
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
