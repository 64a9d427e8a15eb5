"""What a mission's research may ask is checked before anything is begun; and what leaves the machine is said."""

from __future__ import annotations

from datetime import date

import pytest
from pydantic import SecretStr

from shared.errors import BadInput
from shared.models.credentials import ModelEndpoints
from shared.models.research_choice import check_research, research_words
from tests.support.remote_research import asked

DAY = date(2026, 11, 26)
KEYS = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY", "KIMERA_VERTEX_PROJECT")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


def endpoints(**keys: SecretStr) -> ModelEndpoints:
    return ModelEndpoints(_env_file=None, **keys)  # type: ignore[arg-type]  # its fields by name


@pytest.mark.parametrize(
    ("provider", "web", "cap", "remedy"),
    [
        ("gemini", "none", "20", "GEMINI_API_KEY"),
        ("builtin", "gemini", "1", "GEMINI_API_KEY"),
        ("builtin", "brave", "1", "BRAVE_API_KEY"),
        ("acme", "none", "20", "builtin, gemini, gemini-max"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_what_to_set(provider: str, web: str, cap: str, remedy: str) -> None:
    with pytest.raises(BadInput) as refused:
        check_research(asked(provider=provider, web=web, cap=cap), on=DAY, endpoints=endpoints())
    assert remedy in refused.value.remedy


def test_a_budget_below_the_jobs_ceiling_is_refused_before_the_mission_begins() -> None:
    key = endpoints(google_api_key=SecretStr("local"))
    check_research(asked(provider="gemini", cap="5"), on=DAY, endpoints=key)
    for provider, cap in (("gemini", "4.99"), ("gemini-max", "9")):
        with pytest.raises(BadInput) as refused:
            check_research(asked(provider=provider, cap=cap), on=DAY, endpoints=key)
        assert "--budget" in refused.value.remedy


def test_a_mission_that_asks_nothing_beyond_needs_no_key() -> None:
    check_research(asked(provider="builtin", cap="0"), on=DAY, endpoints=endpoints())


def test_what_leaves_the_machine_is_said() -> None:
    assert research_words(asked(provider="builtin")) == ""
    assert research_words(asked(provider="gemini", web="brave")) == "the research agent gemini and web search by brave"
