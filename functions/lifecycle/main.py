"""Entry point of ``lifecycle``: called by the queue, the workflow and the scheduler, never by users."""

from __future__ import annotations

import functions_framework
from flask import Request, Response

from functions.lifecycle import dispatch as dispatching
from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from schemas.lifecycle import (
    AdvanceRequest,
    ClaimRequest,
    ClaimResult,
    CompensateRequest,
    DispatchRequest,
    DispatchResult,
    EraseRequest,
    EraseResult,
    MissionStatusResult,
    ReconcileRequest,
    ReconcileResult,
)
from schemas.messages import ExecutionRef
from shared.callers import Part
from shared.http import Api, Call, parse
from shared.last_delivery import kept_on_last_delivery
from shared.missions.records import mission_ref

api = Api("lifecycle")


@api.route("POST", "/dispatch", caller=Part.QUEUE)
def dispatch(call: Call) -> DispatchResult:
    """Start the mission's execution (target of the queue)."""
    runtime, raw = call.runtime, call.raw()
    with kept_on_last_delivery(call, "lifecycle/dispatch", raw):
        request = parse(DispatchRequest, raw)
        return dispatching.dispatch(runtime.missions, runtime.executions, request, max_running=runtime.settings.max_running)


@api.route("POST", "/claim", caller=Part.WORKFLOW)
def claim(call: Call) -> ClaimResult:
    """Make the calling execution the mission's own."""
    return dispatching.claim(call.runtime.missions, call.runtime.clock, call.body(ClaimRequest))


@api.route("POST", "/advance", caller=Part.WORKFLOW)
def advance(call: Call) -> MissionStatusResult:
    """Record progress of the workflow."""
    return _ending(call).advance(call.body(AdvanceRequest))


@api.route("POST", "/complete", caller=Part.WORKFLOW)
def complete(call: Call) -> MissionStatusResult:
    """End a mission whose report is published."""
    # It reads evidence and knows how documents are indexed: once in a mission, and no instance starts later for it.
    from functions.lifecycle.promotion import promote_verified

    runtime, request = call.runtime, call.body(ExecutionRef)
    promote_verified(runtime.missions, request, artifacts=runtime.artifacts, graph=runtime.knowledge)
    return _ending(call).complete(request)


@api.route("POST", "/compensate", caller=Part.WORKFLOW)
def compensate(call: Call) -> MissionStatusResult:
    """End a mission that something went wrong with."""
    return _ending(call).compensate(call.body(CompensateRequest))


@api.route("POST", "/erase", caller=Part.QUEUE)
def erase(call: Call) -> EraseResult:
    """Look once more for what lies under a mission that was deleted (target of the queue)."""
    from shared.missions import erasing  # once for a deleted mission, and no instance starts later for it

    runtime, raw = call.runtime, call.raw()
    with kept_on_last_delivery(call, "lifecycle/erase", raw):
        request = parse(EraseRequest, raw)
        if runtime.documents.get(mission_ref(request.mission_id)) is not None:
            return EraseResult(artifacts=0, reason="the mission is there: its deletion did not get to its end")
        removed = erasing.erase(request, documents=runtime.documents, artifacts=runtime.artifacts, knowledge=runtime.knowledge)
        return EraseResult(artifacts=removed)


@api.route("POST", "/reconcile", caller=Part.SCHEDULER)
def reconcile(call: Call) -> ReconcileResult:
    """Look after every open mission (target of the scheduler)."""
    runtime = call.runtime
    reconciler = Reconciler(
        runtime.missions, runtime.queue, runtime.executions, _ending(call), runtime.clock, stale_s=runtime.heartbeat_stale_s
    )
    return reconciler.run(call.body(ReconcileRequest))


@api.route("POST", "/anchor", caller=Part.SCHEDULER)
def anchor(call: Call) -> ReconcileResult:
    """Anchor the heads of all chains that moved (target of the scheduler, hourly)."""
    return ReconcileResult(looked_at=call.runtime.audit.anchor_hour())


def _ending(call: Call) -> Ending:
    runtime = call.runtime
    return Ending(
        runtime.missions,
        runtime.audit,
        runtime.clock,
        runtime.models,
        runtime.telemetry,
        runtime.documents,
        queue=lambda: runtime.queue,
    )


@functions_framework.http
def lifecycle(request: Request) -> Response:
    """The function."""
    return api.answer(request)
