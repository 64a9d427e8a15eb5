"""The tables that a question may be about: every table, and every pair that a same-named key joins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from functions.ds_star.operation import Join, TableRef
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from shared.language.lexicon import Lexicon, load_lexicon
from shared.language.words import stem, words

NUMERIC = ("integer", "number")
LIGHT_WEIGHT = 0.25
"""What a qualifier ("mean", "total") or a unit weighs in a column's name, beside a word that names the thing."""
MAX_VIEWS = 60
MAX_STEPS = 15
"""Different whole numbers up to which a measure takes steps: it may be grouped by, and a number before its name is one of them."""
_SHORTEST_HEAD = 3
"""Letters of a word that may be the last part of a file's name."""


@dataclass(frozen=True)
class Column:
    """A column of a view, with the words of its name."""

    description: ColumnDescription
    from_right: bool = False

    @property
    def name(self) -> str:
        return self.description.name

    @property
    def is_numeric(self) -> bool:
        return self.description.dtype in NUMERIC

    @property
    def is_time(self) -> bool:
        return self.description.role == "time" or self.description.dtype in ("date", "datetime")

    @property
    def is_measure(self) -> bool:
        """Whether its numbers may be averaged: never an id, a time or a constant."""
        return self.is_numeric and self.description.role in ("measure", "ordinal", "flag")

    @property
    def is_group(self) -> bool:
        """Whether its values name groups."""
        role = self.description.role
        return role in ("category", "ordinal", "flag") or (role in ("id", "text") and bool(self.description.values))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The folded words of the name, with the unit."""
        return tuple(w for w in words(self.name) if w[0].isalnum() or w == "%")

    @cached_property
    def stems(self) -> tuple[str, ...]:
        return tuple(stem(w) for w in self.words)

    @cached_property
    def cells(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The described values with their folded words."""
        found = ((v, tuple(w for w in words(v) if w[0].isalnum() or w == "%")) for v in self.description.values)
        return tuple((value, parts) for value, parts in found if parts)

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """How much each word of the name says about what the column holds."""
        lexicon = load_lexicon()
        light = (
            {p.words[0] for p in lexicon.operations if len(p.words) == 1}
            | set(lexicon.stopwords)
            | {"value", "values", "num", "nr", "no", "id", "amount", "col"}
        )
        unit_words = set(words(self.description.unit or "")) | {p.words[-1] for p in lexicon.units}
        found = [LIGHT_WEIGHT if w in light or (i > 0 and w in unit_words) else 1.0 for i, w in enumerate(self.words)]
        return tuple(found) if any(w == 1.0 for w in found) else tuple(1.0 for _ in found)


@dataclass(frozen=True)
class View:
    """One table, or two that are joined, as a question sees it."""

    source: TableRef
    rows: int
    columns: tuple[Column, ...]
    join: Join | None = None
    joined_rows: int | None = None
    whole: bool = True
    """Whether all rows were described; of a sample, the least and the greatest value are not known."""
    warnings: tuple[str, ...] = ()
    """What the analyzer warned of; each about a column begins with its name in backticks."""
    is_sheet: bool = False
    """Whether the table stands in a workbook."""

    @property
    def label(self) -> str:
        """What the reader calls it."""
        own = self.source.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        name = self.source.file if self.source.table in ("", self.source.file, own) else f"{self.source.file}, {self.source.table}"
        return f"{name} with {self.join.right.file}" if self.join else name

    @cached_property
    def by_name(self) -> dict[str, Column]:
        return {column.name: column for column in self.columns}

    def column(self, name: str) -> Column | None:
        """The column that a hint names: by its exact name, else by its folded words, if one only."""
        if name in self.by_name:
            return self.by_name[name]
        alike = [c for c in self.columns if c.words == words(name)]
        return alike[0] if len(alike) == 1 else None

    @cached_property
    def only_year(self) -> int | None:
        """The one year that all its times lie in, if there is one: "in March" is then in March of this year."""
        ends = [str(end)[:4] for c in self.columns if c.is_time for end in (c.description.minimum, c.description.maximum)]
        return int(ends[0]) if self.whole and len(set(ends)) == 1 and ends[0].isdigit() else None

    @cached_property
    def name_words(self) -> frozenset[str]:
        """Stems of the words in the file's and table's names: "penguins" in a question about ``penguins.csv`` names the rows."""
        parts = [self.source.file.rsplit("/", 1)[-1], self.source.table]
        if self.join:
            parts.append(self.join.right.file.rsplit("/", 1)[-1])
        return frozenset(stem(w) for part in parts for w in words(part))

    def calls_its_rows(self, word: str) -> bool:
        """Whether the file's or table's name calls its rows so: "cars" in a question about ``mtcars.csv`` or ``cars93.tsv``.

        Only a plural counts as the end of a longer word: the rows of ``statecrime.csv`` are no crimes.
        """
        if stem(word) in self.name_words:
            return True
        parts = words(f"{self.source.file.rsplit('/', 1)[-1].rsplit('.', 1)[0]} {self.source.table}")
        plurals = [w for part in parts if (w := part.rstrip("0123456789")).endswith("s") and not w.endswith("ss")]
        return any(stem(w) == stem(word) or (len(word) >= _SHORTEST_HEAD and w.removesuffix("s").endswith(stem(word))) for w in plurals)


