"""What a question says about one view: the measures, groups, time, values and conditions it names. No operation yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.ds_star.operation import Filter, Grain
from functions.ds_star.reader.cells import CellMention, cell_filter
from functions.ds_star.reader.columns import Mention
from functions.ds_star.reader.filters import Comparison
from functions.ds_star.reader.negations import Negation
from functions.ds_star.reader.reading import Refused
from functions.ds_star.reader.times import TimeCondition, filters_on
from functions.ds_star.reader.views import Column, View

GRAINS: tuple[Grain, ...] = ("day", "week", "month", "quarter", "half", "year")


@dataclass
class Slots:
    """The parts of a question, each with the column it stands for. Filled by ``fill_slots``."""

    view: View
    measures: list[Column] = field(default_factory=list)
    by: list[Column] = field(default_factory=list)
    groups: list[Column] = field(default_factory=list)
    """Columns that name groups and are mentioned, but not after "by"."""
    ids: list[Column] = field(default_factory=list)
    which: Column | None = None
    which_time: bool = False
    than: CellMention | None = None
    """The group that all others are set against: "more than the North"."""
    time: Column | None = None
    grain: Grain | None = None
    periods_asked: bool = False
    """Whether the answer is wanted per period ("by year")."""
    by_measures: list[Column] = field(default_factory=list)
    """Measures behind a grouping word, which take too many values to make groups."""
    cells: list[CellMention] = field(default_factory=list)
    excluded: list[CellMention] = field(default_factory=list)
    negations: dict[CellMention, Negation] = field(default_factory=dict)
    """What excludes each of the excluded values."""
    comparisons: list[Comparison] = field(default_factory=list)
    times: list[TimeCondition] = field(default_factory=list)
    mentions: tuple[Mention, ...] = ()
    soft: set[int] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    """What was assumed about the question's words."""
    score: float = 0.0
    from_hints: bool = False

    @property
    def cell_columns(self) -> list[Column]:
        """The columns of the named values, each once."""
        return list({c.column.name: c.column for c in self.cells}.values())

    def filters(
        self, *, without: Sequence[CellMention] = (), without_comparison: Comparison | None = None, without_times: bool = False
    ) -> tuple[Filter, ...]:
        """All conditions but those that serve another purpose (what a share counts, the periods of a change)."""
        found = [cell_filter(column, [c for c in self.cells if c.column is column and c not in without]) for column in self.cell_columns]
        found += [cell_filter(c.column, [c], negative=True) for c in self.excluded if c not in without]
        found += [c.filter for c in self.comparisons if c is not without_comparison]
        if self.times and self.time and not without_times:
            found += filters_on(self.time, self.times)
        return tuple(f for f in found if f is not None)


def several_times(candidates: Sequence[Column]) -> Refused:
    """The refusal of a question that needs a time, where each of these may be meant."""
    names = " or ".join(f'"{c.name}"' for c in candidates[:3])
    return Refused("ambiguous", f"the time may be {names}; name one of them, or use --time")
