"""The synthesizer: what the claims that hold come to for a sub-question, and what they assert in a form that code can compare.

With a model: status, gaps, confidence, hypotheses for the data, assertions where code found none. Extractive: ``synthesize.py`` and
``hypotheses.py``. It states nothing new: every id is a claim's, every figure one of a claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from functions.deep_research.claims import safe_remark
from functions.deep_research.fillings import StatedAssertion, filled, plain_assertion
from functions.deep_research.frontier import place_of
from functions.deep_research.state import Conclusion, ModelClaim, Suggested
from schemas.base import Contract
from shared.errors import NoModelAnswer
from shared.language.numbers import NumberSources, unsourced
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, first_of, fits
from shared.models.roles import ModelRole

Sureness = Literal["low", "medium", "high"]
CONFIDENCE: Mapping[Sureness, float] = {"low": 0.3, "medium": 0.6, "high": 0.9}
MAX_CLAIMS = 16
_QUESTION_TOKENS = 6_000
_CLAIMS_TOKENS = 15_000


@dataclass(frozen=True)
class SynthesizerInput:
    """A sub-question and the claims that hold for it, each with its place among the state's claims; ``titles`` by document."""

    question_id: str
    question: str
    answer_if: str
    claims: tuple[tuple[int, ModelClaim], ...]
    titles: dict[str, str]


class ClaimNote(Contract):
    """How sure a claim is, and what it asserts."""

    claim: str = Field(max_length=12)
    confidence: Sureness
    assertion: StatedAssertion | None = None


class SuggestedTest(Contract):
    """A hypothesis that data could settle."""

    hypothesis: str = Field(min_length=1, max_length=300)
    analysis: str = Field(min_length=1, max_length=200)
    claims: tuple[Annotated[str, StringConstraints(max_length=12)], ...] = Field(min_length=1, max_length=4)


class SynthesizerAnswer(Contract):
    """What the claims come to."""

    status: Literal["answered", "partial", "not_answered"]
    note: str = Field(default="", max_length=300, description="why it is not fully answered; empty where it is")
    gaps: tuple[Annotated[str, StringConstraints(max_length=200)], ...] = Field(default=(), max_length=3)
    claims: tuple[ClaimNote, ...] = Field(default=(), max_length=2 * MAX_CLAIMS)
    hypotheses: tuple[SuggestedTest, ...] = Field(default=(), max_length=2)


@dataclass(frozen=True)
class Concluded:
    """A conclusion, and the claims it speaks of with confidence and assertion, by place."""

    conclusion: Conclusion
    claims: dict[int, ModelClaim]
    dropped: int
    """Remarks and hypotheses that were left out."""


SYNTHESIZER = ModelRole("synthesizer", Prompt.beside(__file__, "synthesizer"), SynthesizerAnswer, max_output_tokens=4_096)


def ask_synthesizers(models: Models, given: Sequence[SynthesizerInput], language: str) -> list[Concluded | NoModelAnswer]:
    """For each sub-question its conclusion, asked at the same time."""
    most = max((len(one.claims) for one in given), default=0)

    def check(answer: SynthesizerAnswer) -> None:
        named = {note.claim for note in answer.claims} | {own for test in answer.hypotheses for own in test.claims}
        unknown = sorted(named - {f"c{i}" for i in range(1, most + 1)})
        if unknown:
            raise ValueError(f"there is no claim {', '.join(unknown)[:100]}; use the ids that are listed")

    answers = models.ask_each(SYNTHESIZER, [_variables(one) for one in given], check=check)
    return [
        answer if isinstance(answer, NoModelAnswer) else _concluded(answer, one, models.tier.value, language)
        for one, answer in zip(given, answers, strict=True)
    ]


def _concluded(answer: SynthesizerAnswer, given: SynthesizerInput, tier: str, language: str) -> Concluded:
    by_id = {f"c{i}": entry for i, entry in enumerate(given.claims, start=1)}
    sure = {note.claim: note for note in answer.claims if note.claim in by_id}
    claims: dict[int, ModelClaim] = {}
    for own, (place, claim) in by_id.items():
        note = sure.get(own)
        assertion = plain_assertion(claim.text) or (filled(note.assertion, claim) if note and note.assertion else None)
        confidence = CONFIDENCE[note.confidence] if note else claim.confidence
        nature = "inference" if claim.nature == "fact" and assertion and assertion.modality in ("projected", "possible") else claim.nature
        claims[place] = claim.model_copy(update={"assertion": assertion, "confidence": confidence, "nature": nature})
    tests = [_suggested(test, by_id, language) for test in answer.hypotheses]
    hypotheses = tuple(test for test in tests if test is not None)
    gaps = tuple(filter(None, (safe_remark(gap, language) for gap in answer.gaps)))
    conclusion = Conclusion(
        question_id=given.question_id,
        status=answer.status,
        note=safe_remark(answer.note, language) if answer.status != "answered" else "",
        gaps=gaps,
        hypotheses=hypotheses,
        tier=tier,
        prompt_version=f"{SYNTHESIZER.prompt.front.id}@{SYNTHESIZER.prompt.front.version}",
    )
    return Concluded(conclusion, claims, len(answer.gaps) - len(gaps) + len(tests) - len(hypotheses))


def _suggested(test: SuggestedTest, by_id: Mapping[str, tuple[int, ModelClaim]], language: str) -> Suggested | None:
    """The hypothesis, if it stands on claims and states no figure that they do not state."""
    cited = [by_id[own] for own in dict.fromkeys(test.claims) if own in by_id]
    text, analysis = safe_remark(test.hypothesis, language), safe_remark(test.analysis, language)
    if not cited or not text or not analysis:
        return None
    if unsourced(f"{text}\n{analysis}", NumberSources.of(claim.text for _, claim in cited)):
        return None
    return Suggested(text=text, analysis=analysis, claims=tuple(place for place, _ in cited))


def _variables(given: SynthesizerInput) -> dict[str, PromptValue]:
    claims: list[PromptValue] = []
    for number, (_, claim) in enumerate(given.claims, start=1):
        quote = claim.quotes[0]
        place = place_of(given.titles.get(quote.document_id, ""), quote.page, quote.heading_path)
        needed = plain_assertion(claim.text) is None
        claims.append({"id": f"c{number}", "claim": claim.text, "nature": claim.nature, "assertion_wanted": needed, **place})
    return {
        "question": fits(given.question, _QUESTION_TOKENS),
        "answer_if": given.answer_if or "(not said)",
        "claims": first_of(claims, _CLAIMS_TOKENS),
    }
