"""Tables that stand in documents, as data files: ``report.pdf p. 3 table 1``."""

from __future__ import annotations

import csv
import io
import re

from shared.reading.document import ExtractedDocument, ExtractedTable

MIN_ROWS, MIN_COLUMNS = 3, 2
"""Below this a table is a layout, not data: a header and two rows, two columns."""
MAX_TABLES = 20
_UNSAFE = re.compile(r"[\x00-\x1f/\\]+")


def tables_of(name: str, document: ExtractedDocument) -> list[tuple[str, bytes]]:
    """(name, CSV) of each table of ``document`` that may hold data, in its order."""
    found: list[tuple[str, bytes]] = []
    number: dict[int | None, int] = {}
    for table in document.tables:
        number[table.page] = number.get(table.page, 0) + 1
        if not _is_data(table):
            continue
        page = f" p. {table.page}" if table.page is not None else ""
        found.append((f"{_UNSAFE.sub(' ', name)}{page} table {number[table.page]}.csv", _as_csv(table)))
    return found[:MAX_TABLES]


def _is_data(table: ExtractedTable) -> bool:
    rows = [row for row in table.rows if any(cell.strip() for cell in row)]
    if len(rows) < MIN_ROWS or max(map(len, rows)) < MIN_COLUMNS:
        return False
    return sum(any(c.isdigit() for c in cell) for row in rows[1:] for cell in row) >= len(rows) - 1


def _as_csv(table: ExtractedTable) -> bytes:
    width = max(map(len, table.rows))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([*(" ".join(cell.split()) for cell in row), *[""] * (width - len(row))] for row in table.rows)
    return text.getvalue().encode()
