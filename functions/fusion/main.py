"""Entry point of ``fusion``: ``POST /fuse``, partial, final or upgrade."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.fusion.publish import Publisher
from functions.fusion.service import Fusion
from schemas.fusing import FuseRequest, FuseResult
from shared.callers import Part
from shared.http import Api, Call
from shared.telemetry.context import about_mission
from shared.times import DELIVERED_AGAIN_S

api = Api("fusion")


@api.route("POST", "/fuse", caller=Part.WORKFLOW)
def fuse(call: Call) -> FuseResult:
    """Publish a report, or say which one stands."""
    runtime, request = call.runtime, call.body(FuseRequest)
    with about_mission(request.mission_id, epoch=request.epoch), runtime.tracing.span(f"fusion.{request.mode}"):
        fusion = Fusion(runtime.artifacts, spent=lambda mission_id: runtime.missions.spent(runtime.missions.get(mission_id)).settled)
        publisher = Publisher(runtime.missions, runtime.artifacts, fusion, runtime.clock, runtime.models, runtime.telemetry)
        # Models may take longer than the workflow waits: a call that took this one's place would ask them again, and pay again.
        with runtime.one_at_a_time.alone(f"the report of {request.mission_id} ({request.mode})", within_s=DELIVERED_AGAIN_S):
            return publisher.fuse(request)


@functions_framework.http
def fusion(request: Request) -> Response:
    """The function."""
    return api.answer(request)
