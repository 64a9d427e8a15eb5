"""The auditor: whether each claim follows from its quote. A check that fails, is missing or is in doubt leaves ``unchecked``.

With a model: entailed, unchecked or contradicted, and which claim says the same as an earlier one. Extractive, and for every claim that is
its quote word for word: decided by code (``claims.py``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import Field

from functions.deep_research.claims import shares_nothing
from functions.deep_research.contradicting import contradicts
from functions.deep_research.frontier import place_of
from functions.deep_research.state import ModelClaim
from schemas.base import Contract
from shared.errors import NoModelAnswer
from shared.models.asking import Models
from shared.models.prompts import Prompt, PromptValue, clean, fits
from shared.models.roles import ModelRole

Word = Literal["entailed", "unchecked", "contradicted"]
MAX_AT_ONCE = 12
CLAIMS_BYTES = 36_000
"""What one auditor is given: at most so many claims, and so many bytes of them with their quotes (one claim at least)."""
_KNOWN_TOKENS = 4_000


@dataclass(frozen=True)
class AuditorInput:
    """Claims of one sub-question to judge, and those that hold already; ``titles`` by document."""

    claims: tuple[ModelClaim, ...]
    known: tuple[ModelClaim, ...]
    titles: dict[str, str]


class Verdict(Contract):
    """What is said of one claim."""

    claim: str = Field(max_length=12)
    verdict: Word
    same_as: str = Field(default="", max_length=12, description="the id of an earlier claim that says the same; empty for none")


class AuditorAnswer(Contract):
    """One verdict for each claim."""

    verdicts: tuple[Verdict, ...] = Field(default=(), max_length=4 * MAX_AT_ONCE)


@dataclass(frozen=True)
class Judged:
    """A verdict. ``same_as``: the place of an earlier claim among ``known`` and then ``claims`` that it is said to repeat."""

    support: Word
    same_as: int | None = None


AUDITOR = ModelRole("auditor", Prompt.beside(__file__, "auditor"), AuditorAnswer)


def at_once(claims: Sequence[ModelClaim]) -> int:
    """How many of the claims one auditor is given."""
    used = 0
    for count, claim in enumerate(claims):
        used += len(clean(json.dumps([claim.text, claim.quotes[0].quote], ensure_ascii=False)).encode())
        if count >= MAX_AT_ONCE or (count and used > CLAIMS_BYTES):
            return count
    return len(claims)


def ask_auditors(models: Models, given: Sequence[AuditorInput]) -> list[tuple[Judged, ...] | NoModelAnswer]:
    """For each input a verdict for each of its claims, asked at the same time."""
    answers = models.ask_each(AUDITOR, [_variables(one) for one in given])
    return [answer if isinstance(answer, NoModelAnswer) else _judged(answer, one) for one, answer in zip(given, answers, strict=True)]


def _judged(answer: AuditorAnswer, given: AuditorInput) -> tuple[Judged, ...]:
    places = {f"k{i}": i for i in range(1, len(given.known) + 1)}
    places |= {f"c{i}": len(given.known) + i for i in range(1, len(given.claims) + 1)}
    found: list[Judged] = []
    for number, claim in enumerate(given.claims, start=1):
        own = [v for v in answer.verdicts if v.claim == f"c{number}"]
        words = {v.verdict for v in own}
        support: Word = words.pop() if len(words) == 1 else "unchecked"
        quote = claim.quotes[0].quote
        if support == "entailed" and (shares_nothing(claim.text, quote) or contradicts(claim.text, quote)):
            support = "unchecked"
        same = next((places[v.same_as] for v in own if v.same_as in places), None)
        earlier = same is not None and same < places[f"c{number}"]
        found.append(Judged(support, same - 1 if same is not None and earlier else None))
    return tuple(found)


def _variables(given: AuditorInput) -> dict[str, PromptValue]:
    claims: list[PromptValue] = []
    for number, claim in enumerate(given.claims, start=1):
        quote = claim.quotes[0]
        place = place_of(given.titles.get(quote.document_id, ""), quote.page, quote.heading_path)
        claims.append({"id": f"c{number}", "claim": claim.text, "quote": quote.quote, **place})
    known = "\n".join(f"k{i}: {claim.text}" for i, claim in enumerate(given.known, start=1))
    return {"claims": claims, "known": fits(known, _KNOWN_TOKENS) or "(none)"}
