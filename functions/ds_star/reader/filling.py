"""``fill_slots``: each name, value, number and time of a question goes where its place in the question puts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.amounts import find_amounts
from functions.ds_star.reader.cells import CellMention, exclusion_of, find_cells
from functions.ds_star.reader.columns import Mention, find_mentions
from functions.ds_star.reader.filters import Comparison, count_at, find_comparisons
from functions.ds_star.reader.grains import ADVERBS, grain_hits, grain_of, refuse_of_the_year, refuse_recurring
from functions.ds_star.reader.lacking import beyond, figures_of, when
from functions.ds_star.reader.nouns import explain_quantity_nouns
from functions.ds_star.reader.periods import Period, find_periods
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.shared_parts import share_parts
from functions.ds_star.reader.slots import GRAINS, Slots, several_times
from functions.ds_star.reader.time_parts import take_time_parts, without_parts
from functions.ds_star.reader.times import find_time_conditions, notes_of_years
from functions.ds_star.reader.views import MAX_STEPS, Column, View, additive
from functions.ds_star.reader.written_dates import written_dates
from schemas.mission import ReadingHints
from shared.language.lexicon import Hit

_LEAD_IN = frozenset(
    {"the", "a", "an", "all", "of", "each", "every", "different", "individual", "various", "these", "those", "single", "their", "its"}
)
_OF_EACH = frozenset({"sum", "count"})
_AVERAGES = frozenset({"mean", "median"})
_DURATIONS = frozenset({"days", "weeks", "months", "years", "hours", "minutes"})


def fill_slots(sentence: Sentence, view: View, hints: ReadingHints, before: OperationSpec | None = None) -> Slots:
    """Match the sentence against ``view``; "it" means the measure of the reading ``before``.

    Raises ``Refused`` where two columns fit equally or a hint names no column.
    """
    slots = Slots(view)
    mentions = find_mentions(sentence, view)
    cells = find_cells(sentence, view, mentions)
    mentions, cells = without_parts(sentence, view, *_settle(mentions, cells))
    mentions = tuple(_as_hinted(m, hints) for m in mentions if not _is_one_sale(sentence, m))
    slots.score = sum(min(m.score, 1.0) * len(m.positions) for m in mentions) + sum(c.score * (c.end - c.start) for c in cells)
    for cell in cells:
        sentence.explain(cell.start, cell.end, "value")
    _explain(sentence, slots, [m for m in mentions if not m.column.is_time])
    periods = share_parts(sentence, find_periods(sentence, written_dates(sentence), view.only_year))
    _refuse_names_of_months(sentence, view, cells, periods)
    mentions = tuple(m for m in mentions if not (m.column.is_time and _is_part_of(m, periods)))
    _explain(sentence, slots, mentions)
    slots.mentions = mentions
    slots.comparisons = list(find_comparisons(sentence, view, mentions, periods))
    for comparison in slots.comparisons:
        sentence.explain(comparison.start, comparison.end, "condition")
    for amount in find_amounts(sentence, mentions):
        slots.comparisons.append(amount)
        sentence.explain(amount.start, amount.end, "condition")
    slots.times = list(
        find_time_conditions(sentence, periods, lambda word: view.calls_its_rows(word) or word in sentence.lexicon.row_words)
    )
    _sort_cells(sentence, slots, cells)
    _sort_mentions(sentence, slots)
    slots.notes += explain_quantity_nouns(sentence, mentions)
    _periods(sentence, slots)
    _pronouns(sentence, slots, before)
    _apply_hints(slots, hints)
    _choose_time(sentence, slots, mentioned=[m.column for m in mentions if m.column.is_time])
    return slots


def _explain(sentence: Sentence, slots: Slots, mentions: Sequence[Mention]) -> None:
    for mention in mentions:
        for position in mention.positions:
            sentence.explain(position, position + 1, "column")
        slots.soft |= set(mention.soft)


def _refuse_names_of_months(sentence: Sentence, view: View, cells: Sequence[CellMention], periods: Sequence[Period]) -> None:
    """Refuses "in April 2024" where April is also a value, say a person, and the table has dates."""
    if not any(c.is_time and not c.is_numeric for c in view.columns):
        return
    years = {p.start for p in periods if p.whole_years}
    for cell in cells:
        if cell.end in years and sentence.word(cell.end - 1) in sentence.lexicon.months:
            said = sentence.text[sentence.tokens[cell.start].start : sentence.tokens[cell.end].end]
            raise Refused(
                "ambiguous",
                f'"{said}" may be a month, or the value "{cell.value}" of "{cell.column.name}"; write the month as in 2024-04, '
                f'or "{cell.column.name} {cell.value}"',
            )


def _is_one_sale(sentence: Sentence, mention: Mention) -> bool:
    """Whether "per sale" speaks of a row, and not of a column of money."""
    per = sentence.word(mention.first - 1) in {"per", "each", "every"} and bool(
        _AVERAGES & {h.meaning for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens)}
    )
    return per and sentence.words(mention.first, mention.end) == ("sale",) and not {"sale", "sales"} & set(mention.column.words)


def _is_part_of(mention: Mention, periods: Sequence[Period]) -> bool:
    """Whether a word is no column's name but part of a period: the second "quarter" of 2024."""
    return any(set(mention.positions) <= set(range(p.start, p.end)) for p in periods)


