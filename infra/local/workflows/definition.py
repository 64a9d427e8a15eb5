"""Reads a definition from a file or a text: ``load`` gives one that the service would deploy, ``look`` one with problems too."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.local.workflows.build import build
from infra.local.workflows.errors import DefinitionError, Problem
from infra.local.workflows.interpreter import RoutineCode
from infra.local.workflows.limits import SERVICE
from infra.local.workflows.parse import parse
from infra.local.workflows.syntax import Program


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that the service would deploy, ready to run any number of times."""

    name: str
    program: Program
    routines: dict[str, RoutineCode]


@dataclass(frozen=True, slots=True)
class Reading:
    """What can be read of a definition, and what is wrong with it, in the order of its lines."""

    file: str
    name: str
    program: Program
    routines: dict[str, RoutineCode]
    problems: list[Problem]


def load(source: Path | str, *, name: str | None = None) -> Definition:
    """The definition in a file (given as Path, or as a str without a line break that names one) or in a text.

    Raises DefinitionError with every problem that it has.
    """
    reading = look(source, name=name)
    if reading.problems:
        raise DefinitionError(reading.file, reading.problems)
    return Definition(reading.name, reading.program, reading.routines)


def look(source: Path | str, *, name: str | None = None) -> Reading:
    """As ``load``, for a definition with problems too. Raises DefinitionError where there is nothing to read: no file, no YAML."""
    path = source if isinstance(source, Path) else Path(source) if "\n" not in source and len(source) < 4096 and _is_file(source) else None
    file = str(path) if path is not None else (name or "<workflow>")
    program, problems = parse(_read(path) if path is not None else str(source), file)
    routines, more = build(program)
    found = sorted(dict.fromkeys(problems + more), key=lambda problem: (problem.line, problem.column))
    return Reading(file, name or (path.stem if path is not None else "workflow"), program, routines, found)


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(SERVICE.source_bytes + 1)
            if len(content) <= SERVICE.source_bytes:
                return content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DefinitionError(str(path), [Problem(f"cannot read the file: {problem}", 1, 1, code="unreadable")]) from None
    message = f"the definition has more than {SERVICE.source_bytes} bytes, which is the limit"
    raise DefinitionError(str(path), [Problem(message, 1, 1, code="source_too_large")])
