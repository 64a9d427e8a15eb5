"""Entry point of ``ds_star``: ``POST /step``, one round of the DS-STAR loop."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.ds_star.track import DsStarTrack
from schemas.steps import StepRequest, StepResult
from shared.callers import Part
from shared.http import Api, Call

api = Api("ds_star")


@api.route("POST", "/step", caller=Part.WORKFLOW)
def step(call: Call) -> StepResult:
    """Do a slice, or give back its stored result."""
    runtime, request = call.runtime, call.body(StepRequest)
    return runtime.slices.run(DsStarTrack(runtime.sandbox_of(request.mission_id)), request)


@functions_framework.http
def ds_star(request: Request) -> Response:
    """The function."""
    return api.answer(request)
