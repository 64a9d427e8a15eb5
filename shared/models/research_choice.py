"""What a mission's research may ask beyond its models: known, affordable and, where this process can know, reachable."""

from __future__ import annotations

from datetime import date

from schemas.mission import RESEARCH_PROVIDERS, MissionRequest
from shared.errors import BadInput
from shared.models.catalog import load_catalog
from shared.models.credentials import ModelEndpoints


def check_research(request: MissionRequest, *, on: date, endpoints: ModelEndpoints | None = None) -> None:
    """Raise ``BadInput`` for a provider that is not known, one whose ceiling the budget does not hold, or one without a key."""
    options = request.tracks.deep_research
    if options.provider not in RESEARCH_PROVIDERS:
        raise BadInput(
            f"There is no research provider {options.provider!r}.", remedy=f"Known (--research): {', '.join(RESEARCH_PROVIDERS)}."
        )
    if not options.remote:
        return
    if endpoints is not None and (missing := endpoints.missing_remote(options)) is not None:
        what, remedy = missing
        raise BadInput(f"The mission asks {what}, and there is no key for it.", remedy=remedy)
    if options.provider != "builtin":
        ceiling = load_catalog().agent(options.provider, on=on).price.ceiling_usd
        if ceiling is not None and request.budget.cap_usd < ceiling:
            raise BadInput(
                f"A job of the agent {options.provider} sets ${ceiling} aside, and the mission may spend ${request.budget.cap_usd}.",
                remedy=f"Allow more, for instance --budget {ceiling + 1}, or use --research builtin.",
            )


def research_words(request: MissionRequest) -> str:
    """What leaves this platform for research, in words for the person who asks; empty where nothing does."""
    options = request.tracks.deep_research
    parts = [f"the research agent {options.provider}"] if options.provider != "builtin" else []
    parts += [f"web search by {options.web}"] if options.web != "none" else []
    return " and ".join(parts) if options.enabled else ""
