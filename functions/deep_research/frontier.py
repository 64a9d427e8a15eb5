"""The frontier: which queries are put for a sub-question, and which passages are read next for it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.searching import Library
from functions.deep_research.state import ModelClaim, Passage, Reading, Study
from shared.knowledge.port import Hit
from shared.knowledge.terms import index_terms, query_terms
from shared.models.prompts import PromptValue, clean

MAX_QUERIES = 5
"""The question's own words, and four that a planner adds."""
MAX_LEADS = 4
"""Queries that readers add in a sub-question's whole study."""
MAX_QUERY_CHARS = 160
PASSAGES_AT_ONCE = 8
PASSAGES_BYTES = 24_000
"""What one reader is given: at most so many passages, and so many bytes of them (one passage at least)."""
ENOUGH_CLAIMS = 6
MAX_IDLE_ROUNDS = 2
_SAME = 0.8
_RANK_OFFSET = 60
"""The usual constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""
_SHOWN_PLACE = 200


def orthogonal(known: Sequence[str], proposed: Iterable[str], *, at_most: int) -> tuple[str, ...]:
    """``known``, and the proposals that ask for something else than any query before them, up to ``at_most`` in all."""
    kept = list(known)
    asked = [_asked(query) for query in kept]
    for query in proposed:
        line = " ".join(query.split())[:MAX_QUERY_CHARS]
        terms = _asked(line)
        if len(kept) < at_most and terms and not any(_common(terms, other) >= _SAME for other in asked):
            kept.append(line)
            asked.append(terms)
    return tuple(kept)


def _asked(query: str) -> frozenset[str]:
    """The shortest stem of each word that is asked for."""
    return frozenset(min(term.alternatives, key=lambda stem: (len(stem), stem)) for term in query_terms(query))


def is_open(study: Study, claims: Iterable[ModelClaim]) -> bool:
    """Whether more reading may help a sub-question: it is not covered, and there is something new to read."""
    return not (study.exhausted or study.idle >= MAX_IDLE_ROUNDS or is_covered(study, claims))


def is_covered(study: Study, claims: Iterable[ModelClaim]) -> bool:
    """Whether what holds is enough: a reader called it a full answer, or there is much of it. Hypotheses answer nothing."""
    holding = sum(claim.holds and claim.nature != "hypothesis" for claim in claims if claim.question_id == study.question_id)
    return holding > 0 and (study.answered == "fully" or holding >= ENOUGH_CLAIMS)


def next_reading(library: Library, study: Study, *, wide: bool) -> Reading:
    """The best passages for all queries together that were not read yet; what nearly repeats another passage is left out."""
    ranks: dict[str, float] = {}
    hits: dict[str, Hit] = {}
    for query in study.queries:
        for rank, hit in enumerate(library.search(query, k=2 * PASSAGES_AT_ONCE + len(study.read), wide=wide)):
            ranks[hit.node.id] = ranks.get(hit.node.id, 0.0) + 1 / (_RANK_OFFSET + rank)
            known = hits.get(hit.node.id)
            hits[hit.node.id] = hit if known is None or hit.coverage > known.coverage else known
    chosen: list[Passage] = []
    seen: list[frozenset[str]] = []
    room = PASSAGES_BYTES
    for own in sorted(hits, key=lambda node: (-round(ranks[node], 12), node)):
        hit = hits[own]
        words = frozenset(index_terms(hit.node.text, "en"))
        if any(_common(words, other) >= _SAME for other in seen):
            continue
        size = len(clean(json.dumps(hit.node.text, ensure_ascii=False)).encode())
        if own not in study.read and (len(chosen) >= PASSAGES_AT_ONCE or (chosen and size > room)):
            break
        seen.append(words)
        if own not in study.read:
            chosen.append(_passage(hit))
            room -= size
    library.take(passage.document_id for passage in chosen)
    return Reading(question_id=study.question_id, passages=tuple(p for p in chosen if library.knows(p.document_id)))


def _passage(hit: Hit) -> Passage:
    about: Mapping[str, object] = hit.node.properties
    page = about["page"]
    return Passage(
        id=hit.node.id,
        document_id=hit.node.document or "",
        start=cast(int, about["start"]),
        end=cast(int, about["end"]),
        page=page if isinstance(page, int) else None,
        heading_path=tuple(cast("list[str]", about["heading_path"])),
        sentences=tuple((start, end) for start, end in cast("list[list[int]]", about["sentences"])),
        score=hit.score,
        coverage=hit.coverage,
        flags=(INSTRUCTION_LIKE,) if reads_like_instructions(hit.node.text) else (),
    )


def _common(first: frozenset[str], second: frozenset[str]) -> float:
    return len(first & second) / len(first | second) if first and second else 0.0


def place_of(title: str, page: int | None, heading_path: Sequence[str]) -> dict[str, PromptValue]:
    """Where a passage stands, as prompts say it."""
    place: dict[str, PromptValue] = {"document": title[:_SHOWN_PLACE]}
    if page is not None:
        place["page"] = page
    if heading_path:
        place["under"] = " > ".join(heading_path)[-_SHOWN_PLACE:]
    return place
