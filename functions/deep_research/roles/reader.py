"""The reader: what the passages say to a sub-question, as claims with the exact words that support them.

With a model: claims in the language of the question; code then looks for each quote and figure in the stored text (``claims.py``).
Extractive: the sentences themselves (``quotes.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.deep_research.claims import DROPPED, Author, Checked, Listed, Stated, checked
from functions.deep_research.frontier import MAX_QUERY_CHARS, place_of
from schemas.base import Contract
from shared.errors import NoModelAnswer
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, fits
from shared.models.roles import ModelRole

MAX_CLAIMS = 8
_QUESTION_TOKENS = 6_000
_KNOWN_TOKENS = 4_000


@dataclass(frozen=True)
class ReaderInput:
    """A sub-question, and passages that may answer it; ``titles`` by document, ``known`` what holds already."""

    question_id: str
    question: str
    answer_if: str
    passages: tuple[Listed, ...]
    titles: dict[str, str]
    known: tuple[str, ...] = ()


class ReadClaim(Contract):
    """One statement, and the words of a passage that it rests on."""

    passage: str = Field(max_length=12)
    quote: str = Field(max_length=2_000, description="copied from the passage, letter by letter")
    claim: str = Field(min_length=1, max_length=400)
    nature: Literal["fact", "inference", "hypothesis"]


class ReaderAnswer(Contract):
    """What the passages say."""

    claims: tuple[ReadClaim, ...] = Field(default=(), max_length=MAX_CLAIMS)
    answered: Literal["fully", "partly", "no"] = Field(description="whether these claims and the known ones answer the question")
    leads: tuple[str, ...] = Field(default=(), max_length=2, description="search queries for what is still missing")


@dataclass(frozen=True)
class Read:
    """What came of one reading."""

    found: Checked
    answered: Literal["fully", "partly", "no"]
    leads: tuple[str, ...]


READER = ModelRole("reader", Prompt.beside(__file__, "reader"), ReaderAnswer, max_output_tokens=4_096)


def ask_readers(models: Models, given: Sequence[ReaderInput], language: str) -> list[Read | NoModelAnswer]:
    """One reading for each input, asked at the same time. An answer of which no claim stands is sent back with the reasons.

    Passages have ids that are unique over all inputs, since one check serves all answers.
    """
    firsts = _firsts(given)
    listed = [{f"p{first + i}": p for i, p in enumerate(one.passages)} for one, first in zip(given, firsts, strict=True)]
    all_listed = {own: passage for one in listed for own, passage in one.items()}
    author = Author(models.tier.value, f"{READER.prompt.front.id}@{READER.prompt.front.version}")

    def stands(answer: ReaderAnswer) -> None:
        looked_at = checked(_stated(answer), all_listed, question_id="", language=language, author=author)
        if answer.claims and not looked_at.claims:
            raise ValueError("no claim can be kept: " + "; ".join(DROPPED[reason] for reason in sorted(looked_at.dropped)))

    variables = [_variables(one, first) for one, first in zip(given, firsts, strict=True)]
    found: list[Read | NoModelAnswer] = []
    for one, own, answer in zip(given, listed, models.ask_each(READER, variables, check=stands), strict=True):
        if isinstance(answer, NoModelAnswer):
            found.append(answer)
            continue
        claims = checked(_stated(answer), own, question_id=one.question_id, language=language, author=author)
        found.append(Read(claims, answer.answered, tuple(lead[:MAX_QUERY_CHARS] for lead in answer.leads)))
    return found


def _firsts(given: Sequence[ReaderInput]) -> list[int]:
    """The number of each input's first passage."""
    counts = [len(one.passages) for one in given]
    return [1 + sum(counts[:i]) for i in range(len(counts))]


def _stated(answer: ReaderAnswer) -> list[Stated]:
    return [Stated(c.passage, c.quote, c.claim, c.nature) for c in answer.claims]


def _variables(given: ReaderInput, first: int) -> dict[str, PromptValue]:
    passages: list[PromptValue] = [
        {
            "id": f"p{first + i}",
            **place_of(given.titles.get(p.passage.document_id, ""), p.passage.page, p.passage.heading_path),
            "text": p.text,
        }
        for i, p in enumerate(given.passages)
    ]
    return {
        "question": fits(given.question, _QUESTION_TOKENS),
        "answer_if": given.answer_if or "(not said)",
        "known": fits("\n".join(given.known), _KNOWN_TOKENS) or "(nothing yet)",
        "passages": passages,
        "most": MAX_CLAIMS,
    }
