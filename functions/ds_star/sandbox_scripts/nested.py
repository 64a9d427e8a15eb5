"""Reads JSON and JSONL: records, columns, records under keys, and lists of records inside records as tables of their own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from delimited import RawTable
from sniffing import Unreadable, detect_encoding, prime_from

MAX_JSON = 150_000_000
"""A JSON text is parsed whole; Python needs about ten times its size."""
MAX_FIELDS = 2_000


def read_json(path: str, name: str, max_bytes: int) -> tuple[list[RawTable], str]:
    """(tables, encoding) of a JSON document."""
    encoding, notes, warnings = detect_encoding(path)
    size = Path(path).stat().st_size
    if size > min(MAX_JSON, max_bytes):
        raise Unreadable(f"the JSON document has {size / 1e6:,.0f} MB and cannot be read in parts", "Save it as JSONL, CSV or Parquet.")
    text = Path(path).read_text(encoding=encoding, errors="replace")
    keys = _Keys()
    try:
        document = keys.decode(text)
    except json.JSONDecodeError as broken:
        raise Unreadable(
            f"the JSON is malformed at line {broken.lineno}, column {broken.colno} ({broken.msg})", "Check the export."
        ) from broken
    except ValueError as long:
        raise Unreadable("the JSON holds a number of thousands of digits", "Write it as a text, or leave it out.") from long
    except RecursionError as deep:
        raise Unreadable("the JSON is nested too deeply", "Save the records that are needed as JSONL or CSV.") from deep
    tables = _document_tables(document, name)
    if not tables:
        raise Unreadable("the JSON holds no list of records", 'Give it as [{"name": value, ...}, ...] or as CSV.')
    tables[0].notes[:0] = notes
    tables[0].warnings += [*warnings, *keys.told()]
    return tables, encoding


def read_jsonl(path: str, name: str, max_bytes: int) -> tuple[list[RawTable], str]:
    """(tables, encoding) of a file with one JSON object a line; lines that are none are counted."""
    encoding, notes, warnings = detect_encoding(path)
    size = Path(path).stat().st_size
    step = 1 if size <= max_bytes else prime_from(-(-size // max_bytes))
    records, bad, total = [], 0, 0
    keys = _Keys()
    for line in _json_lines(path, encoding):
        total += 1
        if (total - 1) % step:
            continue
        try:
            item = keys.decode(line)
        except (ValueError, RecursionError):
            bad += 1
            continue
        records.append(item if isinstance(item, dict) else {"value": item})
    if not records or bad > len(records):
        raise Unreadable(f"{bad} of {total} lines are not JSON", "Check that each line holds one JSON object.")
    tables = _from_records(records, name)
    if not tables:
        raise Unreadable("the records hold no fields", "Check the export.")
    tables[0].notes[:0] = notes
    tables[0].warnings += [*warnings, *keys.told()]
    if bad:
        tables[0].warnings.append(f"{bad} of {total} lines {'is no JSON and was' if bad == 1 else 'are not JSON and were'} left out")
    if step > 1:
        for table in tables:
            table.sampled, table.rows = len(table.frame), len(table.frame) * step
        tables[0].rows = total
        tables[0].warnings.append(
            f"the file is too large to be read whole: {len(records):,} of {total:,} lines were read, spread evenly over it"
        )
    return tables, encoding


class _Keys:
    """Reads JSON, and knows in how many objects a key occurs more than once: of such a key the last value stays."""

    def __init__(self) -> None:
        self.decode = json.JSONDecoder(object_pairs_hook=self._object).decode
        self._first = ""
        self._objects = 0

    def _object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._objects += 1
            self._first = self._first or next(key for at, (key, _) in enumerate(pairs) if key in dict(pairs[:at]))
        return found

    def told(self) -> list[str]:
        """What to say of it; nothing where each key occurs once."""
        if not self._objects:
            return []
        have = "an object has" if self._objects == 1 else f"{self._objects} objects have"
        key = _HALF_A_CHARACTER.sub("\ufffd", self._first[:60])
        return [f"{have} a key more than once ({key!r}); the last value of it was read"]


def _json_lines(path: str, encoding: str) -> Iterator[str]:
    with Path(path).open(encoding=encoding, errors="replace") as stream:
        yield from (line.strip().lstrip("\ufeff").rstrip(",") for line in stream if line.strip() and line.strip() not in "[],")


def _document_tables(document: object, name: str) -> list[RawTable]:
    if isinstance(document, list):
        return _from_list(document, name)
    if not isinstance(document, dict) or not document:
        return []
    if isinstance(document.get("columns"), list) and _rows_of_lists(document.get("data")):
        names = [str(c.get("name", i)) if isinstance(c, dict) else str(c) for i, c in enumerate(document["columns"])]
        return [_records_table(name, [dict(zip(names, row, strict=False)) for row in document["data"]])]
    values = list(document.values())
    if all(isinstance(v, list) for v in values) and len({len(v) for v in values}) == 1 and all(_is_plain(x) for v in values for x in v):
        return [_records_table(name, [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)])]
    if len(values) > 1 and all(isinstance(v, dict) for v in values) and len({tuple(sorted(v)) for v in values[:50]}) <= 3:
        return _keyed(document, name)
    found: list[RawTable] = []
    for key, value in document.items():
        if isinstance(value, list):
            found += _from_list(value, key)
        elif isinstance(value, dict) and len(document) < 50:
            found += [t for t in _document_tables(value, key) if t.rows > 1]
    if not found and all(_is_plain(v) for v in values):
        return [_records_table(name, [document])]
    if len(found) == 1:
        found[0].name = name
    return found


def _keyed(document: dict[str, dict[str, object]], name: str) -> list[RawTable]:
    """{"bern": {...}, "basel": {...}}: a record under each key; or columns under their names, as pandas writes them."""
    first = next(iter(document.values()))
    if all(_is_plain(x) for x in first.values()) and all(k.isdigit() for v in list(document.values())[:20] for k in v):
        return [_records_table(name, [{c: document[c].get(k) for c in document} for k in first])]
    tables = _from_records([{"key": k, **v} for k, v in document.items()], name)
    tables[0].notes.append("the keys of the object are read as the column `key`")
    return tables


def _is_plain(value: object) -> bool:
    return not isinstance(value, dict | list)


def _rows_of_lists(data: object) -> bool:
    return isinstance(data, list) and bool(data) and all(isinstance(row, list) for row in data)


def _from_list(items: list[object], name: str) -> list[RawTable]:
    if not items:
        return []
    if all(isinstance(item, dict) for item in items):
        return _from_records(items, name)
    if _rows_of_lists(items) and all(isinstance(c, str) for c in items[0]) and len(items) > 1:
        return [_records_table(name, [dict(zip(items[0], row, strict=False)) for row in items[1:]])]
    if _rows_of_lists(items):
        return [_records_table(name, [{f"column_{i + 1}": c for i, c in enumerate(row)} for row in items])]
    if all(_is_plain(item) for item in items) and len(items) > 1:
        return [_records_table(name, [{"value": item} for item in items])]
    return []


def _from_records(records: list[dict[str, object]], name: str) -> list[RawTable]:
    """The records, flattened with dots; each list of records inside them becomes a table with the parent's plain columns."""
    flat = [_flatten(r) for r in records]
    children: dict[str, list[dict[str, object]]] = {}
    for record in flat:
        plain = {k: v for k, v in record.items() if not isinstance(v, list)}
        for key, value in record.items():
            if isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
                inner = [{**plain, **{f"{key}.{c}": w for c, w in _flatten(x).items()}} for x in value]
                children.setdefault(key, []).extend(inner)
    rows = [{k: v for k, v in r.items() if k not in children} for r in flat]
    tables = [_records_table(name, rows)] if any(rows) else []
    for key, inner in children.items():
        tables.append(_records_table(f"{name}.{key}", inner))
        tables[-1].notes.append(f"one row for each entry of `{key}`, with the columns of its record")
    return tables


def _flatten(record: dict[str, object], prefix: str = "", depth: int = 0) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in record.items():
        if isinstance(value, dict) and depth < 6 and value:
            flat.update(_flatten(value, f"{prefix}{key}.", depth + 1))
        else:
            flat[f"{prefix}{key}"] = value
    return flat


_HALF_A_CHARACTER = re.compile(r"[\ud800-\udfff]")


def _as_cell(value: object) -> object:
    if isinstance(value, str):
        return _HALF_A_CHARACTER.sub("\ufffd", value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) if all(_is_plain(v) for v in value) else json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False) if value else None
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**62:
        return str(value)
    return value


def _records_table(name: str, rows: list[dict[str, object]]) -> RawTable:
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
    if len(names) > MAX_FIELDS:
        raise Unreadable(f"the records have {len(names):,} different fields", "Give the records as rows with the same fields.")
    columns = {i: pd.Series([_as_cell(row.get(n)) for row in rows], dtype=object) for i, n in enumerate(names)}
    frame = pd.DataFrame(columns).set_axis([_HALF_A_CHARACTER.sub("\ufffd", str(n)) for n in names], axis=1)
    return RawTable(name, frame, len(frame))
