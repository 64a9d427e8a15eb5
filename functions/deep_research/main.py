"""Entry point of ``deep_research``: ``POST /step``, the next bounded slice of research."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.deep_research.track import DeepResearchTrack
from schemas.steps import StepRequest, StepResult
from shared.callers import Part
from shared.http import Api, Call

api = Api("deep_research")


@api.route("POST", "/step", caller=Part.WORKFLOW)
def step(call: Call) -> StepResult:
    """Do a slice, or give back its stored result."""
    runtime, request = call.runtime, call.body(StepRequest)
    return runtime.slices.run(DeepResearchTrack(runtime.sandbox_of(request.mission_id), runtime.knowledge, runtime.pages), request)


@functions_framework.http
def deep_research(request: Request) -> Response:
    """The function."""
    return api.answer(request)
