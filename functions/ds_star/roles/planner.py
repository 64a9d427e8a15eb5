"""The Planner: what to calculate for a sub-question. Extractive: the reader's operations, or its refusal."""

from __future__ import annotations

from dataclasses import dataclass, field

from functions.ds_star.operation import OperationSpec
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading, Refusal
from schemas.analysis import FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import ReadingHints


@dataclass(frozen=True)
class PlannerInput:
    """A sub-question and what there is to answer it from: the mission's data, then the tables of its documents."""

    question: SubQuestion
    data: tuple[FileDescription, ...]
    from_documents: tuple[FileDescription, ...] = ()
    before: OperationSpec | None = None
    """The last operation of the sub-question before: what a pronoun may speak of."""
    hints: ReadingHints = field(default_factory=ReadingHints)


def plan(given: PlannerInput) -> Reading | Refusal:
    """The reading against the data files; where they do not fit, against the tables of the documents as well."""
    first = read_question(given.question, given.data or given.from_documents, given.hints, given.before)
    if isinstance(first, Reading) or not given.data or first.kind not in ("unmatched", "no_operation", "no_data"):
        return first
    if not given.from_documents:
        return first
    second = read_question(given.question, (*given.data, *given.from_documents), given.hints, given.before)
    return second if isinstance(second, Reading) else first
