"""What the data lack, in phrases that research can look for: figures of a measure for a place or a time that no row is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.sentence import Sentence
from functions.ds_star.reader.times import TimeCondition
from functions.ds_star.reader.views import Column


def text_of(sentence: Sentence, start: int, end: int) -> str:
    """The words as they stand in the question."""
    return sentence.text[sentence.tokens[start].start : sentence.tokens[end - 1].end]


def when(sentence: Sentence, condition: TimeCondition) -> str:
    """The time of a condition as the question says it: "for 2023", "since 2023"."""
    if condition.kind in ("in", "between"):
        return f"for {text_of(sentence, condition.period.start, (condition.last or condition.period).end)}"
    return text_of(sentence, condition.start, condition.end)


def figures_of(sentence: Sentence, mentions: Sequence[Mention], measures: Iterable[Column], of_what: str) -> str:
    """Figures of what the question measures, as far as that was understood, ``of_what``: "for 2023", "by month"."""
    measured = {column.name for column in measures}
    spoken = [text_of(sentence, m.first, m.end) for m in mentions if m.column.name in measured]
    return f'figures of "{spoken[0]}" {of_what}' if spoken else f"figures {of_what}"


def beyond(condition: TimeCondition, time: Column) -> str | None:
    """Beyond which end of the column's times the condition lies, as "holds nothing after 2022"; ``None`` where rows may be inside."""
    low, high = time.description.minimum, time.description.maximum
    first, last = condition.period.first, (condition.last or condition.period).last
    begins, ends = _bound(low, "01-01"), _bound(high, "12-31")
    open_to_later, open_to_earlier = condition.kind in ("since", "after"), condition.kind in ("until", "before")
    if ends and not open_to_earlier and (first > ends or (condition.kind == "after" and last >= ends)):
        return f"holds nothing after {str(high)[:10]}"
    if begins and not open_to_later and (last < begins or (condition.kind == "before" and first <= begins)):
        return f"holds nothing before {str(low)[:10]}"
    return None


def _bound(value: object, rest: str) -> str:
    """A column's least or greatest time as an ISO date; empty where it is none that can be compared."""
    text = str(value)
    if len(text) == 4 and text.isdigit():
        return f"{text}-{rest}"
    return text[:10] if len(text) >= 10 and text[:4].isdigit() and text[4] == text[7] == "-" else ""
