"""Entry point of ``intake``: an upload to the inbox becomes a mission, and its report is laid out in the outbox."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import functions_framework
from flask import Request, Response

from functions.intake.delivering import Deliverer
from functions.intake.event import MAX_BYTES, read_event, read_message
from functions.intake.manifest import read_manifest
from functions.intake.records import Intakes
from functions.intake.service import Intake
from schemas.sandbox import MAX_INPUT_BYTES
from schemas.uploads import IntakeResult, IntakeTask
from shared.callers import Part
from shared.errors import Busy, TooLarge
from shared.http import Api, Call, parse
from shared.inputs import MAX_UPLOAD_BYTES
from shared.last_delivery import following, kept_on_last_delivery
from shared.missions.submission import Submission
from shared.queue import Task

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
    """Lay out a report (target of the queue). A mission may last longer than a task is delivered: another one goes on waiting then."""
    runtime, raw = call.runtime, call.raw()
    with kept_on_last_delivery(call, "intake/deliver", raw):
        task = parse(IntakeTask, raw)
        intakes = Intakes(runtime.documents, runtime.inbox.bucket)
        deliverer = Deliverer(runtime.inbox, intakes, runtime.missions, runtime.artifacts, runtime.clock)
        try:
            return deliverer.deliver(task.key, task.generation)
        except Busy as busy:
            name = following(call)
            if name is None:
                raise
            again = runtime.clock.now() + timedelta(seconds=busy.retry_after_s or 0)
            runtime.queue.enqueue(Task(name, "intake/deliver", {"key": task.key, "generation": str(task.generation)}, again))
            return IntakeResult(outcome="waiting", detail=busy.message)


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
        largest=MAX_INPUT_BYTES if runtime.settings.profile == "cloud" else MAX_UPLOAD_BYTES,
        read=partial(read_manifest, settings=runtime.settings, endpoints=runtime.endpoints),
    )


@functions_framework.http
def intake(request: Request) -> Response:
    """The function."""
    return api.answer(request)
