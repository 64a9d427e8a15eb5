"""Which sentence of a passage is nearest to the question: the one that may stand alone in the answer."""

from __future__ import annotations

from fractions import Fraction

from functions.fusion.numbers import sentences
from shared.knowledge.terms import language_of, query_terms, stem_in
from shared.language.causes import asks_for_a_cause, names_a_cause
from shared.language.words import tokens

_SHORTEST_ROOT, _LONGEST_ENDING = 5, 3
"""``North`` is named by "northern" too: a root of at least so many letters, with an ending of at most so many."""


def nearest(text: str, question: str) -> str:
    """The sentence of ``text`` that is nearest to the question, or all of ``text`` where no sentence says it alone.

    What the question names (names and numbers) counts first, so that a sentence about the South never answers for the North; then
    its other words, and a cause where one is asked for. The more sentences hold a word, the less it weighs. All of the text comes
    back where several sentences are equally near, and where the nearest one names no cause though one is asked for.
    """
    parts = sentences(text)
    if len(parts) < 2:
        return text
    asked = tuple(term.alternatives for term in query_terms(question))
    names = _names((question, *parts))
    named = {i for i, forms in enumerate(asked) if forms[0].isdecimal() or not names.isdisjoint(forms)}
    words = [_forms(part) for part in parts]
    held = [{i for i, forms in enumerate(asked) if _holds(own, forms, as_name=i in named)} for own in words]
    weights = {i: Fraction(1, sum(i in one for one in held)) for i in set[int]().union(*held)}
    for_cause, causal = asks_for_a_cause(question), [names_a_cause(part) for part in parts]
    cause = Fraction(for_cause, sum(causal) or 1)
    scores = [
        (sum((weights[i] for i in one & named), Fraction()), sum((weights[i] for i in one - named), cause * says_why))
        for one, says_why in zip(held, causal, strict=True)
    ]
    best = [at for at, score in enumerate(scores) if score == max(scores)]
    return parts[best[0]] if len(best) == 1 and (causal[best[0]] or not for_cause) else text


def _forms(text: str) -> frozenset[str]:
    """A text's words, each also with its stems in the languages of the index, as ``query_terms`` gives them."""
    return frozenset(form for token in tokens(text) for form in (token.folded, stem_in(token.folded, "en"), stem_in(token.folded, "de")))


def _holds(words: frozenset[str], wanted: tuple[str, ...], *, as_name: bool) -> bool:
    if not words.isdisjoint(wanted):
        return True
    roots = tuple(form for form in wanted if as_name and len(form) >= _SHORTEST_ROOT and form.isalpha())
    return any(word.startswith(root) and len(word) - len(root) <= _LONGEST_ENDING for root in roots for word in words)


def _names(texts: tuple[str, ...]) -> frozenset[str]:
    """What is written with a capital somewhere behind a text's first word. In German that is every noun, which tells nothing."""
    found: set[str] = set()
    for text in texts:
        if language_of(text) != "de":
            found.update(_forms(" ".join(token.text for token in tokens(text)[1:] if token.text[:1].isupper())))
    return frozenset(found)
