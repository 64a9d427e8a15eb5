"""Reading the benchmarks' files. What is broken is told with the file, the place and the field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from schemas.mission import MAX_QUESTION_CHARS
from shared.errors import BadInput
from shared.validation import said

RecordT = TypeVar("RecordT", bound=BaseModel)
_MAX_GUIDELINES = 2_000


class Record(BaseModel):
    """A record of a benchmark's file: fields that we do not use are left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A question of a benchmark that cannot be a task here."""

    name: str
    why: str


def first(folder: Path, places: tuple[str, ...]) -> Path | None:
    """The first of these paths that is a file; ``folder`` itself where it is one."""
    if folder.is_file():
        return folder
    return next((path for place in places if (path := folder / place).is_file()), None)


def read_list(path: Path, record: type[RecordT]) -> list[RecordT]:
    """A JSON file that is one list."""
    return _validated(path, _parsed(path, _text(path)), record)


def read_lines(path: Path, record: type[RecordT]) -> Iterator[RecordT]:
    """A file with one JSON object a line; empty lines do not count."""
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if line.strip():
            yield from _validated(path, [_parsed(path, line, line_number=number)], record, line_number=number)


def question(*parts: str) -> str:
    """One question of several parts; ``BadInput`` where it is longer than a mission takes."""
    text = " ".join(part.strip() for part in parts if part.strip())
    if not text:
        raise BadInput("the question is empty.")
    if len(text) > MAX_QUESTION_CHARS:
        raise BadInput(f"the question has {len(text):,} characters; a mission takes {MAX_QUESTION_CHARS:,}.")
    return text


def guidelines(text: str) -> str:
    """How the report is to be written, as much as a mission takes."""
    return text.strip()[:_MAX_GUIDELINES]


def file_name(title: str) -> str:
    """A file name that reads like ``title``."""
    return re.sub(r"[^\w]+", "_", title, flags=re.ASCII).strip("_")[:60] or "untitled"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.", remedy="Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is no UTF-8 text (byte {error.start}).", remedy="Download it again.") from error


def _parsed(path: Path, text: str, *, line_number: int = 0) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line = line_number or error.lineno
        raise BadInput(f"{path}, line {line}: this is no JSON ({error.msg}).", remedy="Download it again.") from error


def _validated(path: Path, found: object, record: type[RecordT], *, line_number: int = 0) -> list[RecordT]:
    try:
        return TypeAdapter(list[record]).validate_python(found)  # type: ignore[valid-type]  # the type is a value here
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        place = [str(part) for part in wrong["loc"]]
        where = f", line {line_number}" if line_number else f", record {place[0]}" if place else ""
        raise BadInput(
            f"{path}{where}: {'.'.join(place[1:]) or 'the whole'}: {said(wrong)}.",
            remedy="It has another layout than docs/benchmarks.md describes; download it again.",
        ) from error
