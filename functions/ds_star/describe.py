"""Renders a file's description as text of bounded length, for a person or a model to read."""

from __future__ import annotations

from schemas.analysis import ColumnDescription, FileDescription, TableDescription

MAX_CHARACTERS = 5_200
"""About 1,500 tokens: what DS-STAR's roles are given of one file."""
CELL = 40


def render(description: FileDescription, *, limit: int = MAX_CHARACTERS) -> str:
    """The description in at most ``limit`` characters; columns that do not fit are counted, never silently dropped."""
    parts = [description.format, description.encoding or "", f"delimiter {description.delimiter!r}" if description.delimiter else ""]
    head = f"{description.file} ({', '.join(p for p in parts if p)})"
    if description.error:
        return _cut(f"{head}\nnot readable: {description.error}", limit)
    lines = [head, *(f"warning: {_cell(w, 200)}" for w in description.warnings[:5])]
    share = (limit - sum(len(line) + 1 for line in lines)) // max(1, len(description.tables))
    shown = description.tables if share > 250 else description.tables[: max(1, limit // 250)]
    share = (limit - sum(len(line) + 1 for line in lines) - 60) // max(1, len(shown))
    lines += [_table(table, share) for table in shown]
    if len(shown) < len(description.tables):
        lines.append(f"and {len(description.tables) - len(shown)} more tables")
    return _cut("\n".join(lines), limit)


def _table(table: TableDescription, limit: int) -> str:
    sampled = f", of which {table.sampled_rows} were read" if table.sampled_rows is not None else ""
    lines = [f"table `{table.name}`: {table.rows} rows{sampled}, {len(table.columns)} columns"]
    said = [f"  note: {_cell(n, 160)}" for n in (*table.warnings, *table.assumptions)]
    room = limit - len(lines[0]) - min(sum(len(s) + 1 for s in said), limit // 3) - 40
    for verbose in (3, 1, 0):
        columns = [_column(c, verbose) for c in table.columns]
        if sum(len(c) + 1 for c in columns) <= room:
            break
    else:
        columns = [_column(c, 0) for c in table.columns]
    kept: list[str] = []
    used = 0
    for line in columns:
        used += len(line) + 1
        if used > room:
            break
        kept.append(line)
    lines += kept
    if len(kept) < len(columns):
        lines.append(f"  and {len(columns) - len(kept)} more columns")
    for line in said:
        if sum(len(entry) + 1 for entry in lines) + len(line) < limit:
            lines.append(line)
    return "\n".join(lines)


def _column(column: ColumnDescription, verbose: int) -> str:
    parts = [f"{column.role}, {column.dtype}" if verbose else column.role]
    if column.unit:
        parts.append(column.unit)
    if column.missing:
        parts.append(f"{column.missing} missing")
    if column.minimum is not None:
        parts.append(f"{column.minimum} to {column.maximum}")
    elif column.values and verbose:
        listed = ", ".join(_cell(v, CELL) for v in column.values[: 4 * verbose])
        parts.append(f"{column.distinct} values: {listed}" if column.distinct > 4 * verbose else listed)
    elif column.samples and verbose:
        parts.append("e.g. " + ", ".join(_cell(s, CELL) for s in column.samples[:verbose]))
    return f"  {_cell(column.name, 60)}: {'; '.join(parts)}"


def _cell(text: str, limit: int) -> str:
    return _cut(" ".join(text.split()), limit)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
