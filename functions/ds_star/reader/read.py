"""``read_question``: a sub-question and the files' descriptions become operations, or a refusal that says why and what else to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.combining import check_conditions
from functions.ds_star.reader.filling import fill_slots
from functions.ds_star.reader.lacking import text_of
from functions.ds_star.reader.leaning import lean, other_end
from functions.ds_star.reader.naming import named_sheet, sheet_of, unknown_sheet, which_sheet
from functions.ds_star.reader.negations import no_negation_left
from functions.ds_star.reader.operations import choose
from functions.ds_star.reader.reading import Reading, Refusal, RefusalKind, Refused
from functions.ds_star.reader.saying import say
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.slots import Slots
from functions.ds_star.reader.suggest import suggestions
from functions.ds_star.reader.unexplained import lacks_of_words, left_over
from functions.ds_star.reader.unsure_times import refuse_unsure_times
from functions.ds_star.reader.views import View, views
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints
from shared.language.lexicon import Lexicon, load_lexicon
from shared.language.words import fold, stem, words

_REASONS: dict[str, tuple[RefusalKind, str]] = {
    "why": ("why", "data alone do not say why; they show what goes together with what"),
    "forecast": ("forecast", "it asks about the future, and nothing is forecast without a model"),
    "advice": ("advice", "it asks for advice, which figures alone do not give"),
    "not_done": ("unsuitable", "is not among the calculations that are done without a model"),
    "what_if": ("what_if", "it asks what would be, and the data hold what was"),
}
_COUNTED_TABLE = 1.5
"""A table that is called what is counted holds its members; a column of another table may miss those without a row there."""
_JOIN_COST = 0.5
"""A joined table has to explain more of the question than a single one."""


def read_question(
    sub_question: SubQuestion, descriptions: Sequence[FileDescription], hints: ReadingHints, before: OperationSpec | None = None
) -> Reading | Refusal:
    """The operations that answer the sub-question, or why there are none. Deterministic; never raises for any text.

    ``before`` is the last operation of the sub-question before, which a pronoun may speak of.
    """
    lexicon = load_lexicon()
    found = views(descriptions)
    outcome = _read(sub_question.text, found, hints, lexicon, before)
    if isinstance(outcome, Reading):
        return outcome

    def readable(question: str) -> bool:
        return isinstance(_read(question, found, ReadingHints(), lexicon), Reading)

    offered = suggestions(found, lexicon, readable, prefer=frozenset(outcome.matched))
    return replace(outcome, suggestions=offered)


def lacks_for(sub_question: SubQuestion, descriptions: Sequence[FileDescription]) -> tuple[str, ...]:
    """What the data lack for a sub-question that was not answered from them; empty where the words do not tell."""
    outcome = _read(sub_question.text, views(descriptions), ReadingHints(), load_lexicon())
    return outcome.lacks if isinstance(outcome, Refusal) else ()


def _read(
    text: str, found: Sequence[View], hints: ReadingHints, lexicon: Lexicon, before: OperationSpec | None = None
) -> Reading | Refusal:
    sentence = Sentence.of(text, lexicon)
    if not found:
        return Refusal("no_data", "there is no table to calculate with")
    if not any(t.folded[0].isalnum() for t in sentence.tokens):
        return Refusal("no_operation", "the question holds no words")
    named = named_sheet(sentence, found)
    if named is not None:
        outcome = _read_of(named.sentence, named.views, hints, before)
        told = f'calculated from the sheet "{named.sheet}"'
        return replace(outcome, notes=(told, *outcome.notes)) if isinstance(outcome, Reading) else outcome
    outcome = _read_of(sentence, found, hints, before)
    unknown = unknown_sheet(sentence, found) if isinstance(outcome, Refusal) and outcome.kind == "unmatched" else None
    return replace(outcome, reason=unknown) if unknown and isinstance(outcome, Refusal) else outcome


def _read_of(sentence: Sentence, found: Sequence[View], hints: ReadingHints, before: OperationSpec | None) -> Reading | Refusal:
    """The question read against every view: the best reading, else the refusal that understood most."""
    attempts = [_attempt(sentence.copy(), view, hints, before) for view in found]
    refused = _refused_outright(sentence, found, attempts)
    if refused is not None:
        return refused
    readings = sorted((r for r in attempts if isinstance(r, Reading)), key=lambda r: -r.score)
    if readings:
        return _the_one(readings, found, sentence)
    refusals = [r for r in attempts if isinstance(r, Refusal)]
    return max(refusals, key=lambda r: (len(r.matched), r.score))


def _attempt(sentence: Sentence, view: View, hints: ReadingHints, before: OperationSpec | None) -> Reading | Refusal:
    """The question read against one view."""
    slots = Slots(view)
    mirrored = other_end(sentence, view, before)
    if mirrored is not None:
        return Reading((mirrored,), _as_read((mirrored,), view), 1.0, ("the other end of the part before is asked for",))
    try:
        slots = fill_slots(sentence, view, hints, before)
        if slots.mentions:
            refuse_unsure_times(sentence, slots)
        specs = choose(sentence, slots)
        check_conditions(sentence, slots, specs)
        refuse_unsure_times(sentence, slots)
        no_negation_left(sentence, slots.soft)
        _nothing_left(sentence, slots, hints)
        _enough_rows(view)
        specs = lean(sentence, slots, specs, before)
    except Refused as refused:
        lacks = refused.lacks
        if refused.kind == "unmatched" and not lacks:
            lacks = lacks_of_words(sentence, slots, left_over(sentence, slots, hints))
        return Refusal(refused.kind, refused.reason, _matched(sentence, view, slots), score=slots.score, lacks=lacks)
    notes = (*((_join_note(view),) if view.join else ()), *slots.notes)
    score = slots.score - (_JOIN_COST if view.join else 0) + _file_named(sentence, view)
    if specs[0].operation == "count" and not view.join and not specs[0].entity and not specs[0].measure and _counts_table(sentence, view):
        score += _COUNTED_TABLE
    return Reading(specs, _as_read(specs, view), score, notes)


def _as_read(specs: Sequence[OperationSpec], view: View) -> str:
    return f"I read this as {' and '.join(say(spec, view) for spec in specs)}; change it with --measure, --by, --time"


def _counts_table(sentence: Sentence, view: View) -> bool:
    """Whether "how many customers" speaks of the rows of the table ``customers``."""
    named = tuple(stem(w) for w in words(view.source.table))
    hits = [h for h in sentence.find(sentence.lexicon.operations, free=False) if h.meaning == "count"]
    return any(sentence.stems[h.end : h.end + len(named)] == named for h in hits)


def _refused_outright(sentence: Sentence, found: Sequence[View], attempts: Sequence[Reading | Refusal]) -> Refusal | None:
    """Why-questions, forecasts, advice and matters for the documents, unless the word is part of a column's name."""
    matched = max((_columns_of(a) for a in attempts), key=len, default=())
    refusing = sentence.find(sentence.lexicon.refusals, by_stem=False)
    documents = sentence.find(sentence.lexicon.documents, by_stem=False)
    some = set[int]().union(*(_column_positions(sentence, view) for view in found)) if refusing or documents else set()
    for hit in refusing:
        if not set(range(hit.start, hit.end)) & some:
            kind, reason = _REASONS[hit.meaning]
            reason = f'"{hit.text}" {reason}' if hit.meaning == "not_done" else reason
            return Refusal(kind, reason, matched)
    about_documents = [h for h in documents if not set(range(h.start, h.end)) & some]
    if about_documents and not _about_data(sentence):
        return Refusal("documents", f'it is a matter for the documents ("{about_documents[0].text}"), not for the data', matched)
    return None


