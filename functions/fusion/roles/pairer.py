"""The pairer: which of the pairs that code proposed speak of the same thing. It can only take pairs away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import Field

from schemas.base import Contract
from shared.models.asking import Models
from shared.models.prompts import Prompt, first_of, fits
from shared.models.roles import ModelRole

MAX_PAIRS = 30
_SIDE_TOKENS = 200
_PAIRS_TOKENS = 12_500


@dataclass(frozen=True, slots=True)
class ProposedPair:
    """A claim and a finding by their ids, with what they say."""

    claim_id: str
    finding_id: str
    document: str
    data: str


class PairerAnswer(Contract):
    """The numbers of the pairs that are not about the same measure of the same thing."""

    different: tuple[int, ...] = Field(max_length=MAX_PAIRS)


ROLE: ModelRole[PairerAnswer] = ModelRole("fusion_pairer", Prompt.beside(__file__, "pairer"), PairerAnswer, max_output_tokens=1_024)


def unrelated(models: Models, pairs: Sequence[ProposedPair]) -> tuple[tuple[str, str], ...]:
    """The pairs that a reader should not be shown as being about one thing. Raises ``NoModelAnswer``."""
    chosen = pairs[:MAX_PAIRS]
    if not chosen:
        return ()

    def check(answer: PairerAnswer) -> None:
        if any(not 1 <= n <= len(chosen) for n in answer.different):
            raise ValueError(f"pairs are numbered from 1 to {len(chosen)}")

    sides = [(fits(p.document, _SIDE_TOKENS), fits(p.data, _SIDE_TOKENS)) for p in chosen]
    listed = first_of([{"number": n, "document": one, "data": two} for n, (one, two) in enumerate(sides, start=1)], _PAIRS_TOKENS)
    answer = models.ask(ROLE, {"pairs": listed}, check=check)
    return tuple((chosen[n - 1].claim_id, chosen[n - 1].finding_id) for n in sorted(set(answer.different)))