def _settle(mentions: tuple[Mention, ...], cells: tuple[CellMention, ...]) -> tuple[tuple[Mention, ...], tuple[CellMention, ...]]:
    """A word is a column's name or a value, not both: the longer match stands, at equal length the name if it is a good one."""
    kept_cells = []
    dropped: set[int] = set()
    for cell in cells:
        span = set(range(cell.start, cell.end))
        clash = [m for m in mentions if span & set(m.positions)]
        # "mean precipitation on rain days": the column is named already, so "rain" is the value
        clash_is_weak = cell.score == 1.0 and all(_said_better_elsewhere(m, mentions) for m in clash)
        if not clash_is_weak and any(
            len(m.positions) > len(span) or (len(m.positions) == len(span) and m.score >= max(cell.score - 0.1, 0.9)) for m in clash
        ):
            continue
        kept_cells.append(cell)
        dropped |= {id(m) for m in clash}
    return tuple(m for m in mentions if id(m) not in dropped), tuple(kept_cells)


def _said_better_elsewhere(mention: Mention, mentions: tuple[Mention, ...]) -> bool:
    return any(m is not mention and m.column is mention.column and m.score > mention.score for m in mentions)


def _sort_cells(sentence: Sentence, slots: Slots, cells: tuple[CellMention, ...]) -> None:
    """Values that are kept, and values that are excluded ("except Bern", "not in Bern")."""
    for cell in cells:
        if cell.rivals:
            names = ", ".join(dict.fromkeys([cell.column.name, *(r.name for r in cell.rivals)]))
            raise Refused("ambiguous", f'"{cell.value}" stands in several columns ({names}); name the column beside it')
        before = (slots.excluded[-1], slots.negations[slots.excluded[-1]]) if slots.excluded else None
        negation = exclusion_of(sentence, cell, before)
        if negation is not None:
            sentence.explain(negation.start, negation.end, "negation")
            slots.negations[cell] = negation
        (slots.excluded if negation else slots.cells).append(cell)


def _sort_mentions(sentence: Sentence, slots: Slots) -> None:
    """Each mention goes where its place in the question puts it: after "by", after "which", in a condition, or as a measure."""
    by_until = -1
    by_column = False
    hits = {h.end: h for h in sentence.lexicon.find(sentence.lexicon.grouping, sentence.tokens, by_stem=False)}
    in_comparison = {id(c.column) for c in slots.comparisons}
    for mention in slots.mentions:
        lead = mention.first
        while lead > 0 and sentence.word(lead - 1) in _LEAD_IN and lead not in hits:
            lead -= 1
        hit = hits.get(lead) or hits.get(mention.first) or _numbered(sentence, lead, hits)
        if not hits.get(mention.first) and any(_stands_by(mention, c) for c in slots.cells):
            continue  # "the drug arm": the value says it already
        if id(mention.column) in in_comparison and sentence.explained.get(mention.start) and _inside(mention, slots.comparisons):
            continue
        if hit and hit.meaning == "which":
            _as_which(sentence, slots, mention, hit)
        elif hit and _may_group(hit.text.casefold(), mention):
            column = _resolve(mention, "group")
            if column.is_measure and not column.is_group and not _steps(column):
                slots.measures.append(column)
                slots.by_measures.append(column)
            else:
                _refuse_ratio(sentence, column, hit.text.casefold())
                if not _is_its_row(sentence, slots, column, hit.text.casefold()):
                    _as_group(slots, column)
                by_column = True
            sentence.explain(hit.start, hit.end, "grouping")
            by_until = mention.end
        elif by_column and by_until >= 0 and _continues(sentence, by_until, mention.first) and _fits(mention, "group"):
            _as_group(slots, _resolve(mention, "group"))
            by_until = mention.end
        else:
            _as_named(slots, mention)


def _steps(column: Column) -> bool:
    """Whether a measure takes so few whole values that "by" it makes groups: cylinders, children, stars."""
    return column.description.dtype == "integer" and 2 <= column.description.distinct <= MAX_STEPS


def _refuse_ratio(sentence: Sentence, column: Column, word: str) -> None:
    """Refuses "revenue per unit" of a column of quantities, and "cost per day" of one that holds days: a ratio is meant.

    The revenue for each quantity that there is would be another figure.
    """
    is_amount = not column.is_group and additive(column, sentence.lexicon)
    if word == "per" and column.is_measure and (is_amount or _DURATIONS & set(column.words)):
        raise Refused(
            "ambiguous", f'"per" with "{column.name}" may ask for a ratio; ask for the ratio to "{column.name}", or "by {column.name}"'
        )


