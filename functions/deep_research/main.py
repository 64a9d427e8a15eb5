"""Entry point of ``deep_research``: ``POST /step``, the next bounded slice of research; ``/stop``, the end of a job left behind."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.deep_research.track import DeepResearchTrack
from schemas.research_jobs import StopRequest, StopResult
from schemas.steps import StepRequest, StepResult
from shared.callers import Part
from shared.http import Api, Call, parse
from shared.last_delivery import kept_on_last_delivery

api = Api("deep_research")


@api.route("POST", "/step", caller=Part.WORKFLOW)
def step(call: Call) -> StepResult:
    """Do a slice, or give back its stored result."""
    runtime, request = call.runtime, call.body(StepRequest)
    track = DeepResearchTrack(runtime.sandbox_of(request.mission_id), runtime.knowledge, runtime.pages)
    return runtime.slices.run(track, request)


@api.route("POST", "/stop", caller=Part.QUEUE)
def stop(call: Call) -> StopResult:
    """Stop a research job that its mission left behind (target of the queue)."""
    raw = call.raw()
    with kept_on_last_delivery(call, "deep_research/stop", raw):
        return StopResult(known=call.runtime.models.stop_job(parse(StopRequest, raw).job))


@functions_framework.http
def deep_research(request: Request) -> Response:
    """The function."""
    return api.answer(request)
