"""Which sentences of a passage are quoted: as few as hold what was asked for, and those they lean on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from functions.deep_research.asked_for import Holds, holds_what_is_asked
from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.state import Candidate
from schemas.evidence import SubQuestion
from shared.knowledge.port import Hit, QueryTerm
from shared.knowledge.terms import index_terms, language_of, query_terms
from shared.language.causes import asks_for_a_cause, names_a_cause, without_asking_why

MAX_SENTENCES = 3
_COST_OF_A_SENTENCE = 0.12
"""What one more sentence has to add, as a share of the question's weight."""
_CAUSE_BONUS = 0.25
_HEADING_COUNTS = 0.5
"""How much a word counts that stands in the heading above a quote only."""
_OF_THE_BEST = 0.6
_LEAST = 0.4
"""Share of the question's weight below which a passage only shares a name with it ("Who is the CEO of IBM?" and any sentence on IBM)."""
_ONE_WORD = 0.6
"""Coverage of a question with a single word to look for: a match says little."""
_MIN_WORDS = 3
_MIN_CELLS = 2
"""Words of a table's row: "Lugano | 9" says something under its header."""
_LEADERS = re.compile(r"(?:\.\s?){4,}|(?:\s\.){3,}|…{2,}")
_CODE = re.compile(r"[;{}]\s*$|^\s*(?://|#!?\[|\$ |>>> |=|\d+ \|)|\w\(\w*(?:, ?\w+)*\)\s*[;{]?$")
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|this|these|those|he|she|his|her|there|then|so|er|sie|es|ihr|deren|dessen|dies\w*)\b", re.IGNORECASE
)
_LEANS = re.compile(
    r"(?:this|these|that|those|it|its|they|their|he|she|such|however|but|also|therefore|thus|hence|moreover|instead|both|"
    r"dies\w*|er|sie|es|dadurch|daher|deshalb|jedoch|aber|auch|somit|beide)\b",
    re.IGNORECASE,
)
_OPENING = re.compile(r"^(?:the definition of|figures (?:of|for)|evidence for what the data lack:)\s+", re.IGNORECASE)
"""How a request of the analysis begins: no passage is better for holding these words."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    text: str
    held: frozenset[int]
    instruction: bool
    says: bool
    """Whether it is a sentence or a table row: a contents line, a lone name or a stray number quotes nothing."""


@dataclass(frozen=True, slots=True)
class _Passage:
    hit: Hit
    sentences: list[_Sentence]
    heading: frozenset[int]


def with_context(questions: Sequence[SubQuestion], at: int) -> str:
    """The words to look for: a question that leans on the one before ("and who made it?") is read together with it."""
    text = without_asking_why(_OPENING.sub("", questions[at].text))
    if at > 0 and (_POINTS_BACK.search(text) or not query_terms(text)):
        return f"{with_context(questions, at - 1)} {text}"
    return text


def quotes_from(question: SubQuestion, query: Sequence[QueryTerm], hits: Sequence[Hit]) -> list[Candidate]:
    """At most one quote for each passage, best first; what holds much less of the question than the best is left out."""
    why, needed = asks_for_a_cause(question.text), holds_what_is_asked(question.text)
    own = frozenset(i for i, term in enumerate(query) if term.alternatives in {t.alternatives for t in query_terms(question.text)})
    passages = [_passage(hit, query) for hit in hits]
    weights = _weights(query, [sentence for passage in passages for sentence in passage.sentences])
    found = [
        c for passage in passages if (c := _candidate(question.id, passage, weights, own or frozenset(range(len(query))), why, needed))
    ]
    best = max((c.coverage for c in found if INSTRUCTION_LIKE not in c.flags), default=0.0)
    kept = [c for c in found if c.coverage >= max(_OF_THE_BEST * best, _LEAST)]
    return sorted(kept, key=lambda c: (INSTRUCTION_LIKE in c.flags, why and not c.causal, -c.coverage, -c.score, c.document_id, c.start))


def _passage(hit: Hit, query: Sequence[QueryTerm]) -> _Passage:
    """The passage's sentences and which terms of the query each holds.

    A row of a table that holds one itself says what the header above it says, too; without, it is about something else.
    """
    base = cast(int, hit.node.properties["start"])
    language = language_of(hit.node.text)
    columns = cast(str, hit.node.properties.get("columns", ""))
    above = _held(columns, language, query)
    found: list[_Sentence] = []
    for start, end in cast("list[list[int]]", hit.node.properties["sentences"]):
        text = hit.node.text[start - base : end - base]
        held = _held(text, language, query)
        said = sum(any(c.isalnum() for c in word) for word in text.split())
        if columns:
            says = said >= _MIN_CELLS and bool(held) and text != columns
            held |= above
        else:
            says = said >= _MIN_WORDS and not _LEADERS.search(text) and not _CODE.search(text)
        found.append(_Sentence(start, end, text, held, reads_like_instructions(text), says))
    headings = " ".join(str(part) for part in cast("list[str]", hit.node.properties["heading_path"]))
    return _Passage(hit, found, _held(headings, language, query))


def _held(text: str, language: str, query: Sequence[QueryTerm]) -> frozenset[int]:
    terms = {*index_terms(text, language), *index_terms(text, "en"), *index_terms(text, "de")}
    return frozenset(i for i, term in enumerate(query) if _holds(terms, term))


def _holds(terms: set[str], wanted: QueryTerm) -> bool:
    if wanted.prefix:
        return any(term.startswith(wanted.alternatives) for term in terms)
    return not terms.isdisjoint(wanted.alternatives)


def _weights(query: Sequence[QueryTerm], found: Sequence[_Sentence]) -> list[float]:
    """A term's weight among the sentences at hand, 1 to 2: what all of them hold tells them apart the least."""
    held = [sum(i in sentence.held for sentence in found) for i in range(len(query))]
    return [1 + math.log((len(found) + 1) / (count + 1)) / math.log(len(found) + 2) for count in held]


