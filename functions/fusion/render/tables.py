"""Tables that a run left behind, ready to be shown: read as CSV, each number formatted as every figure of the report is."""

from __future__ import annotations

import csv
import io
import math
import re
from dataclasses import dataclass

from functions.fusion.figures import number_text
from schemas.outcome import OutcomeArtifact

MAX_ROWS = 15
MAX_COLUMNS = 12
_INTEGER = re.compile(r"[-+]?(?:0|[1-9]\d{0,14})")
_FLOAT = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")


@dataclass(frozen=True, slots=True)
class Table:
    """Text cells in rows. ``numeric`` marks the columns to align right; ``cut`` says that rows or columns are left out."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    cut: bool = False


def read_table(artifact: OutcomeArtifact, data: bytes) -> Table | None:
    """The first rows of a CSV or TSV table; ``None`` for another format or an empty one."""
    tabs = artifact.media_type == "text/tab-separated-values" or artifact.name.endswith(".tsv")
    if not (tabs or artifact.media_type == "text/csv" or artifact.name.endswith(".csv")):
        return None
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig", errors="replace")), delimiter="\t" if tabs else ",")
    raw: list[list[str]] = []
    try:
        for row in reader:
            if row:
                raw.append(row)
            if len(raw) > MAX_ROWS + 1:
                break
    except csv.Error:
        return None
    if len(raw) < 2:
        return None
    width = min(len(raw[0]), MAX_COLUMNS)
    body = [(row + [""] * width)[:width] for row in raw[1 : MAX_ROWS + 1]]
    numeric = tuple(all(_FLOAT.fullmatch(r[i]) or not r[i] for r in body) for i in range(width))
    columns = [_column([row[i] for row in body]) if numeric[i] else tuple(row[i].strip() for row in body) for i in range(width)]
    rows = tuple(zip(*columns, strict=True))
    return Table(tuple(raw[0][:width]), rows, numeric, cut=len(raw) > MAX_ROWS + 1 or len(raw[0]) > width)


def _column(cells: list[str]) -> tuple[str, ...]:
    """A column of numbers, each with as many decimals as the one that needs most."""
    texts = [cell_text(cell) for cell in cells]
    most = max((len(t.partition(".")[2]) for t in texts if "×" not in t), default=0)
    return tuple(_padded(t, most) for t in texts)


def _padded(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    if not text or not decimals or "×" in text or not whole.lstrip("−").replace(",", "").isdecimal():
        return text
    return f"{whole}.{fraction.ljust(decimals, '0')}"


def cell_text(cell: str) -> str:
    """A cell as it is shown; a text that only looks like a number (007) stays as it is."""
    text = cell.strip()
    if _INTEGER.fullmatch(text):
        return number_text(int(text))
    if _FLOAT.fullmatch(text) and not re.match(r"[-+]?0\d", text) and math.isfinite(float(text)):
        return number_text(float(text))
    return text
