"""What code can tell of a claim that its quote says the opposite of, or says of something else: no verdict makes it follow."""

from __future__ import annotations

from functions.deep_research.assertions import parse_assertion
from schemas.assertion import Assertion
from shared.knowledge.terms import index_terms
from shared.language.words import tokens
from shared.reading.sentences import sentences

_NEGATIONS = frozenset({"not", "no", "never", "neither", "nor", "nobody", "none", "without"})


def contradicts(text: str, quote: str) -> bool:
    """Whether the quote denies what the claim says, in the claim's own words, or asserts another direction, or of another entity.

    Conservative: ``False`` wherever a sentence is not plain.
    """
    said = [quote[start:end] for start, end in sentences(quote)]
    return any(_denies(text, sentence) for sentence in said) or _asserts_otherwise(text, said)


def _denies(text: str, sentence: str) -> bool:
    """The same telling words, and a negation in one of the two alone."""
    return _negated(text) != _negated(sentence) and _terms(text) == _terms(sentence)


def _asserts_otherwise(text: str, said: list[str]) -> bool:
    claimed = parse_assertion(text)
    quoted = [found for found in map(parse_assertion, said) if found is not None]
    if claimed is None or len(quoted) != 1 or not _same(claimed.measure, quoted[0].measure):
        return False
    return {claimed.direction, quoted[0].direction} == {"up", "down"} or _of_another(claimed, quoted[0])


def _of_another(claimed: Assertion, quoted: Assertion) -> bool:
    """Whether both name an entity, each with a word that the other does not have: "South region" is not "North region"."""
    if claimed.entity is None or quoted.entity is None:
        return False
    ours, theirs = _terms(claimed.entity), _terms(quoted.entity)
    return bool(ours - theirs) and bool(theirs - ours) and bool(ours & theirs)


def _same(first: str | None, second: str | None) -> bool:
    return first is not None and second is not None and first.casefold() == second.casefold()


def _negated(text: str) -> bool:
    return any(t.folded in _NEGATIONS or t.folded.endswith("n't") for t in tokens(text))


def _terms(text: str) -> frozenset[str]:
    return frozenset(term for term in index_terms(text, "en") if term not in _NEGATIONS)
