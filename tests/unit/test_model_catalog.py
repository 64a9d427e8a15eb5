"""The catalogue: dated prices that agree with genai-prices, refusals of what has no price, and what ``--model`` and ``--price`` say."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from schemas.mission import ModelChoice, Tier
from shared.errors import BadInput, BudgetRefused
from shared.models.catalog import DOWN, load_catalog, parse_model

TODAY = date(2026, 11, 26)


@pytest.mark.parametrize("label", sorted(load_catalog().models))
@pytest.mark.parametrize("on", [TODAY, date(2026, 12, 1), date(2027, 1, 1)])
def test_no_price_is_below_that_of_genai_prices(label: str, on: date) -> None:
    from datetime import UTC, datetime

    from genai_prices import Usage, calc_price

    provider, _, name = label.partition(":")
    ours = load_catalog().spec(label, on=on).price
    theirs = calc_price(
        Usage(input_tokens=100_000, output_tokens=10_000),
        name,
        provider_id=provider,
        genai_request_timestamp=datetime(on.year, on.month, on.day, 12, tzinfo=UTC),
    )
    assert ours.input_usd * 100_000 == theirs.input_price * 1_000_000, "input"
    assert ours.output_usd * 10_000 == theirs.output_price * 1_000_000, "output"


def test_every_tier_has_priced_models() -> None:
    catalog = load_catalog()
    for tier in (Tier.PREMIUM, Tier.STANDARD, Tier.ECONOMY):
        assert catalog.choose(tier, "planner", on=TODAY).price.input_usd > 0


def test_each_tier_down_costs_less() -> None:
    catalog = load_catalog()
    for tier in (Tier.PREMIUM, Tier.STANDARD):
        above, below = (catalog.choose(t, "planner", on=TODAY).price for t in (tier, DOWN[tier]))
        assert below.input_usd < above.input_usd and below.output_usd < above.output_usd
    assert DOWN[Tier.ECONOMY] is DOWN[Tier.EXTRACTIVE] is Tier.EXTRACTIVE


def test_a_price_holds_from_its_date() -> None:
    catalog = load_catalog()
    assert catalog.spec("google:gemini-3.8-flash", on=date(2026, 12, 31)).price.input_usd == Decimal("0.75")
    assert catalog.spec("google:gemini-3.8-flash", on=date(2027, 1, 1)).price.input_usd == Decimal("1.5")


def test_an_unknown_price_is_a_refusal_that_prints_the_option() -> None:
    with pytest.raises(BudgetRefused, match="--price INPUT/OUTPUT"):
        load_catalog().choose(Tier.STANDARD, "planner", on=TODAY, choice=ModelChoice(name="openai:my-own"))
    with pytest.raises(BudgetRefused, match="for 2025-01-01"):
        load_catalog().spec("google:gemini-2.5-pro", on=date(2025, 1, 1))


def test_a_model_with_its_own_prices_plays_every_role() -> None:
    choice = parse_model("openai:my-own", "0.50/2.00")
    spec = load_catalog().choose(Tier.STANDARD, "planner", on=TODAY, choice=choice)
    assert (spec.label, spec.price.input_usd, spec.price.output_usd) == ("openai:my-own", Decimal("0.50"), Decimal("2.00"))


@pytest.mark.parametrize("name", ["gpt", "gemini:x", "openai:", "openai:a b", ":x", "", "openai::x", "openai:" + "x" * 201])
@pytest.mark.parametrize("price", [None, "1/2"])
def test_what_is_no_model_is_said(name: str, price: str | None) -> None:
    with pytest.raises(BadInput, match="--model"):
        parse_model(name, price)


def test_a_price_above_all_says_which_there_are() -> None:
    with pytest.raises(BadInput) as refused:
        parse_model("openai:x", "10001/1")
    assert "each from 0 to 10,000" in refused.value.remedy


@pytest.mark.parametrize("price", ["1", "a/b", "-1/2", "1/2/3", "1/", "nan/1", "1e9/1"])
def test_what_is_no_price_is_said(price: str) -> None:
    with pytest.raises(BadInput, match="--price"):
        parse_model("openai:x", price)
