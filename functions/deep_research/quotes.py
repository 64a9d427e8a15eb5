"""Which sentences of a passage are quoted: as few as hold what was asked for, and those they lean on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.state import Candidate
from shared.knowledge.port import Hit, QueryTerm
from shared.knowledge.terms import index_terms, language_of

MAX_SENTENCES = 3
_COST_OF_A_SENTENCE = 0.12
"""What one more sentence has to add, as a share of the question's weight."""
_CAUSE_BONUS = 0.25
_LEANS = re.compile(
    r"(?:this|these|that|those|it|its|they|their|he|she|such|however|but|also|therefore|thus|hence|moreover|instead|both|"
    r"dies\w*|er|sie|es|dadurch|daher|deshalb|jedoch|aber|auch|somit|beide)\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"\b(?:because|due to|owing to|caused? by|causes?|reasons?|as a result|result(?:s|ed|ing)? (?:from|in)|attribut\w+ to|driven by|led to|"
    r"leads to|explain\w*|therefore|thanks to|consequence|responsible for|weil|aufgrund|wegen|deshalb|dadurch|ursache\w*|grund|gründe)\b",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"\b(?:why|how come|what (?:causes?|caused|explains?|drives|led to)|reasons? (?:for|of|why)|explain|causes? of|warum|wieso|weshalb)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    text: str
    held: frozenset[int]
    instruction: bool


def asks_for_a_cause(question: str) -> bool:
    """Whether a why is asked; data cannot answer that, a document may."""
    return _WHY.search(question) is not None


def quotes_from(question_id: str, question: str, query: Sequence[QueryTerm], hits: Sequence[Hit]) -> list[Candidate]:
    """One quote for each passage, best first."""
    why = asks_for_a_cause(question)
    split = [_sentences(hit, query) for hit in hits]
    weights = _weights(query, [sentence for found in split for sentence in found])
    candidates: list[Candidate] = []
    for hit, found in zip(hits, split, strict=True):
        if found:
            candidates.append(_candidate(question_id, hit, found, weights, why))
    return sorted(candidates, key=lambda c: (INSTRUCTION_LIKE in c.flags, why and not c.causal, -c.score, c.document_id, c.start))


def _sentences(hit: Hit, query: Sequence[QueryTerm]) -> list[_Sentence]:
    """The passage's sentences and which terms of the query each holds."""
    base = cast(int, hit.node.properties["start"])
    found: list[_Sentence] = []
    language = language_of(hit.node.text)
    for start, end in cast("list[list[int]]", hit.node.properties["sentences"]):
        text = hit.node.text[start - base : end - base]
        terms = {*index_terms(text, language), *index_terms(text, "en"), *index_terms(text, "de")}
        held = frozenset(i for i, term in enumerate(query) if _holds(terms, term))
        found.append(_Sentence(start, end, text, held, reads_like_instructions(text)))
    return found


def _holds(terms: set[str], wanted: QueryTerm) -> bool:
    if wanted.prefix:
        return any(term.startswith(wanted.alternatives) for term in terms)
    return not terms.isdisjoint(wanted.alternatives)


def _weights(query: Sequence[QueryTerm], found: Sequence[_Sentence]) -> list[float]:
    """A term's weight among the sentences at hand: what all of them hold tells them apart the least."""
    return [math.log(1 + (len(found) + 1) / (1 + sum(i in sentence.held for sentence in found))) for i in range(len(query))]


def _candidate(question_id: str, hit: Hit, found: list[_Sentence], weights: list[float], why: bool) -> Candidate:
    first, last = _best_window(found, weights, why)
    if first > 0 and last - first + 1 < MAX_SENTENCES and _LEANS.match(found[first].text) and not found[first - 1].instruction:
        first -= 1
    window = found[first : last + 1]
    base = cast(int, hit.node.properties["start"])
    start, end = window[0].start, window[-1].end
    quote = hit.node.text[start - base : end - base]
    page = hit.node.properties["page"]
    return Candidate(
        question_id=question_id,
        document_id=hit.node.document or "",
        start=start,
        end=end,
        quote=quote,
        page=page if isinstance(page, int) else None,
        heading_path=tuple(str(part) for part in cast("list[str]", hit.node.properties["heading_path"])),
        score=hit.score,
        coverage=hit.coverage,
        causal=_CAUSE.search(quote) is not None,
        flags=(INSTRUCTION_LIKE,) if any(sentence.instruction for sentence in window) else (),
    )


def _best_window(found: list[_Sentence], weights: list[float], why: bool) -> tuple[int, int]:
    """First and last sentence of the shortest window that holds the most; instructions only where nothing else is there."""
    total = sum(weights) or 1.0
    best = (-math.inf, 0, 0)
    for first in range(len(found)):
        held: set[int] = set()
        for last in range(first, min(first + MAX_SENTENCES, len(found))):
            held |= found[last].held
            value = sum(weights[i] for i in held) / total - _COST_OF_A_SENTENCE * (last - first)
            if why and any(_CAUSE.search(sentence.text) for sentence in found[first : last + 1]):
                value += _CAUSE_BONUS
            if any(sentence.instruction for sentence in found[first : last + 1]):
                value -= 1
            if value > best[0] + 1e-9:
                best = (value, first, last)
    return best[1], best[2]
