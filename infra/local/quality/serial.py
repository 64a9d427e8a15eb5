"""The serial pattern: the platform's own functions, but the analysis begins when research has handed off."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from functions.manifest import MANIFEST
from infra.local.functions import internal_app
from schemas.mission import Track
from schemas.steps import StepRequest, StepResult
from shared.runtime import Runtime

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_LOOK_AGAIN_S = 0.5
(_ANALYSIS,) = (row for row in MANIFEST if row.name == Track.DS_STAR)


def research_first(runtime: Runtime) -> WSGIApplication:
    """The internal functions; a slice of the analysis has to wait for the end of research, unless a deadline closes it."""
    return _ResearchFirst(runtime, internal_app(runtime))


class _ResearchFirst:
    def __init__(self, runtime: Runtime, app: WSGIApplication) -> None:
        self._runtime = runtime
        self._app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != f"{_ANALYSIS.route}/step":
            return self._app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        held = self._held(StepRequest.model_validate_json(body))
        if held is None:
            return self._app({**environ, "wsgi.input": io.BytesIO(body)}, start_response)
        answer = held.model_dump_json().encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
        return [answer]

    def _held(self, request: StepRequest) -> StepResult | None:
        """The answer that makes the workflow ask for the same slice again in a moment; ``None`` where it may run."""
        if request.close is not None:
            return None
        missions = self._runtime.missions
        tracks = missions.tracks(missions.get(request.mission_id))
        research = tracks[Track.DEEP_RESEARCH]
        if research.status.final or research.detached:
            return None
        status = tracks[Track.DS_STAR].status
        return StepResult(outcome="WAIT", next_seq=request.seq, retry_after_s=_LOOK_AGAIN_S, track_status=status)