def _columns_of(attempt: Reading | Refusal) -> tuple[str, ...]:
    """The columns that an attempt matched."""
    if isinstance(attempt, Refusal):
        return attempt.matched
    spec = attempt.specs[0]
    return tuple(c for c in (spec.measure, spec.second_measure, *spec.by, spec.time) if c)


def _about_data(sentence: Sentence) -> bool:
    """Whether it is "according to the data": the words speak of the tables after all."""
    return any(
        w in {"data", "dataset", "file", "files", "table", "tables", "csv", "spreadsheet"} for w in (t.folded for t in sentence.tokens)
    )


def _column_positions(sentence: Sentence, view: View) -> set[int]:
    """Tokens that stand for a column's full name or for one of its values."""
    from functions.ds_star.reader.cells import find_cells
    from functions.ds_star.reader.columns import find_mentions

    mentions = find_mentions(sentence, view)
    good = {p for m in mentions if m.score >= 0.9 for p in m.positions}
    return good | {p for c in find_cells(sentence, view, mentions) if c.score >= 0.95 for p in range(c.start, c.end)}


def _the_one(readings: list[Reading], found: Sequence[View], sentence: Sentence) -> Reading | Refusal:
    """The best reading; where two tables fit equally, both are named."""
    best = readings[0]
    near = [best, *(r for r in readings[1:] if r.score > best.score - 0.1 and not r.specs[0].join)]
    if not best.specs[0].join:
        best = next((r for r in near if not any(_made_from(_source(r), _source(other)) for other in near)), best)
    equal = [r for r in near if _source(r) != _source(best) and not _made_from(_source(r), _source(best))]
    if equal and not best.specs[0].join:
        return Refusal("ambiguous", _which_table([_view(found, _source(r)) for r in (best, *equal)]), ())
    return best


