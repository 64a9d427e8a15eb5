"""The planner: what to search for. It adds search queries to the sub-questions that both tracks share, and splits nothing itself.

With a model: queries of other words and other angles, and what would count as an answer. Extractive: each question's own words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from functions.deep_research.frontier import MAX_QUERIES, MAX_QUERY_CHARS, orthogonal
from functions.deep_research.quotes import with_context
from functions.deep_research.state import ReadDocument, Study
from schemas.base import Contract
from schemas.evidence import SubQuestion
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, fits
from shared.models.roles import ModelRole

_QUESTION_TOKENS = 6_000
_DOCUMENTS_TOKENS = 4_000


@dataclass(frozen=True)
class PlannerInput:
    """The question, its parts, and what there is to search."""

    question: str
    parts: tuple[SubQuestion, ...]
    documents: tuple[ReadDocument, ...]
    in_space: int = 0
    """Documents of the knowledge space beside the mission's own."""


class PlannedPart(Contract):
    """How one sub-question is looked for."""

    question_id: str
    queries: tuple[Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARS)], ...] = Field(default=(), max_length=MAX_QUERIES - 1)
    answer_if: str = Field(default="", max_length=300, description="what a passage has to state to be an answer")


class PlannerAnswer(Contract):
    """One entry for each sub-question."""

    parts: tuple[PlannedPart, ...] = Field(max_length=12)


PLANNER = ModelRole("planner", Prompt.beside(__file__, "planner"), PlannerAnswer)


def own_words(parts: Sequence[SubQuestion]) -> tuple[Study, ...]:
    """Each sub-question, looked for by its own words: the extractive plan."""
    return tuple(Study(question_id=part.id, queries=(with_context(parts, at),)) for at, part in enumerate(parts))


def ask_planner(models: Models, given: PlannerInput) -> tuple[Study, ...]:
    """The plan; a sub-question that the model left out is looked for by its own words alone."""
    known = {part.id for part in given.parts}

    def check(answer: PlannerAnswer) -> None:
        unknown = sorted({part.question_id for part in answer.parts} - known)
        if unknown:
            raise ValueError(f"question_id has to be one of {', '.join(sorted(known))}, not {', '.join(unknown)[:100]}")

    variables: dict[str, PromptValue] = {
        "question": fits(given.question, _QUESTION_TOKENS),
        "parts": fits("\n".join(f"{part.id}: {part.text}" for part in given.parts), _QUESTION_TOKENS),
        "documents": fits(_described(given), _DOCUMENTS_TOKENS),
        "most": MAX_QUERIES - 1,
    }
    answer = models.ask(PLANNER, variables, check=check)
    studies = {study.question_id: study for study in own_words(given.parts)}
    for part in answer.parts:
        study = studies[part.question_id]
        queries = orthogonal(study.queries, part.queries, at_most=MAX_QUERIES)
        answer_if = " ".join(part.answer_if.split()) or study.answer_if
        studies[part.question_id] = study.model_copy(update={"queries": queries, "answer_if": answer_if})
    return tuple(studies.values())


def _described(given: PlannerInput) -> str:
    """A line for each document; of what stands in them nothing."""
    lines = [
        f"{d.name}" + (f", {d.pages} pages" if d.pages else "") + (f", language {d.language}" if d.language else "")
        for d in given.documents
        if d.origin in ("mission", "web")
    ]
    lines += [f"and {given.in_space} documents of a knowledge space"] if given.in_space else []
    return "\n".join(lines) or "(none)"
