"""How many: the sum of a column that counts, the different members of a column, or the rows; refused where a row stands for several."""

from __future__ import annotations

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.grains import grain_hits
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.specs import make_spec, sales_are_rows
from functions.ds_star.reader.views import Column, additive

_FREQUENCIES = frozenset({"freq", "frequency", "count", "counts"})
"""Names of columns that say how many a row stands for."""
_ROWS = frozenset({"rows", "row", "records", "record", "entries", "entry", "lines", "line"})
_EACH_ONCE = frozenset({"different", "distinct", "unique"})
_QUANTITIES = frozenset({"quantity", "quantities", "qty", "pieces", "pcs", "units"})
_SOLD = frozenset({"sold", "sell", "sells", "bought", "buy", "buys", "purchased"})
_PRODUCTS = frozenset({"product", "item", "articl", "sku"})
"""Stems of names of columns whose members are sold, and do not sell."""
_NOT_ROWS = frozenset(
    {
        "column",
        "field",
        "variabl",
        "tabl",
        "file",
        "categori",
        "group",
        "kind",
        "valu",
        "part",
        "level",
        "thing",
        "figur",
        "statist",
        "unit",
        "period",
    }
)
"""Stems of nouns that may stand in a question about data and that are no word for its rows."""


def count_spec(sentence: Sentence, slots: Slots, by: tuple[str, ...]) -> OperationSpec:
    """How many: the sum of a column that counts, else the distinct members of a named column, else the rows."""
    leads = [sentence.words(h.start - 2, h.start) for h in grain_hits(sentence) if h.end - h.start == 1]
    if any(lead[-1:] == ("many",) or lead == ("number", "of") for lead in leads):
        raise Refused("unsuitable", "it counts periods, and only rows, members and sums are counted; ask for a count by period")
    noun = next((h.end for h in sentence.find(sentence.lexicon.operations, free=False) if h.meaning == "count"), len(sentence))
    different = False
    while sentence.word(noun) in _EACH_ONCE | {"the"}:
        if sentence.word(noun) in _EACH_ONCE:
            sentence.explain(noun, noun + 1, "cue")
            different = True
        noun += 1
    if noun < len(sentence) and sentence.stems[noun] in _NOT_ROWS and sentence.explained.get(noun) is None and not slots.measures:
        raise Refused("unmatched", f'"{sentence.tokens[noun].text}" is no word for the rows or members of this table')
    if different and slots.measures:
        raise Refused("unsuitable", f'the different numbers of "{slots.measures[0].name}" are not counted, only different members')
    sales_are_rows(sentence, slots, noun)
    counted = [m for m in slots.measures if additive(m, sentence.lexicon)]
    if len(slots.measures) == 1 and _counts_values(sentence, slots):
        return make_spec(slots, "count", measure=slots.measures[0], by=by)
    if slots.measures and not counted:
        raise Refused(
            "unsuitable",
            f'"{slots.measures[0].name}" holds measurements, which are not counted; ask for its mean, or for the number of rows',
        )
    if counted:
        return make_spec(slots, "sum", measure=counted[0], by=by)
    if not slots.measures and (pieces := _pieces(sentence, slots, noun)) is not None:
        return make_spec(slots, "sum", measure=pieces, by=by)
    members = [
        c
        for c in (*slots.ids, *slots.groups, *([slots.which] if slots.which else []))
        if c.name not in by and _is_counted(sentence, slots, c)
    ]
    if members and not names_rows(members[0], slots):
        return make_spec(slots, "count", by=by, entity=members[0])
    if different and not members:
        named = f'"{sentence.tokens[noun].text}"' if noun < len(sentence) else "the question"
        raise Refused("unsuitable", f"{named} names no column whose different members could be counted")
    _rows_are_single(sentence, slots)
    return make_spec(slots, "count", by=by)


def _pieces(sentence: Sentence, slots: Slots, noun: int) -> Column | None:
    """The quantity that "how many lamps were sold" adds up, where rows hold several; ``None`` where rows or members are counted.

    Raises ``Refused`` where it may as well be the rows.
    """
    said = {t.folded for t in sentence.tokens}
    quantity = next((c for c in slots.view.columns if c.is_measure and set(c.words) & _QUANTITIES), None)
    if quantity is None or said & (_ROWS | _EACH_ONCE | {"often"}):
        return None
    end = max((c.end for c in slots.cells if c.start <= noun < c.end), default=noun)
    by_value = end > noun and not (slots.view.calls_its_rows(sentence.word(end)) or sentence.word(end) in sentence.lexicon.row_words)
    product = any(m.first == noun and _PRODUCTS & set(m.column.stems) for m in slots.mentions)
    if not _SOLD & said and not by_value:
        return None
    bare = sentence.word(noun) in sentence.lexicon.stopwords  # "how many were sold"
    if (by_value or bare) and _SOLD & said:
        slots.notes.append(f'how many were sold is taken from "{quantity.name}"')
        return quantity
    if by_value or product:
        raise Refused(
            "ambiguous",
            f'a row holds as many as "{quantity.name}" says; ask for the total of "{quantity.name}", or for the number of rows',
        )
    return None


def _rows_are_single(sentence: Sentence, slots: Slots) -> None:
    """Refuses to count the rows of a table that says how many each of them stands for, unless rows are asked for."""
    frequency = next((c for c in slots.view.columns if c.is_measure and c.words and c.words[-1] in _FREQUENCIES), None)
    if frequency is not None and not _ROWS & {t.folded for t in sentence.tokens}:
        raise Refused("unsuitable", f'a row stands for as many as "{frequency.name}" says; ask for the total of "{frequency.name}"')


def _is_counted(sentence: Sentence, slots: Slots, column: Column) -> bool:
    """Whether "how many" speaks of the column, and not of rows that have it or lack it ("how many penguins have no sex")."""
    places = [m.first for m in slots.mentions if m.column is column or column in m.rivals]
    between = [sentence.words(0, place) for place in places]
    return not any(
        {"have", "has", "had", "having", "with", "without", "no", "lack", "lacks", "lacking"} & set(said[-3:]) for said in between
    )


def _counts_values(sentence: Sentence, slots: Slots) -> bool:
    """Whether it is "how many observations of co2": the rows that hold a value."""
    first = min((m.first for m in slots.mentions if m.column is slots.measures[0]), default=0)
    before = [w for w in sentence.words(0, first) if w not in {"the", "there", "are"}]
    return len(before) >= 2 and before[-1] in {"of", "for", "with"} and before[-2] in sentence.lexicon.row_words | {"values", "readings"}


def names_rows(column: Column, slots: Slots) -> bool:
    """Whether each row is one member of the column, so that rows are counted."""
    return column.description.distinct == slots.view.rows and not slots.view.join