def _candidate(
    question_id: str, passage: _Passage, weights: list[float], own: frozenset[int], why: bool, needed: Holds | None
) -> Candidate | None:
    """The passage's best window; ``None`` if none of its sentences says anything that was asked for."""
    found, hit = passage.sentences, passage.hit
    window = _best_window(found, weights, own, why, needed)
    if window is None:
        return None
    first, last = window
    leant_on = frozenset(range(len(weights))) - own
    if leant_on and not leant_on & passage.heading.union(*(sentence.held for sentence in found)):
        return None  # it holds what is asked, but not of what
    if first > 0 and last - first + 1 < MAX_SENTENCES and _LEANS.match(found[first].text) and not found[first - 1].instruction:
        first -= 1
    quoted = found[first : last + 1]
    base = cast(int, hit.node.properties["start"])
    start, end = quoted[0].start, quoted[-1].end
    quote = hit.node.text[start - base : end - base]
    page = hit.node.properties["page"]
    held = {i for sentence in quoted for i in sentence.held}
    share = (sum(weights[i] for i in held) + _HEADING_COUNTS * sum(weights[i] for i in passage.heading - held)) / (sum(weights) or 1.0)
    return Candidate(
        question_id=question_id,
        document_id=hit.node.document or "",
        start=start,
        end=end,
        quote=quote,
        page=page if isinstance(page, int) else None,
        heading_path=tuple(str(part) for part in cast("list[str]", hit.node.properties["heading_path"])),
        score=hit.score,
        coverage=round(min(share, hit.coverage, 1.0 if len(weights) > 1 else _ONE_WORD), 6),
        causal=names_a_cause(quote),
        flags=(INSTRUCTION_LIKE,) if any(sentence.instruction for sentence in quoted) else (),
    )


def _best_window(
    found: list[_Sentence], weights: list[float], own: frozenset[int], why: bool, needed: Holds | None
) -> tuple[int, int] | None:
    """First and last sentence of the shortest window that holds the most; instructions only where nothing else is there."""
    total = sum(weights) or 1.0
    best = (-math.inf, 0, 0)
    for first in range(len(found)):
        held: set[int] = set()
        for last in range(first, min(first + MAX_SENTENCES, len(found))):
            if not found[last].says:
                break
            held |= found[last].held
            if not held & own or (needed and not any(s.held and needed(s.text) for s in found[first : last + 1])):
                continue
            value = sum(weights[i] for i in held) / total - _COST_OF_A_SENTENCE * (last - first)
            if why and any(names_a_cause(sentence.text) for sentence in found[first : last + 1]):
                value += _CAUSE_BONUS
            if any(sentence.instruction for sentence in found[first : last + 1]):
                value -= 1
            if value > best[0] + 1e-9:
                best = (value, first, last)
    return None if best[0] == -math.inf else (best[1], best[2])
