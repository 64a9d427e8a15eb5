"""The code behind a figure, as a page shows it: the operation itself, with the lines marked that recorded a figure."""

from __future__ import annotations

from dataclasses import dataclass

OPERATION_MARK = "# --- the operation ---\n\n"
"""In a script that runs by itself (``functions/ds_star/standalone.py`` writes them) what stands before it is only its library."""

MAX_CODE_BYTES = 60_000
"""Longer code stays in its file."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of a script; ``records`` where a figure of the report was recorded there."""

    text: str
    records: bool


@dataclass(frozen=True, slots=True)
class Script:
    """A script as it was run."""

    name: str
    lines: tuple[CodeLine, ...]


def runs_alone(data: bytes) -> bool:
    """Whether a script needs nothing but its data folder to run again."""
    return OPERATION_MARK.encode() in data


def read_script(name: str, data: bytes, recorded_lines: set[int]) -> Script | None:
    """The operation of a script; ``None`` where it is too long for a page."""
    text = data.decode("utf-8", errors="replace")
    library, mark, operation = text.rpartition(OPERATION_MARK)
    operation = operation.rstrip("\n")
    if len(operation) > MAX_CODE_BYTES:
        return None
    first = 1 + library.count("\n") + mark.count("\n")
    return Script(name, tuple(CodeLine(line, n in recorded_lines) for n, line in enumerate(operation.split("\n"), start=first)))
