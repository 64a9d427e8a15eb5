"""Entry point of ``intake``: an upload to the inbox becomes a mission, and its report is laid out in the outbox."""

from __future__ import annotations

from functools import partial

import functions_framework
from flask import Request, Response

from functions.intake.delivering import Deliverer
from functions.intake.event import MAX_BYTES, read_event, read_message
from functions.intake.manifest import read_manifest
from functions.intake.records import Intakes
from functions.intake.service import Intake
from schemas.uploads import IntakeResult, IntakeTask
from shared.callers import Part
from shared.errors import TooLarge
from shared.http import Api, Call, parse
from shared.last_delivery import kept_on_last_delivery
from shared.missions.submission import Submission

api = Api("intake")


@api.route("POST", "/", caller=Part.EVENTS)
def arrived(call: Call) -> IntakeResult:
    """An upload has finished (target of Eventarc: a CloudEvent)."""
    body = call.request.stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise TooLarge(f"The event has more than {MAX_BYTES} bytes.")
    return _intake(call).arrived(read_event(dict(call.request.headers), body))


@api.route("POST", "/redeliver", caller=Part.QUEUE)
def redeliver(call: Call) -> IntakeResult:
    """An upload's event that could not be delivered is replayed (target of the queue)."""
    raw = call.raw()
    with kept_on_last_delivery(call, "intake/redeliver", raw):
        return _intake(call).arrived(read_message(raw))


@api.route("POST", "/expire", caller=Part.QUEUE)
def expire(call: Call) -> IntakeResult:
    """Refuse a manifest whose files have not come (target of the queue)."""
    raw = call.raw()
    with kept_on_last_delivery(call, "intake/expire", raw):
        task = parse(IntakeTask, raw)
        return _intake(call).expire(task.key, task.generation)


@api.route("POST", "/deliver", caller=Part.QUEUE)
def deliver(call: Call) -> IntakeResult:
    """Lay out a report (target of the queue)."""
    runtime, raw = call.runtime, call.raw()
    with kept_on_last_delivery(call, "intake/deliver", raw):
        task = parse(IntakeTask, raw)
        intakes = Intakes(runtime.documents, runtime.inbox.bucket)
        return Deliverer(runtime.inbox, intakes, runtime.missions, runtime.artifacts, runtime.clock).deliver(task.key, task.generation)


def _intake(call: Call) -> Intake:
    runtime = call.runtime
    submission = Submission(runtime.missions, runtime.artifacts, runtime.knowledge, runtime.queue, runtime.clock, runtime.known_endpoints)
    return Intake(
        runtime.inbox,
        Intakes(runtime.documents, runtime.inbox.bucket),
        submission,
        runtime.queue,
        runtime.artifacts,
        runtime.clock,
        owner=runtime.inbox_owner,
        scratch=runtime.home / "scratch",
        read=partial(read_manifest, settings=runtime.settings, endpoints=runtime.endpoints),
    )


@functions_framework.http
def intake(request: Request) -> Response:
    """The function."""
    return api.answer(request)
