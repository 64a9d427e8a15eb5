"""Entry point of ``sandbox``: ``POST /run``, and ``GET /health`` (Cloud Run keeps paths that end in ``z`` for itself)."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.sandbox.instance import Instance, this_instance
from schemas.sandbox import SandboxHealth, SandboxRunRequest
from shared.http import Api, Call
from shared.sandbox_wire import MAX_REQUEST_BYTES, MEDIA_TYPE, answer_of

api: Api[Instance] = Api("sandbox", this_instance)


@api.route("POST", "/run")
def run(call: Call[Instance]) -> Response:
    """The run's result, then the bytes of its output files."""
    done = call.runtime.supervisor.run(call.body(SandboxRunRequest, most=MAX_REQUEST_BYTES))
    response = Response(answer_of(done.result), mimetype=MEDIA_TYPE)
    response.call_on_close(done.close)
    return response


@api.route("GET", "/health")
def health(call: Call[Instance]) -> SandboxHealth:
    """Whether code can be isolated here: before that is shown, nothing is run."""
    return call.runtime.supervisor.health()


@functions_framework.http
def sandbox(request: Request) -> Response:
    """The function."""
    response = api.answer(request)
    if this_instance().supervisor.leaving:
        response.call_on_close(this_instance().leave)
    return response