def _made_from(table: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether a table is another form of ``other``, of the same file: its periods as rows, or the records inside its records."""
    return table[0] == other[0] and (table[1] == f"{other[1]} (long)" or table[1].startswith(f"{other[1]}."))


def _source(reading: Reading) -> tuple[str, str]:
    source = reading.specs[0].source
    return source.file, source.table


def _which_table(equal: Sequence[View]) -> str:
    """What to name where these tables fit equally: the file, or the sheet where they stand in one workbook."""
    if all(v.is_sheet for v in equal) and len({v.source.file for v in equal}) == 1:
        return which_sheet(sorted({sheet_of(v) for v in equal}), equal[0].source.file)
    return f"several tables fit ({' and '.join([v.label for v in equal][:3])}); name the file in the question"


def _view(found: Sequence[View], source: tuple[str, str]) -> View:
    return next(v for v in found if (v.source.file, v.source.table) == source)


def _file_named(sentence: Sentence, view: View) -> float:
    """What it is worth that the question names the file or the table."""
    said = set(sentence.stems)
    own = {stem(w) for w in words(view.source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0])} | {stem(w) for w in words(view.source.table)}
    quoted = any(fold(q) in (fold(view.source.file), fold(view.source.table)) for _, _, q in sentence.quoted)
    return 1.0 if quoted else 0.5 * len(own & said) / max(1, len(own))


def _nothing_left(sentence: Sentence, slots: Slots, hints: ReadingHints) -> None:
    """Every word that carries meaning has to be understood: an unknown one may be the very thing that was asked."""
    left = left_over(sentence, slots, hints)
    if left:
        shown = ", ".join(f'"{w}"' for w in dict.fromkeys(text_of(sentence, start, end) for start, end in left[:4]))
        reason = f"{shown} matches no column and no value of {slots.view.label}"
        raise Refused("unmatched", reason, lacks=lacks_of_words(sentence, slots, left))


def _enough_rows(view: View) -> None:
    if view.rows == 0:
        raise Refused("too_few", f"{view.label} has no rows")


def _matched(sentence: Sentence, view: View, slots: Slots) -> tuple[str, ...]:
    """The columns that the question did name."""
    from functions.ds_star.reader.columns import find_mentions

    mentions = slots.mentions or find_mentions(sentence, view)
    return tuple(dict.fromkeys(m.column.name for m in mentions))


def _join_note(view: View) -> str:
    assert view.join is not None
    return f'{view.source.file} and {view.join.right.file} were joined on "{view.join.left_key}"'
