"""The writer: the answer in at most five sentences. Figures are slots that code fills; every sentence names what it rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import Field

from schemas.base import Contract
from schemas.fusion import WordedSentence
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, first_of, fits
from shared.models.roles import ModelRole

MAX_SENTENCES = 5
MAX_MATERIAL = 24
_QUESTION_TOKENS = 4_000
_GUIDELINES_TOKENS = 800
_STATEMENT_TOKENS = 400
_CLAIMS_TOKENS = 4_000
_FINDINGS_TOKENS = 5_000
_SLOT_TOKENS = 80
_MAX_SLOTS = 12
_CONFLICTS_TOKENS = 800


@dataclass(frozen=True, slots=True)
class Material:
    """A verified statement that may be cited. ``slots``: the recorded values of a finding, by id, as a reader would see them."""

    id: str
    text: str
    slots: Mapping[str, str] = field(default_factory=dict)


class WriterAnswer(Contract):
    """The sentences, the most important first."""

    sentences: tuple[WordedSentence, ...] = Field(max_length=MAX_SENTENCES)


ROLE: ModelRole[WriterAnswer] = ModelRole("fusion_writer", Prompt.beside(__file__, "writer"), WriterAnswer, max_output_tokens=2_048)


def write(
    models: Models,
    *,
    question: str,
    guidelines: str,
    claims: Sequence[Material],
    findings: Sequence[Material],
    conflicts: Sequence[str],
) -> tuple[WordedSentence, ...]:
    """Sentences whose ids all exist; whether they hold is for the checker and for code. Raises ``NoModelAnswer``."""
    claim_ids, finding_ids = {c.id for c in claims}, {f.id for f in findings}
    if not claim_ids and not finding_ids:
        return ()

    def check(answer: WriterAnswer) -> None:
        for sentence in answer.sentences:
            strange = sorted({*sentence.claim_ids} - claim_ids | {*sentence.finding_ids} - finding_ids)
            if strange:
                raise ValueError(f"there is no claim or finding {strange[0]}: cite only ids that are listed")
            if not sentence.claim_ids and not sentence.finding_ids:
                raise ValueError(f"the sentence {sentence.text[:60]!r} cites nothing")

    statements: list[PromptValue] = [{"id": c.id, "text": fits(c.text, _STATEMENT_TOKENS)} for c in claims[:MAX_MATERIAL]]
    results: list[PromptValue] = [
        {"id": f.id, "text": fits(f.text, _STATEMENT_TOKENS), "values": _shown(f.slots)} for f in findings[:MAX_MATERIAL]
    ]
    variables: dict[str, PromptValue] = {
        "question": fits(question, _QUESTION_TOKENS),
        "guidelines": fits(guidelines, _GUIDELINES_TOKENS),
        "claims": first_of(statements, _CLAIMS_TOKENS),
        "findings": first_of(results, _FINDINGS_TOKENS),
        "conflicts": first_of([fits(text, _STATEMENT_TOKENS) for text in conflicts], _CONFLICTS_TOKENS),
    }
    return models.ask(ROLE, variables, check=check).sentences


def _shown(slots: Mapping[str, str]) -> dict[str, PromptValue]:
    return {slot: fits(text, _SLOT_TOKENS) for slot, text in list(slots.items())[:_MAX_SLOTS]}
