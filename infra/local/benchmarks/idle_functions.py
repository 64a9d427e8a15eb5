"""The functions of a platform that is measured: the two tracks' ``step`` runs ``IdleTrack``, all others are the real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.local.benchmarks.idle_track import IdleTrack
from infra.local.functions import internal_app
from schemas.mission import Track
from schemas.steps import StepRequest, StepResult
from shared.callers import Part
from shared.http import Api, Call

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from shared.runtime import Runtime

_track = Api("idle_track")


@_track.route("POST", "/step", caller=Part.WORKFLOW)
def step(call: Call) -> StepResult:
    """Do a slice, or give back its stored result."""
    return call.runtime.slices.run(IdleTrack(), call.body(StepRequest))


def idle_functions(runtime: Runtime) -> WSGIApplication:
    """Every function below its route, as ``internal_app`` gives them, but for the tracks."""
    return internal_app(runtime, instead={str(track): _track for track in Track})
