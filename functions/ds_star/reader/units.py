"""Units in a question: "heavier than 5 kg" of a column in grams is above 5000, and never above 5."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.views import Column
from shared.language.lexicon import Hit, Lexicon
from shared.language.words import words

_DIMENSIONS = MappingProxyType(
    {
        "milligram": ("mass", 1e-3, 0.0),
        "gram": ("mass", 1.0, 0.0),
        "kilogram": ("mass", 1e3, 0.0),
        "tonne": ("mass", 1e6, 0.0),
        "pound": ("mass", 453.59237, 0.0),
        "millimetre": ("length", 1e-3, 0.0),
        "centimetre": ("length", 1e-2, 0.0),
        "metre": ("length", 1.0, 0.0),
        "kilometre": ("length", 1e3, 0.0),
        "inch": ("length", 0.0254, 0.0),
        "foot": ("length", 0.3048, 0.0),
        "mile": ("length", 1609.344, 0.0),
        "second": ("duration", 1.0, 0.0),
        "minute": ("duration", 60.0, 0.0),
        "hour": ("duration", 3600.0, 0.0),
        "celsius": ("temperature", 1.0, 0.0),
        "fahrenheit": ("temperature", 5 / 9, -160 / 9),
    }
)
"""What a unit of the lexicon measures, and how it becomes the base unit: ``value * factor + offset`` (exact by definition)."""
_NO_SCALE = frozenset({"degree", "degrees"})
"""Words that leave open which of two units is meant: the column's own."""
_DURATIONS = MappingProxyType({"days": "day", "weeks": "week", "months": "month", "quarters": "quarter"})


def unit_named(text: str, lexicon: Lexicon) -> str | None:
    """The lexicon's name of the unit that ``text`` spells, whole; ``None`` where it is none or leaves it open."""
    parts = words(text)
    if not parts or (len(parts) == 1 and parts[0] in _NO_SCALE):
        return None
    return next((p.meaning for p in lexicon.units if parts in (p.words, tuple(f"{w}s" for w in p.words))), None)


def in_unit_of(column: Column, value: int | float, asked: str, lexicon: Lexicon) -> int | float:
    """``value``, said in the unit ``asked``, in the unit of ``column``. A column without a known unit takes the number as it stands.

    ``Refused`` where the two do not measure the same.
    """
    said, own = unit_named(asked, lexicon), unit_named(column.description.unit or "", lexicon)
    if said is None or own is None or said == own:
        return value
    here, there = _DIMENSIONS.get(said), _DIMENSIONS.get(own)
    if here is None or there is None or here[0] != there[0]:
        unit = column.description.unit
        lacks = (f'"{column.name}" in {asked}, or how {unit} is converted to {asked}',)
        raise Refused("unsuitable", f'"{column.name}" is in {unit}, and the question names {asked}', lacks=lacks)
    found = float(f"{(value * here[1] + here[2] - there[2]) / there[1]:.10g}")
    return int(found) if found.is_integer() else found


def units_asked(sentence: Sentence) -> list[Hit]:
    """The units that the answer is wanted in: "in inches", and never "in per cent"."""
    hits = sentence.lexicon.find(sentence.lexicon.units, sentence.tokens)
    return [
        h
        for h in hits
        if sentence.word(h.start - 1) == "in"
        and h.meaning != "percent"
        and h.text.casefold() not in _NO_SCALE
        and any(i not in sentence.explained for i in range(h.start, h.end))
    ]


def refuse_other_unit(sentence: Sentence, measures: Sequence[Column]) -> None:
    """Refuses "the total rain in inches" of a column in millimetres, or of one without a unit: the figure would be in another one."""
    for hit in units_asked(sentence):
        fitting = [m for m in measures if unit_named(m.description.unit or "", sentence.lexicon) == hit.meaning]
        if measures and not fitting:
            unit = measures[0].description.unit
            holds = f"is in {unit}" if unit else "does not say in which unit it is"
            so = "" if unit else "; leave it out if that is the unit"
            raise Refused("unsuitable", f'"{measures[0].name}" {holds}, and the question names {hit.text}{so}')
        if fitting:
            sentence.explain(hit.start, hit.end, "unit")


def refuse_other_duration(sentence: Sentence, measure: Column | None) -> None:
    """Refuses "the mean stay in weeks" of a column that does not say that it holds weeks: the figure would be one in another unit.

    Days are taken for what a column without a unit holds.
    """
    for at in range(1, len(sentence)):
        asked = _DURATIONS.get(sentence.word(at))
        if measure is None or asked is None or sentence.word(at - 1) != "in" or sentence.explained.get(at) in ("column", "value"):
            continue
        unit = measure.description.unit
        if asked in {w.removesuffix("s") for w in (*measure.words, *words(unit or ""))} or (asked == "day" and unit in (None, "d")):
            continue
        holds = f"is in {unit}" if unit else "does not say in which unit it is"
        raise Refused("unsuitable", f'"{measure.name}" {holds}, and the question names {sentence.word(at)}')
