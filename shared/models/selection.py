"""What a mission runs on: its tier and, where one is named, its model. Precedence: what was asked for, then the settings, then the keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from schemas.mission import ModelChoice, Tier
from shared.errors import BadInput
from shared.models.calls import ModelSpec
from shared.models.catalog import load_catalog, parse_model
from shared.models.credentials import ADDRESS_REMEDY, ModelEndpoints
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class Selection:
    """The tier, and the one model for every role where one is named."""

    tier: Tier
    model: ModelChoice | None = None


def select(
    settings: Settings, endpoints: ModelEndpoints, *, tier: Tier | None = None, model: str | None = None, price: str | None = None
) -> Selection:
    """What ``--tier``, ``--model`` and ``--price`` ask for, filled in. Raises ``BadInput`` where they contradict each other."""
    if price is not None and model is None and settings.model is None:
        raise BadInput("--price is the price of a model, and none is named.", remedy="Name it with --model P:NAME.")
    if tier is Tier.EXTRACTIVE and model is not None:
        raise BadInput("The tier extractive uses no model.", remedy="Leave out --tier or --model.")
    wanted = tier or settings.tier
    if price is not None and model is None and wanted is Tier.EXTRACTIVE:
        raise BadInput("--price is the price of a model, and the tier extractive uses none.", remedy="Leave out --price or name a --model.")
    named = model or settings.model
    if named is not None and (model is not None or wanted is not Tier.EXTRACTIVE):
        found = parse_model(named, price or settings.price)
        if found.name.startswith("openai:") and (wrong := endpoints.wrong_address("openai")) is not None:
            raise BadInput(wrong, remedy=ADDRESS_REMEDY)
        return Selection(wanted if wanted not in (None, Tier.EXTRACTIVE) else Tier.STANDARD, found)
    return Selection(wanted or endpoints.usual_tier())


def usual_model(tier: Tier, choice: ModelChoice | None, *, on: date) -> ModelSpec | None:
    """The model that plays most roles; ``None`` for the extractive tier, unless one is named. ``BudgetRefused``: its price is not known."""
    if choice is None and tier is Tier.EXTRACTIVE:
        return None
    return load_catalog().choose(tier, "default", on=on, choice=choice)


def asked_at_once(settings: Settings) -> str:
    """What holds for an endpoint of one's own, in words."""
    count = settings.endpoint_parallel
    times = "one question at a time" if count == 1 else f"up to {count} questions at a time"
    return f"{times} (endpoint_parallel), {settings.answer_timeout_s} s for each answer (answer_timeout_s)"
