"""The words of a question that nothing explains, and what the data would have to hold for them: a definition, a column, figures."""

from __future__ import annotations

from collections.abc import Sequence

from functions.ds_star.reader.lacking import figures_of, text_of
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.units import units_asked
from schemas.mission import ReadingHints
from shared.language.words import fold, words

MAX_LACKS = 2
"""Phrases of one refusal. Where more is missing, the question is about something else than these data."""


def left_over(sentence: Sentence, slots: Slots, hints: ReadingHints) -> list[tuple[int, int]]:
    """Where words stand that carry meaning and that nothing explains, as ``[start, end)``; what is in quotes stays together."""
    lexicon = sentence.lexicon
    understood = lexicon.stopwords | lexicon.neutral | lexicon.question_words | lexicon.task_words | lexicon.row_words
    unit_words = {w for p in lexicon.units for w in p.words} | set(words(" ".join(c.description.unit or "" for c in slots.view.columns)))
    hits = lexicon.find((*lexicon.grains, *lexicon.grouping, *lexicon.filter_words), sentence.tokens)
    small = {i for h in hits if h.meaning != "half" for i in range(h.start, h.end)}  # a half may be one of anything
    asked = {i for h in units_asked(sentence) for i in range(h.start, h.end)}  # "in HR" is no hour
    left = [
        (i, i + 1)
        for i, token in enumerate(sentence.tokens)
        if i not in sentence.explained
        and i not in slots.soft
        and token.folded.removesuffix("'s") not in understood
        and (token.folded not in unit_words or i in asked)
        and not slots.view.calls_its_rows(token.folded)
        and not (token.folded in lexicon.measure_nouns and sentence.explained.get(i - 1) == "column")
        and (token.folded[0].isalnum())
        and i not in small
    ]
    for start, end, quoted in sentence.quoted:
        if not any(i in sentence.explained for i in range(start, end)) and fold(quoted) not in (
            fold(slots.view.source.file),
            fold(slots.view.source.table),
        ):
            left.append((start, end))
    if hints.measure is not None:  # the user said what is meant; a name or a number may still be a condition
        left = [(start, end) for start, end in left if not text_of(sentence, start, end).islower()]
    return left


def lacks_of_words(sentence: Sentence, slots: Slots, left: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """What the unexplained words stand for: figures for a name or a number, the definition of anything else.

    Nothing where no word of the question is about the table: then it is research's own question as it stands.
    """
    spans = _together(left)
    about = bool(slots.mentions or slots.cells) or any(slots.view.calls_its_rows(token.folded) for token in sentence.tokens)
    if not about or len(spans) > MAX_LACKS:
        return ()
    return tuple(dict.fromkeys(_phrase(sentence, slots, start, end) for start, end in spans))


def lacking_column(sentence: Sentence, left: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Figures of what the unexplained words name: it is measured, and no column is called so."""
    spans = [(start, end) for start, end in _together(left) if not sentence.tokens[start].is_number]
    return tuple(f'figures of "{text_of(sentence, start, end)}"' for start, end in spans) if len(spans) <= MAX_LACKS else ()


def _phrase(sentence: Sentence, slots: Slots, start: int, end: int) -> str:
    first = sentence.tokens[start]
    if first.is_number:
        return figures_of(sentence, slots.mentions, slots.measures, f"for {text_of(sentence, start, end)}")
    if start > 0 and first.text[:1].isupper():
        return figures_of(sentence, slots.mentions, slots.measures, f'for "{text_of(sentence, start, end)}"')
    return f'the definition of "{text_of(sentence, start, _with_noun(sentence, slots, end))}"'


def _with_noun(sentence: Sentence, slots: Slots, end: int) -> int:
    """The end with the noun that the words describe: "active" alone may be anything, "active customers" may not."""
    lexicon, word = sentence.lexicon, sentence.word(end)
    if not word or not word[0].isalpha() or sentence.text[sentence.tokens[end - 1].end : sentence.tokens[end].start].strip():
        return end
    if slots.view.calls_its_rows(word) or word in lexicon.row_words or sentence.explained.get(end) == "column":
        return end + 1
    small = lexicon.stopwords | lexicon.neutral | lexicon.question_words | lexicon.task_words
    return end if word in small or end in sentence.explained else end + 1


def _together(left: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Neighbouring spans as one, in the order of the question."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(left):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
