"""The catalogue: which model plays a role at a tier, and what it costs on a day. An unknown price is a refusal, never a guess."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import cast

from pydantic import Field

from schemas.base import Contract
from schemas.mission import ModelChoice, Tier
from shared.errors import BadInput, BudgetRefused
from shared.models.calls import ModelSpec, Price, Provider

FILE = Path(__file__).with_name("catalog.toml")
DOWN: Mapping[Tier, Tier] = {
    Tier.PREMIUM: Tier.STANDARD,
    Tier.STANDARD: Tier.ECONOMY,
    Tier.ECONOMY: Tier.EXTRACTIVE,
    Tier.EXTRACTIVE: Tier.EXTRACTIVE,
}
"""One tier down."""


class DatedPrice(Contract):
    """What a model costs from a day on."""

    from_: date = Field(alias="from")
    input: Decimal
    output: Decimal
    cached: Decimal | None = None


class CatalogModel(Contract):
    """A model of the catalogue, with its prices in the order of their dates."""

    prices: tuple[DatedPrice, ...] = Field(min_length=1)
    max_output_tokens: int = 8_192


class CatalogAgent(Contract):
    """An agent that works in the background. ``priced_as``: the model whose token prices it has. ``ceiling_usd``: what is set aside."""

    model: str
    priced_as: str
    search_usd: Decimal
    ceiling_usd: Decimal


class CatalogSearch(Contract):
    """A web search. With a ``model`` it is one that searches by itself, up to ``searches`` times a request."""

    model: str
    call_usd: Decimal
    searches: int = 1


class Catalog(Contract):
    """What ``catalog.toml`` holds. In ``tiers`` a role that is not named is played by ``default``."""

    checked: date
    tiers: dict[Tier, dict[str, str]]
    models: dict[str, CatalogModel]
    agents: dict[str, CatalogAgent]
    searches: dict[str, CatalogSearch]

    def agent(self, provider: str, *, on: date) -> ModelSpec:
        """The research agent behind ``--research``. Raises ``BadInput`` for one that is not known."""
        known = self.agents.get(provider)
        if known is None:
            raise BadInput(f"There is no research provider {provider!r}.", remedy=f"Known: builtin, {', '.join(self.agents)}.")
        price = self.spec(known.priced_as, on=on).price
        return _spec(known.model, replace(price, call_usd=known.search_usd, ceiling_usd=known.ceiling_usd))

    def search(self, provider: str, *, on: date) -> ModelSpec:
        """The web search behind ``--web``. Raises ``BadInput`` for one that is not known."""
        known = self.searches.get(provider)
        if known is None:
            raise BadInput(f"There is no web search {provider!r}.", remedy=f"Known: none, {', '.join(self.searches)}.")
        free = Price(Decimal(0), Decimal(0))
        price = self.spec(known.model, on=on).price if known.model in self.models else free
        return _spec(known.model, replace(price, call_usd=known.call_usd, fees=known.searches))

    def choose(self, tier: Tier, role: str, *, on: date, choice: ModelChoice | None = None) -> ModelSpec:
        """The model of ``role``: the mission's own ``choice``, else the tier's. ``on`` is the day whose prices hold.

        Raises ``BudgetRefused`` where no price is known.
        """
        if choice is not None:
            return self.chosen(choice, on=on)
        roles = self.tiers[tier]
        return self.spec(roles.get(role, roles["default"]), on=on)

    def chosen(self, choice: ModelChoice, *, on: date) -> ModelSpec:
        """The model that a mission named, at the prices it gave, else at the catalogue's."""
        if choice.input_usd is None or choice.output_usd is None:
            return self.spec(choice.name, on=on)
        return _spec(choice.name, Price(choice.input_usd, choice.output_usd))

    def spec(self, label: str, *, on: date) -> ModelSpec:
        """The model called ``google:NAME`` or ``openai:NAME``."""
        known = self.models.get(label)
        if known is None:
            raise BudgetRefused(
                f"The price of {label} is not known, so no call to it can be bounded.",
                remedy="Say what a million tokens cost in US dollars: --price INPUT/OUTPUT, e.g. 0.50/2.00 (0/0 for a local model).",
            )
        price = [p for p in sorted(known.prices, key=lambda p: p.from_) if p.from_ <= on]
        if not price:
            raise BudgetRefused(f"The catalogue has no price of {label} for {on}.", remedy="Give one with --price INPUT/OUTPUT.")
        now = price[-1]
        return _spec(label, Price(now.input, now.output, now.cached), known.max_output_tokens)


def parse_model(name: str, price: str | None) -> ModelChoice:
    """What ``--model P:NAME`` and ``--price IN/OUT`` say. Raises ``BadInput``."""
    from pydantic import ValidationError

    try:
        named = ModelChoice(name=name)
    except ValidationError as error:
        raise BadInput(
            f"--model: {name[:80]!r} is no model.",
            remedy="Write google:NAME (Gemini), or openai:NAME for any endpoint that speaks chat completions; `kimera models` lists some.",
        ) from error
    if price is None:
        return named
    given, _, out = price.partition("/")
    try:
        return ModelChoice.model_validate({"name": name, "input_usd": given.strip(), "output_usd": out.strip()})
    except ValidationError as error:
        raise BadInput(
            f"--price: {price[:40]!r} is no pair of prices.",
            remedy="Write US dollars for a million tokens, input/output, each from 0 to 10,000: --price 0.50/2.00.",
        ) from error


@lru_cache(maxsize=1)
def load_catalog() -> Catalog:
    """The catalogue of this version."""
    return Catalog.model_validate(tomllib.loads(FILE.read_text(encoding="utf-8")))


def _spec(label: str, price: Price, max_output_tokens: int = 8_192) -> ModelSpec:
    provider, _, name = label.partition(":")
    return ModelSpec(cast("Provider", provider), name, price, max_output_tokens)