def _stands_by(mention: Mention, cell: CellMention) -> bool:
    """Whether a column's name stands right before or behind one of its values."""
    return mention.column is cell.column and (0 <= cell.start - mention.end <= 2 or 0 <= mention.first - cell.end <= 1)


def _as_hinted(mention: Mention, hints: ReadingHints) -> Mention:
    """Of several columns that fit, the one that the user named."""
    named = {hints.measure, hints.time, *hints.by}
    chosen = [c for c in (mention.column, *mention.rivals) if c.name in named]
    return replace(mention, column=chosen[0], rivals=()) if len(chosen) == 1 else mention


def _inside(mention: Mention, comparisons: Sequence[Comparison]) -> bool:
    return any(c.column is mention.column and c.start <= mention.start < c.end for c in comparisons)


def _may_group(word: str, mention: Mention) -> bool:
    """Whether a grouping word takes this name: "between" and "among" take groups only; "by" and "per" take what follows."""
    candidates = (mention.column, *mention.rivals)
    return word not in {"between", "among"} or any(c.is_group or c.is_time for c in candidates)


def _continues(sentence: Sentence, end: int, start: int) -> bool:
    """Whether only "and", commas and small words stand between two names of a list."""
    return all(w in _LEAD_IN or w in {"and", "by", "per", "or"} for w in sentence.words(end, start))


def _numbered(sentence: Sentence, lead: int, hits: Mapping[int, Hit]) -> Hit | None:
    """The "which" of "which 2 regions": a number stands between."""
    hit = hits.get(lead - 1) if count_at(sentence, lead - 1) else None
    return hit if hit and hit.meaning == "which" else None


def _as_which(sentence: Sentence, slots: Slots, mention: Mention, hit: Hit) -> None:
    """In "which station ...": the groups that are ranked or asked for; "what temperature" names a measure."""
    candidates = [mention.column, *mention.rivals]
    if any(c.is_group or c.is_time or c.description.role in ("id", "text") for c in candidates) and not all(
        c.is_measure for c in candidates
    ):
        column = _resolve(mention, "group")
        if column.is_time:
            slots.which_time = True
            slots.time = column
            slots.periods_asked = True
        else:
            slots.which = column
        sentence.explain(hit.start, hit.end, "which")
    else:
        _as_named(slots, mention)


def _is_its_row(sentence: Sentence, slots: Slots, column: Column, word: str) -> bool:
    """Whether "per order" says no more than "per row", since each row is an order: the mean per order is the mean of the rows.

    A total or a number per order is one of each order, not of all.
    """
    if column.description.role != "id" or column.description.distinct != slots.view.rows or slots.view.join:
        return False
    asked = {h.meaning for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens)}
    of_each = _OF_EACH | _AVERAGES if word == "by" else _OF_EACH
    return not asked <= of_each or any(t.folded in sentence.lexicon.superlatives for t in sentence.tokens)


def _as_group(slots: Slots, column: Column) -> None:
    if column.is_time:
        slots.time = column
        slots.periods_asked = True
    elif column not in slots.by:
        slots.by.append(column)


def _as_named(slots: Slots, mention: Mention) -> None:
    """A name without a grouping word: a measure, a group, an id or the time."""
    candidates = [mention.column, *mention.rivals]
    column = _resolve(mention, "measure") if any(c.is_measure for c in candidates) else _resolve(mention, "group")
    if column.description.role == "id":
        target = slots.ids
    elif column.is_time:
        slots.time = slots.time or column
        return
    elif column.is_measure and column.description.role != "flag":
        target = slots.measures
    else:
        target = slots.groups
    if column not in target:
        target.append(column)


def _fits(mention: Mention, slot: str) -> bool:
    return any(_suits(c, slot) for c in (mention.column, *mention.rivals))


def _suits(column: Column, slot: str) -> bool:
    return column.is_measure if slot == "measure" else (column.is_group or column.is_time or column.description.role in ("id", "text"))


def _resolve(mention: Mention, slot: str) -> Column:
    """The one column of equal fits that suits the slot; else both are named and the part is refused."""
    if not mention.rivals:
        return mention.column
    candidates = [mention.column, *mention.rivals]
    suited = [c for c in candidates if _suits(c, slot)]
    if len(suited) == 1:
        return suited[0]
    names = " or ".join(f'"{c.name}"' for c in (suited or candidates)[:3])
    raise Refused("ambiguous", f"the question may mean {names}; name one of them in full")


