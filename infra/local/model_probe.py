"""Whether a model can do what the roles need: one structured answer, one by a tool, one forced repair; together under two cents."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field, ValidationError

from schemas.base import Contract
from shared.errors import BudgetRefused
from shared.models.calls import CallKey, Correction, ModelCall, ModelSpec, RenderedPrompt
from shared.models.desk import told
from shared.models.failures import RequestFailed
from shared.models.provider import Mode, ProviderLink
from shared.models.reading import read_answer

MOST_MICRO_USD = 20_000
_OUTPUT_TOKENS = (2_048, 1_024, 512, 256)
"""The longest answers that the cents are enough for: a model that thinks before it answers needs them, and the roles allow as many."""
_PROMPT = RenderedPrompt(
    id="doctor.probe",
    version=1,
    sha256="0" * 64,
    system="You add numbers. Answer with the asked-for JSON object only.",
    user="Add 17 and 25.",
)


class Probe(Contract):
    """What the probe asks for."""

    total: int = Field(description="the sum of the two numbers")
    words: str = Field(max_length=40, description="the sum in English words")


@dataclass(frozen=True, slots=True)
class Probed:
    """One of the three calls. ``cost_micro_usd`` is what it cost, or its bound where the provider said no usage."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""
    cost_micro_usd: int = 0


def probe(link: ProviderLink, model: ModelSpec) -> Iterator[Probed]:
    """The three calls, as they are made; an endpoint that refuses the model ends it. Raises ``BudgetRefused`` over two cents."""
    possible = [_calls(model, tokens) for tokens in _OUTPUT_TOKENS]
    calls = next((calls for calls in possible if _bound(calls) <= MOST_MICRO_USD), None)
    if calls is None:
        bound = _bound(possible[-1])
        raise BudgetRefused(f"Probing {model.label} could cost ${bound / 1_000_000:.3f}; the probe spends at most $0.02.")
    schema_taken = True
    for name, wanted, call in calls:
        mode: Mode = wanted if schema_taken or wanted == "tool" else "prompted"
        made = _made(link, name, call, mode)
        if made is None and mode == "native":
            schema_taken = False
            again = _made(link, name, call, "prompted")
            made = again or Probed(name, ok=False, detail="refused")
        yield made or Probed(name, ok=True, detail="not supported; the roles ask in another way")
        if made is not None and not made.ok and made.remedy:
            return


def _calls(model: ModelSpec, max_tokens: int) -> tuple[tuple[str, Mode, ModelCall], ...]:
    correction = Correction('{"sum": 42}', "total: Field required; words: Field required")
    return (
        ("structured call", "native", _call(model, 1, max_tokens)),
        ("tool call", "tool", _call(model, 2, max_tokens)),
        ("forced repair", "native", _call(model, 3, max_tokens, correction)),
    )


def _bound(calls: tuple[tuple[str, Mode, ModelCall], ...]) -> int:
    return sum(call.bound_micro_usd for _, _, call in calls)


def _made(link: ProviderLink, name: str, call: ModelCall, mode: Mode) -> Probed | None:
    """How the call went; ``None`` where the endpoint does not support this way of asking."""
    began = time.monotonic()
    try:
        answer = link.send_as(call, mode)
    except RequestFailed as failed:
        if failed.failure.asks_otherwise:
            return None
        return Probed(name, ok=False, detail=failed.message, remedy=failed.remedy or "Try again later.")
    cost = answer.usage.cost_micro_usd(call.model.price) if answer.usage else call.bound_micro_usd
    took = f"{time.monotonic() - began:.1f} s, ${cost / 1_000_000:.6f}" + ("" if answer.usage else " at most: no usage was reported")
    how = {"native": "by schema", "tool": "by a tool", "prompted": "in words"}[mode]
    try:
        total = read_answer(Probe, answer.text).total
    except ValidationError as wrong:
        return Probed(
            name, ok=False, detail=f"asked {how}: the answer does not fit: {told(wrong, answer, call)}; {took}", cost_micro_usd=cost
        )
    right = total == 42
    return Probed(name, ok=right, detail=f"asked {how}: {'right' if right else f'17 + 25 = {total}'}; {took}", cost_micro_usd=cost)


def _call(model: ModelSpec, ordinal: int, max_tokens: int, *corrections: Correction) -> ModelCall:
    return ModelCall(
        key=CallKey("doctor", "ds_star", 1, 0, "probe", ordinal),
        model=model,
        prompt=_PROMPT,
        output_name=Probe.__name__,
        output_schema=Probe.model_json_schema(),
        max_output_tokens=max_tokens,
        corrections=corrections,
    )
