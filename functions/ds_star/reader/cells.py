"""Words to cell values: "in Bern" means the column that holds "Bern"."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from functions.ds_star.operation import Filter
from functions.ds_star.reader.columns import TOO_CLOSE, Mention, fuzzy
from functions.ds_star.reader.negations import Negation, is_not, negation_before
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column, View
from schemas.base import Scalar
from shared.language.words import fold, stem, words

_NEAR = 3
"""Words between a column's name and its value, at most, in "the city of Bern"."""


_GOING_ON = frozenset({"and", "or", "nor", "in", "from", "of", "for", "the"})
"""What may stand between two values that one negation excludes."""
_PLACES = frozenset({"in", "from", "of", "for", "at", "on", "by", "to", "with", "the", "a", "an"})
_SCOPES = frozenset({"only", "just", "all", "every", "each", "both", "merely", "solely", "always", "exclusively", "necessarily", "but"})
"""Words behind "not" that make it say something else: "not only in Bern"."""


@dataclass(frozen=True)
class CellMention:
    """A value of a column that the question names. ``rivals`` hold the same value."""

    column: Column
    value: str
    start: int
    end: int
    score: float
    rivals: tuple[Column, ...] = ()


def find_cells(sentence: Sentence, view: View, mentions: tuple[Mention, ...]) -> tuple[CellMention, ...]:
    """The cell values that the question names, in its order; the longest first, exact before fuzzy."""
    found = [cell for column in view.columns for cell in _cells_of(column, sentence, mentions)]
    found.sort(key=lambda c: (c.start - c.end, -c.score, c.start, c.column.name))
    taken: set[int] = set()
    kept: list[CellMention] = []
    for cell in found:
        span = set(range(cell.start, cell.end))
        if taken & span:
            continue
        same = [c for c in found if (c.start, c.end) == (cell.start, cell.end) and c.score > cell.score - TOO_CLOSE]
        named = [c for c in same if _is_near(c, mentions)]
        chosen = named[0] if len({c.column.name for c in named}) == 1 else cell
        rivals = () if chosen in named else tuple({c.column.name: c.column for c in same if c.column is not chosen.column}.values())
        kept.append(CellMention(chosen.column, chosen.value, cell.start, cell.end, chosen.score, rivals))
        taken |= span
    return tuple(sorted(kept, key=lambda c: c.start))


def _is_near(cell: CellMention, mentions: tuple[Mention, ...]) -> bool:
    """Whether the question names the value's own column beside it."""
    return any(m.column is cell.column and (0 <= cell.start - m.end < _NEAR or 0 <= m.first - cell.end < _NEAR) for m in mentions)


def _cells_of(column: Column, sentence: Sentence, mentions: tuple[Mention, ...]) -> Iterator[CellMention]:
    """Where the question may name a value of ``column``."""
    if column.description.dtype not in ("string", "boolean", "integer") or column.is_time:
        return
    for value, value_words in column.cells:
        for start, end, quoted in sentence.quoted:
            if fold(quoted.strip()) == fold(value.strip()):
                yield CellMention(column, value, start, end, 1.0)
        for start in range(len(sentence) - len(value_words) + 1):
            score = _score(sentence, start, value, value_words, column, mentions)
            if score:
                yield CellMention(column, value, start, start + len(value_words), score)
        yield from _by_synonym(column, value, value_words, sentence)


