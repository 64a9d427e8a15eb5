"""``kimera models``: the models of the catalogue, their prices, and which can be asked from here."""

from __future__ import annotations

from datetime import UTC, datetime

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, print_json
from shared.documents import Json

app = new_app("List the models of the catalogue with their tiers and prices.")


@app.command()
def models(as_json: AsJson = False) -> int:
    """List the models of the catalogue: tier, price today in US dollars for a million tokens, and whether a key or endpoint is there.

    What models an endpoint of your own has is not known here: nothing is asked.
    """
    from shared.models.catalog import load_catalog
    from shared.models.credentials import ModelEndpoints
    from shared.models.selection import asked_at_once, select

    settings = load_settings()
    log_to(settings.home)
    endpoints = ModelEndpoints()
    catalog = load_catalog()
    today = datetime.now(UTC).date()
    rows: list[Json] = []
    lines = [f"{'model':<34} {'tier':<10} {'input':>8} {'output':>8}  can be asked"]
    for label, known in catalog.models.items():
        tiers = sorted({str(tier) for tier, roles in catalog.tiers.items() if label in roles.values()})
        spec = catalog.spec(label, on=today)
        coming = [p for p in known.prices if p.from_ > today]
        there = endpoints.reaches(spec.provider)
        own = endpoints.address(spec.provider) or None
        rows.append(
            {
                "model": label,
                "tiers": list(tiers),
                "input_usd": float(spec.price.input_usd),
                "output_usd": float(spec.price.output_usd),
                "later": [{"from": str(p.from_), "input_usd": float(p.input), "output_usd": float(p.output)} for p in coming],
                "reachable": there,
                "endpoint": own,
                "at_once": settings.endpoint_parallel if own and settings.profile == "embedded" else None,
            }
        )
        later = "".join(f"; {p.input}/{p.output} from {p.from_}" for p in coming)
        mark = "if yours has it" if own else "yes" if there else "no key"
        lines.append(f"{label:<34} {', '.join(tiers):<10} {spec.price.input_usd:>8} {spec.price.output_usd:>8}  {mark}{later}")
    chosen = select(settings, endpoints)
    if as_json:
        print_json(
            {
                "checked": str(catalog.checked),
                "models": rows,
                "tier": str(chosen.tier),
                "model": chosen.model.name if chosen.model else None,
            }
        )
        return 0
    print("\n".join(lines))
    print(f"\nUS dollars for a million tokens on {today} (checked {catalog.checked}). Another model: --model P:NAME --price INPUT/OUTPUT.")
    if own_endpoint := endpoints.address("openai"):
        print(f"openai:NAME is asked at {own_endpoint} (OPENAI_BASE_URL). What it has: `kimera doctor --model openai:NAME` tries one.")
        if settings.profile == "embedded":
            print(f"There: {asked_at_once(settings)}.")
    named = f" ({chosen.model.name})" if chosen.model else ""
    print(f"Missions run on: {chosen.tier}{named}. Keys and endpoints: GEMINI_API_KEY, OPENAI_API_KEY, OPENAI_BASE_URL.")
    return 0
