"""BM25 over the chunks of the searched scopes.

The statistics are those of these scopes alone. A full-text index that is shared by all missions weighs words over everything that is
stored, so the same question on the same documents would get other scores after another mission, and one owner's search would tell of
another's documents.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.knowledge.port import QueryTerm

K1 = 1.2
B = 0.75
"""The usual constants (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that holds at least one term of the query."""

    id: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate's score, and the share of the query's weight that it holds."""

    id: str
    score: float
    coverage: float


def rank(query: Sequence[QueryTerm], candidates: Sequence[Candidate], *, chunks: int, mean_length: float) -> list[Ranked]:
    """All candidates, best first, ties by id. They must be all chunks of the scopes that match: their count is the document frequency.

    For the coverage a word weighs 1 to 2, the rarer the more: with plain frequencies a word that stands in every chunk of a small document
    would weigh nothing, and a document about the very subject of a question would seem to have nothing on it.
    """
    counts = [Counter(candidate.terms) for candidate in candidates]
    frequencies = [[_occurrences(term, count) for term in query] for count in counts]
    documents = [sum(1 for row in frequencies if row[i]) for i in range(len(query))]
    weights = [math.log(1 + (chunks - df + 0.5) / (df + 0.5)) for df in documents]
    most = math.log(1 + (chunks + 0.5) / 0.5)
    shares = [1 + weight / most for weight in weights]
    total = sum(shares) or 1.0
    ranked: list[Ranked] = []
    for candidate, row in zip(candidates, frequencies, strict=True):
        norm = K1 * (1 - B + B * len(candidate.terms) / (mean_length or 1.0))
        score = sum(w * f * (K1 + 1) / (f + norm) for w, f in zip(weights, row, strict=True) if f)
        if score > 0:
            held = sum(w for w, f in zip(shares, row, strict=True) if f)
            ranked.append(Ranked(candidate.id, round(score, 6), round(held / total, 6)))
    return sorted(ranked, key=lambda r: (-r.score, r.id))


def _occurrences(term: QueryTerm, counts: Counter[str]) -> int:
    if not term.prefix:
        return sum(counts[word] for word in term.alternatives)
    return sum(n for word, n in counts.items() if word.startswith(term.alternatives))
