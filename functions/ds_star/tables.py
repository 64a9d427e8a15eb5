"""Tables that stand in documents, as data files: ``report.pdf p. 3 table 1``."""

from __future__ import annotations

import csv
import io
import re

from functions.ds_star.state import DataFile, DsStarState
from shared.counted import counted
from shared.errors import InputUnreadable, TooLarge
from shared.reading.document import ExtractedDocument, ExtractedTable
from shared.reading.extract import Unfinished, extract_within
from shared.sandbox import CodeSandbox
from shared.tracks import SliceContext

MIN_ROWS, MIN_COLUMNS = 3, 2
"""Below this a table is a layout, not data: a header and two rows, two columns."""
MAX_TABLES = 20
_UNSAFE = re.compile(r"[\x00-\x1f/\\]+")


def read_tables(sandbox: CodeSandbox, context: SliceContext, state: DsStarState) -> DsStarState:
    """Read the next documents until the checkpoint, at least a part of one; a document that cannot be read is research's to report.

    Research reads the same documents from the first one on, and whoever comes second to one finds it read: so this begins at the last.
    """
    documents = context.documents
    left = len(documents) - state.read_from_end
    files = state.files
    while left > state.next_document:
        item = documents[left - 1]
        try:
            done = len(documents) - left + state.next_document
            context.doing(f"looking for tables in {item.name} ({done + 1} of {counted(len(documents), 'document')})")
            read = extract_within(
                sandbox, context.artifacts, item, context.workdir, time_left=context.time_left, from_end=True, doing=context.doing
            )
            if isinstance(read, Unfinished):
                break
            files = _with_tables(context, files, tables_of(item.name, read))
        except (InputUnreadable, TooLarge):
            pass
        left -= 1
        if context.time_left() <= 0:
            break
    read_from_end = len(documents) - left
    return state.model_copy(update={"files": files, "read_from_end": read_from_end, "tables_read": left <= state.next_document})


def _with_tables(context: SliceContext, files: tuple[DataFile, ...], tables: list[tuple[str, bytes]]) -> tuple[DataFile, ...]:
    """The files with the tables of a document ahead of those of the documents behind it; of two with one name the first one stays."""
    data, behind = ([file for file in files if (file.origin == "document") is known] for known in (False, True))
    taken = {file.name for file in data}
    own: list[DataFile] = []
    for name, content in tables:
        if name not in taken:
            stored = context.put_artifact(name, content, media_type="text/csv")
            own.append(DataFile(name=name, uri=stored.uri, sha256=stored.sha256, origin="document"))
            taken.add(name)
    return (*data, *own, *(file for file in behind if file.name not in taken))


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
