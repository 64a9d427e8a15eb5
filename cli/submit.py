"""``kimera submit``: hand a mission to a running platform and come back at once."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from cli import asking
from cli.configuration import load_settings
from cli.console import AsJson, Endpoint, log_to, new_app, note, print_json

app = new_app("Hand a mission to a running platform and come back at once.")


@app.command()
def submit(
    question: asking.Question = None,
    data: asking.Data = None,
    docs: asking.Docs = None,
    space: asking.Space = "default",
    session: asking.Session = None,
    budget: asking.BudgetUsd = None,
    tier: asking.TierName = None,
    model: asking.Model = None,
    price: asking.PriceOf = None,
    research: asking.Research = None,
    web: asking.Web = None,
    measure: asking.Measure = None,
    by: asking.By = None,
    time: asking.Time = None,
    guidelines: asking.Guidelines = "",
    soft: asking.Soft = None,
    hard: asking.Hard = None,
    late: asking.Late = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", metavar="KEY", help="The same key again gives the same mission, not a second one.")
    ] = None,
    endpoint: Endpoint = None,
    as_json: AsJson = False,
) -> int:
    """Hand a mission to a running platform and come back at once with its id."""
    settings = load_settings()
    log_to(settings.home)
    asked = asking.Asked(
        question=question,
        data=data or (),
        documents=docs or (),
        space=space,
        session=session,
        budget=budget,
        tier=tier,
        model=model,
        price=price,
        research=research,
        web=web,
        measure=measure,
        by=by or (),
        time=time,
        soft=soft,
        hard=hard,
        late=late,
        guidelines=guidelines,
    )
    from cli.uploading import upload_and_submit
    from infra.local.access import running_platform

    prepared = asking.prepare(asked, settings)
    with running_platform(settings, endpoint=endpoint, token=os.environ.get("KIMERA_TOKEN")) as api:
        accepted = upload_and_submit(api, prepared, idempotency_key=key)
    if as_json:
        print_json(accepted)
    else:
        print(accepted.mission_id)
        elsewhere = f" --endpoint {endpoint}" if endpoint else ""
        note(f"{'Accepted' if accepted.created else 'Known already'}; follow it with `kimera watch {accepted.mission_id}{elsewhere}`.")
    return 0
