"""What code asks of a model's claim before anybody judges it: its quote stands in the text, and all its figures stand in the quote."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.locate import letters_of, locate, whole_sentences
from functions.deep_research.state import Candidate, ModelClaim, Passage
from shared.knowledge.terms import index_terms, language_of
from shared.language.detect import detect_language
from shared.language.numbers import NumberSources, numerals, unsourced
from shared.reading.sentences import sentences

Nature = Literal["fact", "inference", "hypothesis"]
DROPPED: Mapping[str, str] = {
    "passage": "the passage was not listed",
    "quote": "the quote does not stand word for word in the passage that is named, or is shorter than three words",
    "figure": "the claim states a figure that its quote does not hold",
    "language": "the claim is not in the language of the question",
    "reader": "the claim or its quote tells its reader what to do, or the claim points to an address that its quote does not hold",
}
"""Why a claim is dropped; the model is told in these words."""
NEAR_DUPLICATE = 0.8
SAME_IF_TOLD = 0.3
"""Share of common words from which two claims are one: by itself, and where an auditor says that they are."""
MAX_QUOTES = 3
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s)>\]]+|\b[\w.-]+@[\w-]+\.\w+|\b[\w-]+\.(?:com|org|net|io|ru|cn)\b(?:/\S*)?", re.IGNORECASE)
_TELLING_WORDS = 6
"""From so many words on, a sentence tells its language."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A passage as a prompt listed it."""

    passage: Passage
    text: str


@dataclass(frozen=True, slots=True)
class Stated:
    """A claim as a model stated it."""

    passage: str
    quote: str
    text: str
    nature: Nature


@dataclass(frozen=True, slots=True)
class Author:
    """Who states claims: the tier of the models, and the prompt."""

    tier: str
    prompt_version: str


@dataclass(frozen=True, slots=True)
class Checked:
    """The claims that stand, and how many do not, by reason (``DROPPED``)."""

    claims: tuple[ModelClaim, ...]
    dropped: Counter[str]


def checked(stated: Iterable[Stated], listed: Mapping[str, Listed], *, question_id: str, language: str, author: Author) -> Checked:
    """The claims whose quotes and figures stand, each once."""
    kept: dict[str, ModelClaim] = {}
    dropped: Counter[str] = Counter()
    for one in stated:
        found = _checked(one, listed, question_id, language, author)
        if isinstance(found, str):
            dropped[found] += 1
        else:
            kept.setdefault(letters_of(found.text), found)
    return Checked(tuple(kept.values()), dropped)


def _checked(stated: Stated, listed: Mapping[str, Listed], question_id: str, language: str, author: Author) -> ModelClaim | str:
    source = listed.get(stated.passage)
    if source is None:
        return "passage"
    quote = _quoted(stated.quote, source, question_id)
    if quote is None:
        return "quote"
    text = " ".join(stated.text.split())
    if unsourced(text, NumberSources.of([quote.quote])):
        return "figure"
    speaks_to_reader = reads_like_instructions(text) or reads_like_instructions(quote.quote)
    if speaks_to_reader or not _addresses(text) <= _addresses(quote.quote):
        return "reader"
    verbatim = is_verbatim(text, quote.quote)
    if not verbatim and in_other_language(text, language):
        return "language"
    poisoned = INSTRUCTION_LIKE in quote.flags
    return ModelClaim(
        question_id=question_id,
        text=text,
        nature=stated.nature,
        quotes=(quote,),
        support="verbatim" if verbatim and not poisoned else "unchecked",
        judged=verbatim or poisoned,
        tier=author.tier,
        prompt_version=author.prompt_version,
    )