def views(descriptions: Sequence[FileDescription]) -> tuple[View, ...]:
    """Single tables first, then joined pairs; the larger table is on the left."""
    single = [(_single(file, table), table) for file in descriptions if file.error is None for table in file.tables if table.columns]
    joined = [
        _join(left, right) for left, _ in single for right, right_table in single if left is not right and right_table.rows <= left.rows
    ]
    return tuple([view for view, _ in single] + [view for view in joined if view is not None])[:MAX_VIEWS]


def _single(file: FileDescription, table: TableDescription) -> View:
    columns = tuple(Column(c) for c in table.columns if c.role != "empty")
    source, whole = TableRef(file=file.file, table=table.name), table.sampled_rows is None
    return View(source, table.rows, columns, whole=whole, warnings=table.warnings, is_sheet=file.format == "xlsx")


def _join(left: View, right: View) -> View | None:
    """Both tables through a same-named key that is unique on the right. That it holds 90 % of the left's keys is checked by the script."""
    keys = [
        (a.name, b.name)
        for a in left.columns
        for b in right.columns
        if a.words == b.words
        and right.rows > 0
        and b.description.distinct == right.rows
        and b.description.missing == 0
        and _may_match(a.description, b.description)
    ]
    shared_names = [a for a in left.columns for b in right.columns if a.words == b.words]
    pointing = _pointing(left, right)
    if pointing is not None:
        keys = [pointing]
    elif _pointing(right, left) is not None:
        return None
    if not keys or _is_same_table(left.source, right.source):
        return None
    key = pointing or next(((a, b) for a, b in keys if left.by_name[a].description.role == "id"), keys[0])
    if left.by_name[key[0]].is_measure and left.by_name[key[0]].description.dtype == "number":
        return None
    taken = {c.words for c in shared_names}
    added = tuple(Column(c.description, from_right=True) for c in right.columns if c.words not in taken)
    if not added:
        return None
    join = Join(right=right.source, left_key=key[0], right_key=key[1])
    whole = left.whole and right.whole
    return View(left.source, left.rows, (*left.columns, *added), join=join, joined_rows=right.rows, whole=whole, is_sheet=left.is_sheet)


def _is_same_table(one: TableRef, other: TableRef) -> bool:
    """Whether both are one table, or one of them is the other with its periods as rows: joined, each figure would stand there twice."""
    names = {one.table, other.table}
    return one.file == other.file and (len(names) == 1 or any(f"{name} (long)" in names for name in names))


def _pointing(left: View, right: View) -> tuple[str, str] | None:
    """The column of ``left`` that is called after the table on the right and its key: ``customer_id`` and ``customers.id``.

    Where there is one, an ``id`` that both tables have counts the rows of each and joins nothing.
    """
    named = {stem(w) for w in words(right.source.table)}
    for b in right.columns:
        if b.description.role != "id" or b.description.distinct != right.rows or b.description.missing or right.rows == 0:
            continue
        for a in left.columns:
            called_after = len(a.stems) > len(b.stems) and a.stems[-len(b.stems) :] == b.stems and set(a.stems[: -len(b.stems)]) == named
            if called_after and _may_match(a.description, b.description):
                return a.name, b.name
    return None


def _may_match(left: ColumnDescription, right: ColumnDescription) -> bool:
    """Whether the descriptions leave it possible that 90 % of the left's values stand on the right."""
    numeric = (left.dtype in NUMERIC, right.dtype in NUMERIC)
    if numeric[0] != numeric[1] or left.role == "constant":
        return False
    if left.values and right.values:
        known = {v.casefold() for v in right.values}
        inside = sum(v.casefold() in known for v in left.values)
        return inside >= 0.9 * len(left.values)
    return True


def additive(column: Column, lexicon: Lexicon) -> bool | None:
    """Whether the column's values add up; ``None`` where nothing tells. The description's word comes first."""
    if column.description.additive is not None:
        return column.description.additive
    found = set(column.stems)
    if found & lexicon.not_additive:
        return False
    return True if found & lexicon.additive else None


def table_of(view: View, descriptions: Sequence[FileDescription]) -> TableDescription | None:
    """The description of the view's left table."""
    return next(
        (t for f in descriptions if f.file == view.source.file for t in f.tables if t.name == view.source.table),
        None,
    )
