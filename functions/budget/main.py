"""Entry point of ``budget``: ``POST /gate``."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.budget.gate import Gate
from schemas.gate import GateRequest, GateResult
from shared.callers import Part
from shared.http import Api, Call

api = Api("budget")


@api.route("POST", "/gate", caller=Part.WORKFLOW)
def gate(call: Call) -> GateResult:
    """How a track goes on after a slice."""
    return Gate(call.runtime.missions, call.runtime.clock).ask(call.body(GateRequest))


@functions_framework.http
def budget(request: Request) -> Response:
    """The function."""
    return api.answer(request)
