"""The words a passage is found by: folded stems without small words, the same for what is stored and what is asked."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from shared.knowledge.port import QueryTerm
from shared.language.lexicon import load_lexicon
from shared.language.words import fold, stem, tokens

_GERMAN_SMALL = frozenset(
    fold(word)
    for word in """
    aber alle als also am an auch auf aus bei beim bin bis bist da damit dann das dass dein dem den denn der des die dies
    diese dieser dieses dir doch du durch ein eine einem einen einer eines er es etwas euer für gegen haben hat hatte hatten
    ich ihr ihre ihrem ihren im in ist ja jede jeder jedes kann kein keine können man mehr mein mit nach nicht noch nur ob
    oder sehr sein seine seit sich sie sind so über um und uns unter vom von vor war waren warum was weil wenn wer werden wie
    wieder wird wo wurde wurden zu zum zur zwischen
    """.split()
)
_ENGLISH_TELLING = frozenset("the of and to in is was were are that for with by from this which it as has have been".split())
_GERMAN_TELLING = frozenset("der die das und ist war den von mit dem des nicht ein eine zu im wird wurde sich auf fur".split())
_ASKING = frozenset(
    "according document documents documentation report reports say says said state states text texts tell describe explain mention "
    "mentions mentioned source sources paper papers file files evidence literature please find give list show question answer".split()
)
"""Words that speak of the reading and not of the matter: no passage is better for holding them."""
MAX_QUERY_TERMS = 48


def language_of(text: str) -> str:
    """``de`` where German small words outnumber English ones, else ``en``: only the stems depend on it."""
    counts = Counter(token.folded for token in tokens(text[:20_000]))
    german = sum(counts[word] for word in _GERMAN_TELLING)
    return "de" if german > sum(counts[word] for word in _ENGLISH_TELLING) else "en"


def index_terms(text: str, language: str) -> tuple[str, ...]:
    """The stems of a passage, in order, repeated as they occur."""
    small = _small(language)
    return tuple(stem_in(t.folded, language) for t in tokens(text) if t.folded not in small and t.folded[-1].isalnum())


def query_terms(question: str, *, prefix: bool = False) -> tuple[QueryTerm, ...]:
    """What a question asks for. Each word stands with its stems in all languages of the index, since a text may be in any of them."""
    lexicon = load_lexicon("en")
    small = _small("en") | _small("de") | lexicon.question_words | _ASKING
    found: dict[tuple[str, ...], QueryTerm] = {}
    for token in tokens(question):
        if token.folded in small or not token.folded[-1].isalnum() or (len(token.folded) == 1 and not token.is_number):
            continue
        alternatives = tuple(sorted({token.folded, stem_in(token.folded, "en"), stem_in(token.folded, "de")}))
        wide = prefix and len(min(alternatives, key=len)) >= 5 and not token.is_number
        found.setdefault(alternatives, QueryTerm(alternatives, prefix=wide))
    return tuple(found.values())[:MAX_QUERY_TERMS]


@lru_cache(maxsize=65_536)
def stem_in(word: str, language: str) -> str:
    """The stem of a folded word in one of the languages of the index."""
    if language != "de":
        return stem(word, "en")
    if any(c.isdigit() for c in word):
        return word
    import snowballstemmer

    stemmed: str = snowballstemmer.stemmer("german").stemWord(word)
    return stemmed or word


@lru_cache(maxsize=4)
def _small(language: str) -> frozenset[str]:
    return _GERMAN_SMALL if language == "de" else load_lexicon("en").stopwords


def salient_terms(text: str, language: str, *, at_most: int = 8) -> tuple[str, ...]:
    """The terms by which a passage is linked to others: names, codes and long words, each judged by this passage alone.

    They need no statistics of the collection, so that adding a document never changes the links of another.
    """
    small = _small(language)
    weights: Counter[str] = Counter()
    sentence_start = True
    for token in tokens(text):
        word = token.folded
        if not word[-1].isalnum() or word in small or token.is_number:
            sentence_start = False
            continue
        code = any(c.isdigit() for c in word) or (token.text.isupper() and len(word) > 1)
        name = token.text[:1].isupper() and not sentence_start and language != "de"
        if code or name or len(word) >= 7:
            weights[stem_in(word, language)] += 3 if code else 2 if name else 1
        sentence_start = text[token.end : token.end + 1] in (".", "!", "?")
    ranked = sorted(weights, key=lambda term: (-weights[term], -len(term), term))
    return tuple(ranked[:at_most])