def _quoted(quote: str, source: Listed, question_id: str) -> Candidate | None:
    """The quote at its offsets in the document's text, as whole sentences; ``None`` where the passage does not hold it."""
    passage, text = source.passage, source.text
    place = locate(quote, text)
    if place is None:
        return None
    span = whole_sentences((place[0] + passage.start, place[1] + passage.start), passage.sentences)
    if span is None:
        return None
    return Candidate(
        question_id=question_id,
        document_id=passage.document_id,
        start=span[0],
        end=span[1],
        quote=text[span[0] - passage.start : span[1] - passage.start],
        page=passage.page,
        heading_path=passage.heading_path,
        score=passage.score,
        coverage=passage.coverage,
        flags=passage.flags,
    )


def is_verbatim(text: str, quote: str) -> bool:
    """Whether the claim is the quote: whole sentences of it in a row. A half sentence is not: its other half may turn it around."""
    wanted = letters_of(text)
    found = [letters_of(quote[start:end]) for start, end in sentences(quote)]
    return bool(wanted) and any(
        "".join(found[first:last]) == wanted for first in range(len(found)) for last in range(first + 1, len(found) + 1)
    )


def _addresses(text: str) -> set[str]:
    return {found.casefold().rstrip(".,;:") for found in _ADDRESS.findall(text)}


def in_other_language(text: str, language: str) -> bool:
    """Whether a text that is long enough to tell is in another language than ``language``."""
    return len(text.split()) >= _TELLING_WORDS and detect_language(text) != language


def safe_remark(text: str, language: str) -> str:
    """A model's own words for the reader, on one line; empty where they tell the reader what to do, point somewhere, or are foreign."""
    line = " ".join(text.split())
    unfit = reads_like_instructions(line) or _ADDRESS.search(line) or in_other_language(line, language)
    return "" if unfit else line


def shares_nothing(text: str, quote: str) -> bool:
    """Whether claim and quote, in one language, have no telling word in common: then no verdict makes the one follow from the other."""
    return detect_language(text) == detect_language(quote) and _words(text).isdisjoint(_words(quote))


def is_same(first: ModelClaim, second: ModelClaim, *, told: bool) -> bool:
    """Whether two claims of a sub-question say the same; with ``told`` an auditor says so. Claims with other figures never do."""
    if letters_of(first.text) == letters_of(second.text):
        return True
    if _figures(first.text) != _figures(second.text):
        return False
    ours, theirs = _words(first.text), _words(second.text)
    common = len(ours & theirs) / (len(ours | theirs) or 1)
    return common >= (SAME_IF_TOLD if told else NEAR_DUPLICATE)


def with_quotes_of(first: ModelClaim, second: ModelClaim) -> ModelClaim:
    """The first claim, with what supports the second one as well."""
    quotes = {(q.document_id, q.start, q.end): q for q in (*second.quotes[::-1], *first.quotes[::-1])}
    return first.model_copy(update={"quotes": tuple(quotes.values())[::-1][:MAX_QUOTES]})


def without_doubles(claims: Sequence[ModelClaim]) -> tuple[ModelClaim, ...]:
    """Each claim of a sub-question once, what holds first; where two that hold say the same, both quotes support it.

    A claim that is still to be judged stays beside one that says the same with another quote: that one may fail where it holds.
    """
    kept: list[ModelClaim] = []
    for claim in sorted(claims, key=lambda c: not c.holds):
        same = next((i for i, other in enumerate(kept) if _is_double(other, claim)), None)
        if same is None:
            kept.append(claim)
        elif claim.holds:
            kept[same] = with_quotes_of(kept[same], claim)
    return tuple(kept)


def _is_double(kept: ModelClaim, claim: ModelClaim) -> bool:
    if kept.question_id != claim.question_id or not is_same(kept, claim, told=False):
        return False
    return claim.judged or any((q.document_id, q.start) == (claim.quotes[0].document_id, claim.quotes[0].start) for q in kept.quotes)


def _figures(text: str) -> set[str]:
    return {str(n.readings[0].normalize()) if n.readings else n.text for n in numerals(text)}


def _words(text: str) -> frozenset[str]:
    return frozenset(index_terms(text, language_of(text)))
