"""``kimera run``: a question, data and documents; both tracks as they progress; the answer and the report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cli import asking
from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app
from shared.errors import BadInput

app = new_app("Ask a question about data and documents, watch, and get the report.")


@app.command()
def run(
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
    plan: Annotated[bool, typer.Option("--plan", help="Show how the question is read and what it can cost; run nothing.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where the report goes.  [default: kimera-report/<mission>]")
    ] = None,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="MISSION", help="Go on with a mission, or report one that ended.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Ask a question about data and documents, watch both tracks, and get the report.

    The first Ctrl-C fuses what there is, the second leaves at once; `kimera run --resume MISSION` goes on.
    """
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
    passed_over = [*asked.given(), *(["--plan"] if plan else [])]
    if resume is not None and passed_over:
        raise BadInput("--resume goes on with a mission as it was asked.", remedy=f"Leave out {', '.join(passed_over)}.")
    from cli.running import Running

    running = Running(settings, os.environ.get("KIMERA_TOKEN"), out, as_json)
    if resume is not None:
        return running.resume(resume)
    if plan and out is not None:
        raise BadInput("--plan runs nothing, so there is no report for --out.", remedy="Leave one of them out.")
    prepared = asking.prepare(asked, settings)
    if plan:
        from cli.planning import show_plan

        return show_plan(settings, prepared, as_json=as_json)
    return running.ask(prepared)
