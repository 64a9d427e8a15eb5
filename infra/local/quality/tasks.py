"""A suite on disk: each folder with a ``task.toml`` is one task.

``task.toml`` holds ``question``, ``inputs`` (data files), ``docs`` (documents), optionally ``hints`` and ``guidelines``, and
``[[checks]]``, each with its ``type``::

    question = "What is the mean temperature by city?"
    inputs = ["climate.csv"]

    [[checks]]
    type = "value"
    number = 14.5
    tolerance = 0.01

Paths are relative to the task's folder.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from schemas.base import Contract
from schemas.mission import ReadingHints
from shared.errors import BadInput
from shared.validation import said

FILE = "task.toml"


class ValueCheck(Contract):
    """The report states this figure (``number``, within ``tolerance``) or this word (``text``)."""

    type: Literal["value"]
    number: float | None = None
    tolerance: float = Field(default=0.0, ge=0)
    text: str | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> ValueCheck:
        if (self.number is None) == (self.text is None):
            raise ValueError("a value check has either number or text")
        return self


class Figure(Contract):
    """A number that an answer may be: found within ``tolerance``, or within ``relative`` (a share of the number)."""

    number: float
    tolerance: float = Field(default=0.0, ge=0)
    relative: float = Field(default=0.0, ge=0, lt=1)


class AnswerCheck(Contract):
    """The report states one of these, as words (case, punctuation and articles do not count) or as a recorded or written figure."""

    type: Literal["answer"]
    any_of: tuple[str | Figure, ...] = Field(min_length=1)


class ColumnsCheck(Contract):
    """The analysis used these columns."""

    type: Literal["columns"]
    names: tuple[str, ...] = Field(min_length=1)


class OperationCheck(Contract):
    """The analysis ran this operation."""

    type: Literal["operation"]
    name: str


class MustCite(Contract):
    """The report quotes a document: of this title or file name, on this page, with these words, as far as they are given."""

    type: Literal["must_cite"]
    source: str | None = None
    page: int | None = None
    quote: str | None = None


class MustRefuse(Contract):
    """Nothing is answered."""

    type: Literal["must_refuse"]


class ConflictCheck(Contract):
    """The report names a conflict (or, with ``present = false``, none), about these words where they are given."""

    type: Literal["conflict"]
    present: bool = True
    about: str | None = None


class MustNotSay(Contract):
    """None of these texts is stated by the report. What it quotes from documents does not count."""

    type: Literal["must_not_say"]
    texts: tuple[str, ...] = Field(min_length=1)


Check = Annotated[
    ValueCheck | AnswerCheck | ColumnsCheck | OperationCheck | MustCite | MustRefuse | ConflictCheck | MustNotSay,
    Field(discriminator="type"),
]


class TaskFile(Contract):
    """The content of a ``task.toml``. ``guidelines``: how the report is to be written, for tiers with a model."""

    question: str
    guidelines: str = ""
    inputs: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    hints: ReadingHints = ReadingHints()
    checks: tuple[Check, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its files found."""

    name: str
    content: TaskFile
    data: tuple[Path, ...]
    documents: tuple[Path, ...]


def load_suite(folder: Path) -> list[Task]:
    """All tasks below ``folder``, by name. ``BadInput`` names the file and what is wrong in it."""
    files = sorted(folder.rglob(FILE))
    if not files:
        raise BadInput(
            f"There is no {FILE} in {folder} or below.", remedy="A suite is a folder of task folders; see infra/local/quality/tasks.py."
        )
    return [_load(path, folder.name if path.parent == folder else path.parent.relative_to(folder).as_posix()) for path in files]


def _load(path: Path, name: str) -> Task:
    try:
        content = TaskFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is no TOML: {error}.", remedy="Correct it.") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {said(e)}" for e in error.errors(include_url=False, include_input=False))
        raise BadInput(f"{path}: {wrong}.", remedy="Correct it.") from error
    data, documents = (tuple(path.parent / given for given in names) for names in (content.inputs, content.docs))
    for file in (*data, *documents):
        if not file.exists():
            raise BadInput(f"{path} names {file.name}, which is not there.", remedy="Paths are relative to the task's folder.")
    return Task(name, content, data, documents)
