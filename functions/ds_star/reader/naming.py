"""A sheet that the question names: "in the sheet Sales 2025" says where to look, and its words say nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import View
from shared.language.words import words

_SHEET = frozenset({"sheet", "sheets", "worksheet", "tab"})
_PLACES = frozenset({"in", "from", "on", "within", "of", "for"})
_INSIDE = frozenset({"in", "from", "on", "within"})
_QUOTES = "\"“”`‘’'"
LONG = " (long)"
"""What the analyzer puts behind a table's name for its form with one row a period."""


@dataclass(frozen=True)
class Named:
    """The views of the sheet that is named, the question without its name, and what it is called."""

    sheet: str
    views: tuple[View, ...]
    sentence: Sentence


def sheet_of(view: View) -> str:
    """The sheet that the view's table stands in."""
    return view.source.table.removesuffix(LONG)


def named_sheet(sentence: Sentence, found: Sequence[View]) -> Named | None:
    """The sheet that the question names, the longest name first; ``None`` where it names none.

    Without the word "sheet" only a name of several words behind a preposition counts, and none that a column has too.
    """
    sheets = {sheet_of(view): view for view in found if view.is_sheet}
    for sheet in sorted(sheets, key=lambda s: (-len(_parts(s)), s)):
        span = _span(sentence, _parts(sheet), found)
        if span is not None:
            own = tuple(view for view in found if view.is_sheet and sheet_of(view) == sheet)
            return Named(sheet, own, Sentence.of(_without(sentence, *span), sentence.lexicon))
    return None


def unknown_sheet(sentence: Sentence, found: Sequence[View]) -> str | None:
    """Why no sheet was found where the question speaks of one: those that there are. ``None`` where it speaks of none."""
    sheets = list(dict.fromkeys(sheet_of(view) for view in found if view.is_sheet))
    taken = {part for view in found for column in view.columns for part in (*column.stems, *column.words)}
    says = any(
        sentence.word(i) in _SHEET and sentence.word(i - 1) in _PLACES | {"the"} and sentence.word(i) not in taken
        for i in range(len(sentence))
    )
    if len(sheets) < 2 or not says:
        return None
    return f"no sheet is called so; the sheets are {_quoted(sheets)}"


def which_sheet(sheets: Sequence[str], file: str) -> str:
    """What to ask where several sheets of one file fit."""
    return f'several sheets of {file} fit ({_quoted(sheets)}); name one in the question, as in: in the sheet "{sheets[-1]}"'


def _quoted(sheets: Sequence[str]) -> str:
    shown = [f'"{s}"' for s in sheets[:6]]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _parts(name: str) -> tuple[str, ...]:
    return tuple(w for w in words(name) if w[0].isalnum())


def _span(sentence: Sentence, name: tuple[str, ...], found: Sequence[View]) -> tuple[int, int] | None:
    """The tokens ``[start, end)`` that name the sheet, with the words that lead to it."""
    spoken = [i for i, token in enumerate(sentence.tokens) if token.folded[0].isalnum()]
    for at in range(len(spoken) - len(name) + 1) if name else ():
        inside = spoken[at : at + len(name)]
        if tuple(sentence.word(i) for i in inside) != name:
            continue
        start, end = inside[0], inside[-1] + 1
        marked = any((first, last) == (start, end) for first, last, _ in sentence.quoted)
        if sentence.word(start - 1) in _SHEET:
            start, marked = start - 1, True
        elif sentence.word(end) in _SHEET:
            end, marked = end + 1, True
        start -= sentence.word(start - 1) == "the"
        led = sentence.word(start - 1) in _PLACES
        if marked or (sentence.word(start - 1) in _INSIDE and _tells(sentence, name, found)):
            return start - led, end
    return None


def _tells(sentence: Sentence, name: tuple[str, ...], found: Sequence[View]) -> bool:
    """Whether the words can name nothing but the sheet: several, not a time alone ("June 2025"), not a column's."""
    timely = {p.words[0] for p in sentence.lexicon.grains} | set(sentence.lexicon.months)
    telling = [w for w in name if w[0].isalpha() and w not in timely]
    return len(name) > 1 and bool(telling) and not any(column.words == name for view in found for column in view.columns)


def _without(sentence: Sentence, start: int, end: int) -> str:
    """The question without these tokens and the quotes around them."""
    text, first, last = sentence.text, sentence.tokens[start].start, sentence.tokens[end - 1].end
    if last < len(text) and text[last] in _QUOTES:
        last += 1
        inside = text[first:last]
        if first > 0 and text[first - 1] in _QUOTES and sum(inside.count(q) for q in _QUOTES) == 1:
            first -= 1
    return f"{text[:first].rstrip()} {text[last:].lstrip()}".strip()
