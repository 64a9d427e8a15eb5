"""The committed scripts and modules that run in the sandbox's interpreter; nothing here imports them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "sandbox_scripts"
READING = (
    "sniffing",
    "dates",
    "headers",
    "cells",
    "grids",
    "delimited",
    "subtotals",
    "workbooks",
    "nested",
    "databases",
    "roles",
    "members",
    "tables",
)
"""The modules that read files, each behind those that it imports."""
OPERATING = (
    "figures",
    "concluding",
    "periods",
    "selecting",
    "time_parts",
    "joining",
    "units_of_analysis",
    "group_tests",
    "association",
    "trends",
    "charting",
    "operating",
    "against",
    "ranking",
    "trending",
    "trend_ranking",
    "category_comparison",
)
"""The modules that the operations share, in the same order."""


@cache
def source_of(name: str) -> str:
    """The text of one script or module."""
    return (FOLDER / f"{name}.py").read_text(encoding="utf-8")


@cache
def libraries(*names: str) -> tuple[tuple[str, str], ...]:
    """(name, source) of each module, as a ``SandboxJob`` takes them."""
    return tuple((name, source_of(name)) for name in names)


@cache
def digest(*names: str) -> str:
    """What changes whenever one of the texts does: a part of every cache key."""
    together = hashlib.sha256()
    for name in names:
        together.update(f"{name}\0{source_of(name)}\0".encode())
    return together.hexdigest()
