"""The checker: whether each sentence of the answer says no more than what it cites. One that does is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.fusion.roles.writer import MAX_SENTENCES
from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, first_of, fits
from shared.models.roles import ModelRole

_SENTENCE_TOKENS = 600
_SOURCE_TOKENS = 500
_SOURCES_TOKENS = 1_600
"""What one sentence cites is shown as far as it fits; what the checker does not see supports nothing."""


@dataclass(frozen=True, slots=True)
class CitedSentence:
    """A sentence as the reader will see it, with the texts that it cites."""

    text: str
    sources: tuple[str, ...]


class Check(Contract):
    """The verdict on one sentence."""

    number: int
    verdict: Literal["supported", "not_supported"]


class CheckerAnswer(Contract):
    """A verdict on every sentence."""

    checks: tuple[Check, ...] = Field(max_length=MAX_SENTENCES)


ROLE: ModelRole[CheckerAnswer] = ModelRole("fusion_checker", Prompt.beside(__file__, "checker"), CheckerAnswer, max_output_tokens=1_024)


def supported(models: Models, sentences: Sequence[CitedSentence]) -> frozenset[int]:
    """The indices of the sentences that hold. A sentence without a verdict does not. Raises ``NoModelAnswer``."""
    if not sentences:
        return frozenset()

    def check(answer: CheckerAnswer) -> None:
        if sorted(c.number for c in answer.checks) != list(range(1, len(sentences) + 1)):
            raise ValueError(f"one verdict for each of the sentences 1 to {len(sentences)}, please")

    listed: list[PromptValue] = [
        {
            "number": n,
            "sentence": fits(s.text, _SENTENCE_TOKENS),
            "cites": first_of([fits(text, _SOURCE_TOKENS) for text in s.sources], _SOURCES_TOKENS),
        }
        for n, s in enumerate(sentences, start=1)
    ]
    answer = models.ask(ROLE, {"sentences": listed}, check=check)
    return frozenset(c.number - 1 for c in answer.checks if c.verdict == "supported")
