"""Windows of sentences: what is searched, and the frame of what is quoted. A window never crosses a page or a heading.

The rows of a table are sentences too; what their cells mean stands in the table's header, so each window of rows knows its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.reading.document import CELL_BREAK, ExtractedDocument, ExtractedTable, Span
from shared.reading.sentences import sentences

MAX_SENTENCES = 4
MAX_CHARS = 700
_UNIT_LETTERS = 4
"""Letters of a cell that is still a figure: "4.2 mn", "1,480 kCHF"."""
MAX_SENTENCE_CHARS = 1_200
"""A longer "sentence" (a table without breaks, text without stops) is cut at a space."""


@dataclass(frozen=True, slots=True)
class Passage:
    """``text[start:end]`` of one document, with its sentences' offsets in that same text."""

    start: int
    end: int
    page: int | None
    heading_path: tuple[str, ...]
    sentences: tuple[tuple[int, int], ...]
    columns: str = ""
    """Of rows of a table: the header above them, which may lie outside of the passage."""


def passages(document: ExtractedDocument) -> tuple[Passage, ...]:
    """The document's windows, in order, without overlap. Headings are no sentences: they stand in ``heading_path``."""
    found: list[Passage] = []
    headers = _headers(document.tables)
    line, header = (0, 0), ""
    for span in document.spans:
        window: list[tuple[int, int]] = []
        columns = ""
        for start, end in _sentences_of(document.text, span):
            if headers and end > line[1]:
                line = _line(document.text, start, end)
                header = headers.get(document.text[slice(*line)], "")
            if window and (len(window) >= MAX_SENTENCES or end - window[0][0] > MAX_CHARS or header != columns):
                found.append(_passage(window, span, columns))
                window = []
            window.append((start, end))
            columns = header
        if window:
            found.append(_passage(window, span, columns))
    return tuple(found)


def _passage(window: list[tuple[int, int]], span: Span, columns: str) -> Passage:
    return Passage(window[0][0], window[-1][1], span.page, span.heading_path, tuple(window), columns)


def _headers(tables: Sequence[ExtractedTable]) -> Mapping[str, str]:
    """The header that each line of a table belongs to; a line that stands in tables with different headers has none."""
    found: dict[str, str] = {}
    for table in tables:
        if _begins_with_header(table.rows):
            header = CELL_BREAK.join(table.rows[0])
            for row in table.rows:
                line = CELL_BREAK.join(row)
                found[line] = header if found.get(line, header) == header else ""
    return found


def _begins_with_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names what stands below it: words or years above rows of which some hold other figures."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    named = all(any(c.isalpha() for c in cell) or _is_year(cell) for cell in rows[0] if cell.strip())
    return named and any(_is_figure(cell) for row in rows[1:] for cell in row)


def _is_year(cell: str) -> bool:
    return len(cell.strip()) == 4 and cell.strip().isdecimal()


def _is_figure(cell: str) -> bool:
    return any(c.isdecimal() for c in cell) and sum(c.isalpha() for c in cell) <= _UNIT_LETTERS


def _line(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole line that the sentence stands in: a full stop in a cell parts no row."""
    after = text.find("\n", end)
    return text.rfind("\n", 0, start) + 1, after if after >= 0 else len(text)


def _sentences_of(text: str, span: Span) -> list[tuple[int, int]]:
    """The span's sentences as offsets in the whole text, without the heading that opens it."""
    start = span.start
    if span.heading_path and text.startswith(span.heading_path[-1], start):
        after = start + len(span.heading_path[-1])
        if after == span.end or text.startswith("\n", after):
            start = after
    found: list[tuple[int, int]] = []
    for left, right in sentences(text[start : span.end]):
        found.extend(_cut(text, start + left, start + right))
    return found


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    while end - start > MAX_SENTENCE_CHARS:
        space = text.rfind(" ", start + MAX_SENTENCE_CHARS // 2, start + MAX_SENTENCE_CHARS)
        middle = space if space > 0 else start + MAX_SENTENCE_CHARS
        pieces.append((start, middle))
        start = middle + 1 if space > 0 else middle
    pieces.append((start, end))
    return pieces