def _periods(sentence: Sentence, slots: Slots) -> None:
    """What "by year", "monthly", "per quarter", "which year" say: the length of a period."""
    refuse_recurring(sentence)
    for hit in grain_hits(sentence):
        before = sentence.word(hit.start - 1)
        if before != "one" and count_at(sentence, hit.start - 1) and sentence.word(hit.start - 2) in {"which", "what"}:
            before = sentence.word(hit.start - 2)  # "which 3 months"
        adverb = hit.text.casefold() in ADVERBS
        asked = before in {"by", "per", "each", "every", "which", "what", "and"} or adverb
        grain = grain_of(hit)
        named = sentence.explained.get(hit.start) == "column"
        if named and not (slots.time and hit.meaning in slots.time.words):
            continue
        if asked:
            refuse_of_the_year(sentence, slots, hit)
        if asked and (slots.grain is None or GRAINS.index(grain) < GRAINS.index(slots.grain)):
            slots.grain = grain
            slots.periods_asked = True
            slots.which_time = slots.which_time or before in {"which", "what"}
        if asked or hit.meaning == "year":
            sentence.explain(hit.start, hit.end, "period")
            if before in {"by", "per", "each", "every"}:
                sentence.explain(hit.start - 1, hit.start, "grouping")


def _pronouns(sentence: Sentence, slots: Slots, before: OperationSpec | None) -> None:
    """Reads "Did it rise?": the measure of the sub-question before, where this one names none and counts nothing."""
    if before is None or slots.measures or slots.ids or before.source != slots.view.source or before.measure is None:
        return
    column = slots.view.by_name.get(before.measure)
    counts = any(h.meaning == "count" for h in sentence.lexicon.find(sentence.lexicon.operations, sentence.tokens))
    said = {"it", "its", "this", "that", "they"} & {t.folded for t in sentence.tokens}
    if column is not None and column.is_measure and said and not counts:
        slots.measures = [column]
        slots.score += 0.5


def _apply_hints(slots: Slots, hints: ReadingHints) -> None:
    """The user's own word on measure, groups and time; it beats what was matched."""
    if hints.measure is not None:
        column = _hinted(slots.view, hints.measure, "--measure")
        slots.measures = [column, *(m for m in slots.measures if m is not column)][: max(1, min(len(slots.measures), 2))]
        slots.from_hints = True
    if hints.by:
        found = [_hinted(slots.view, name, "--by") for name in hints.by]
        slots.by = [c for c in found if not c.is_time]
        if any(c.is_time for c in found):
            slots.time = next(c for c in found if c.is_time)
            slots.periods_asked = True
        slots.from_hints = True
    if hints.time is not None:
        slots.time = _hinted(slots.view, hints.time, "--time")
        slots.from_hints = True


def _hinted(view: View, name: str, option: str) -> Column:
    column = view.column(name)
    if column is None:
        raise Refused("unmatched", f'{option} names the column "{name}", which {view.label} does not have')
    return column


def _choose_time(sentence: Sentence, slots: Slots, mentioned: list[Column]) -> None:
    """The time column: hinted, named, or the only one; among several, years serve conditions on years."""
    if slots.time is None and mentioned:
        slots.time = mentioned[0]
    if slots.time is None:
        candidates = [c for c in slots.view.columns if c.is_time]
        dates = [c for c in candidates if not c.is_numeric]
        if len(candidates) == 1:
            slots.time = candidates[0]
        elif len(dates) == 1:
            slots.time = dates[0]
        elif not dates and any("year" in c.words for c in candidates):
            slots.time = next(c for c in candidates if "year" in c.words)
        elif candidates and (slots.times or slots.periods_asked):
            raise several_times(candidates)
    take_time_parts(sentence, slots)
    _check_times(sentence, slots)
    slots.notes += notes_of_years(sentence, slots.times)


def _check_times(sentence: Sentence, slots: Slots) -> None:
    """Conditions on time need a column that can hold them and does; what fits is marked as understood."""
    for condition in slots.times if slots.time is not None else ():
        assert slots.time is not None
        lacks = (figures_of(sentence, slots.mentions, slots.measures, when(sentence, condition)),)
        if condition.filter_on(slots.time) is None:
            raise Refused("unmatched", f'the column "{slots.time.name}" cannot tell the period that the question names', lacks=lacks)
        if slots.view.whole and not condition.negation and (end := beyond(condition, slots.time)) is not None:
            reason = f'"{slots.time.name}" of {slots.view.label} {end}; asked are figures {when(sentence, condition)}'
            raise Refused("too_few", reason, lacks=lacks)
        sentence.explain(condition.start, condition.end, "time")
    if slots.time is None and slots.periods_asked:
        lacks = (figures_of(sentence, slots.mentions, slots.measures, f"by {slots.grain}" if slots.grain else "over time"),)
        raise Refused("unmatched", "the question asks for periods, and this table has no column with dates or years", lacks=lacks)