def _score(
    sentence: Sentence, start: int, value: str, value_words: tuple[str, ...], column: Column, mentions: tuple[Mention, ...]
) -> float:
    """How well the words at ``start`` name ``value``; 0 where they do not."""
    end = start + len(value_words)
    said = tuple(word.removesuffix("'s") for word in sentence.words(start, end))
    if said == value_words:
        beside = any(m.column is column and (0 <= start - m.end <= 1 or 0 <= m.first - end <= 1) for m in mentions)
        return 1.0 if beside or _stands_alone(sentence, start, value, value_words) else 0.0
    if any(w[0].isdigit() for w in value_words) or min(map(len, value_words)) < 3:
        return 0.0
    if any(w in sentence.lexicon.stopwords or w in sentence.lexicon.neutral or not w for w in said):
        return 0.0
    if not _steers(sentence, said) and tuple(stem(w) for w in said) == tuple(stem(w) for w in value_words):
        return 0.95
    scores = [1.0 if a == b else fuzzy(a, b) for a, b in zip(said, value_words, strict=True)]
    return min(scores) * 0.95 if all(scores) and not _steers(sentence, said) else 0.0


def _steers(sentence: Sentence, said: tuple[str, ...]) -> bool:
    """Whether a single word has a meaning of its own in a question."""
    return len(said) == 1 and said[0] in sentence.lexicon.steering


def _stands_alone(sentence: Sentence, start: int, value: str, value_words: tuple[str, ...]) -> bool:
    """Whether a value is recognised without its column's name: not a bare number, not a word that steers unless it is capitalised."""
    if all(w[0].isdigit() for w in value_words):
        return False
    if len(value_words) > 1:
        return True
    if value_words[0] in sentence.lexicon.only_neutral:
        return True  # "the total of paid orders": what is a value of the table is never an idle word
    if _steers(sentence, value_words) or len(value_words[0]) <= 2:
        token = sentence.tokens[start]
        return start > 0 and token.text == value and token.text[:1].isupper() and value_words[0] not in {"a", "i"}
    return True


def _by_synonym(column: Column, value: str, value_words: tuple[str, ...], sentence: Sentence) -> Iterator[CellMention]:
    """``female`` or ``F`` for "women"."""
    written = " ".join(value_words)
    for group in sentence.lexicon.cell_synonyms:
        if written not in group:
            continue
        for other in sorted(group):
            said = words(other)
            if other == written or len(other) <= 2 or _steers(sentence, said):
                continue
            for start in range(len(sentence) - len(said) + 1):
                if sentence.words(start, start + len(said)) == said:
                    yield CellMention(column, value, start, start + len(said), 0.9)


def exclusion_of(sentence: Sentence, cell: CellMention, before: tuple[CellMention, Negation] | None) -> Negation | None:
    """What excludes a value: "except Bern", "not in Bern", "aren't from Bern"; in "not Bern or Chur" that of ``before`` goes on."""
    if before is not None and before[0].column is cell.column and set(sentence.words(before[0].end, cell.start)) <= _GOING_ON:
        sentence.explain(before[0].end, cell.start, "negation")
        return before[1]
    hits = [h for h in sentence.find(sentence.lexicon.comparisons, by_stem=False) if h.meaning == "!="]
    near = next((h for h in hits if 0 <= cell.start - h.end <= 2 and not _SCOPES & set(sentence.words(h.end, cell.start))), None)
    if near is not None:
        return Negation(near.start, near.end, of_verb=is_not(sentence.word(near.start)))
    start = cell.start
    while start > 0 and cell.start - start < 2 and sentence.word(start - 1) in _PLACES:
        start -= 1
    return negation_before(sentence, start)


def cell_filter(column: Column, cells: Sequence[CellMention], *, negative: bool = False) -> Filter | None:
    """The rows that hold one of the named values of ``column``, or not."""
    if not cells:
        return None
    values = tuple(dict.fromkeys(_typed(column, c.value) for c in cells))
    if negative:
        return Filter(column=column.name, op="!=", values=values[:1])
    return Filter(column=column.name, op="==" if len(values) == 1 else "in", values=values)


def _typed(column: Column, value: str) -> Scalar:
    """A described value in its column's own type; the description lists all values as text."""
    if column.description.dtype == "integer":
        try:
            return int(value)
        except ValueError:
            return value
    if column.description.dtype == "boolean" and value.casefold() in ("true", "false"):
        return value.casefold() == "true"
    return value
