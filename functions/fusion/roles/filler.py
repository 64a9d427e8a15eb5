"""The filler: what a statement is about (measure, entity, period, ...) where code could not tell. Figures stay those of its quotes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.assertion import Assertion, Comparator, Modality, Statistic
from schemas.base import Contract, LocalId
from schemas.fusion import FilledAssertion
from shared.models.asking import Models
from shared.models.prompts import Prompt, first_of, fits
from shared.models.roles import ModelRole

MAX_STATEMENTS = 24
_STATEMENT_TOKENS = 400
_STATEMENTS_TOKENS = 10_000
_NAME_TOKENS = 40
_VOCABULARY_TOKENS = 2_000
_YEAR = re.compile(r"\d{4}")
_WORD = re.compile(r"[^\W_]{2,}")
Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=120)]


@dataclass(frozen=True, slots=True)
class Statement:
    """A claim or finding by its id, with its text and what is known of it."""

    id: str
    text: str
    assertion: Assertion | None


class Filling(Contract):
    """What one statement is about; what it does not say stays null."""

    id: LocalId
    entity: Words | None = None
    measure: Words | None = None
    statistic: Statistic = "unknown"
    comparator: Comparator = "unknown"
    value: float | None = None
    unit: Words | None = None
    period: Words | None = None
    population: Words | None = None
    modality: Modality = "unknown"


class FillerAnswer(Contract):
    """One filling for each statement that states something measurable."""

    fillings: tuple[Filling, ...] = Field(max_length=MAX_STATEMENTS)


ROLE: ModelRole[FillerAnswer] = ModelRole("fusion_filler", Prompt.beside(__file__, "filler"), FillerAnswer, max_output_tokens=4_096)


def fill(models: Models, statements: Sequence[Statement], vocabulary: Sequence[str]) -> tuple[FilledAssertion, ...]:
    """The statements' assertions with what the model added. What code knew already stays as it is. Raises ``NoModelAnswer``."""
    chosen = statements[:MAX_STATEMENTS]
    if not chosen:
        return ()
    known = {s.id: s for s in chosen}

    def check(answer: FillerAnswer) -> None:
        strange = sorted({f.id for f in answer.fillings} - known.keys())
        if strange:
            raise ValueError(f"no statement has the id {strange[0]}; the ids are {', '.join(known)}")

    listed = first_of([{"id": s.id, "text": fits(s.text, _STATEMENT_TOKENS)} for s in chosen], _STATEMENTS_TOKENS)
    names = first_of([fits(name, _NAME_TOKENS) for name in vocabulary], _VOCABULARY_TOKENS)
    answer = models.ask(ROLE, {"statements": listed, "vocabulary": names}, check=check)
    words = " ".join(vocabulary)
    filled = {f.id: FilledAssertion(of=f.id, assertion=merged(known[f.id], f, words)) for f in answer.fillings}
    return tuple(f for f in filled.values() if f.assertion != known[f.of].assertion)


def merged(known: Statement, filling: Filling, vocabulary: str = "") -> Assertion:
    """The statement's assertion with its gaps filled by what the statement's own words bear out."""
    base = known.assertion or Assertion()
    offered = _grounded(filling, known.text, vocabulary)
    missing = {name: value for name, value in offered.items() if getattr(base, name) in (None, "unknown") and value not in (None, "")}
    if base.value is not None or (base.low is not None and base.high is not None):
        missing.pop("comparator", None)  # how a figure is meant was read with the figure
    return Assertion.model_validate({**base.model_dump(), **missing})


def _grounded(filling: Filling, text: str, vocabulary: str) -> dict[str, object]:
    """What stands in the statement: years and names that it does not have would make a comparison of what nobody said."""
    offered = filling.model_dump(exclude={"id"})
    said = _stems(text)
    if filling.period is not None and not set(_YEAR.findall(filling.period)) <= set(_YEAR.findall(text)):
        offered["period"] = None
    for name in ("entity", "population"):
        if not _stems(offered[name] or "") <= said:
            offered[name] = None
    if filling.measure is not None and not _stems(filling.measure) & (said | _stems(vocabulary)):
        offered["measure"] = None
    if filling.unit is not None and filling.unit.casefold() not in text.casefold() and not _stems(filling.unit) <= said:
        offered["unit"] = None
    return offered


def _stems(text: str) -> set[str]:
    return {word.casefold()[:5] for word in _WORD.findall(text)}
