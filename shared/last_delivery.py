"""The last delivery of a task by Cloud Tasks, which forgets it then: where its handler fails, the handler keeps a dead letter.

The queue's ``max_attempts`` is ``shared.queue.MAX_DELIVERIES``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import unquote

from shared.documents import Json
from shared.errors import Busy
from shared.queue import MAX_DELIVERIES, TASK_HEADER

if TYPE_CHECKING:
    from shared.http import Call

RETRIES_HEADER = "X-CloudTasks-TaskRetryCount"
_NEXT = "+"
_SPARE = 5
"""Deliveries that are left when another task is to go on waiting: one that is killed meanwhile is not the last."""


@contextmanager
def kept_on_last_delivery(call: Call, route: str, raw: bytes) -> Iterator[None]:
    """Around the handling of a task of ``route`` with the body ``raw``: an error on its last delivery by Cloud Tasks leaves a letter.

    ``Busy`` leaves none: nothing is wrong with the task, it waits for its turn. The reconciler enqueues a dispatch again; who waits for
    something else asks ``following``.
    """
    try:
        yield
    except Busy:
        raise
    except Exception as error:  # whatever it is, the message is kept, and the error raised again
        name, deliveries = _delivered(call)
        if name and deliveries >= MAX_DELIVERIES:
            from shared.dead_letters import keep, trace_id_of  # one delivery in many thousands is such: no instance starts later for it

            keep(
                call.runtime.documents,
                name,
                route=route,
                payload=_readable(raw),
                error=str(error),
                deliveries=deliveries,
                at=call.runtime.clock.now(),
                trace_id=trace_id_of(call.request.headers.get("traceparent", "")),
            )
        raise


def following(call: Call) -> str | None:
    """The name for the task that goes on waiting, on one of the last deliveries by Cloud Tasks; ``None`` before them.

    Two names take turns: that of the task that is being delivered is still taken.
    """
    name, deliveries = _delivered(call)
    if not name or deliveries < MAX_DELIVERIES - _SPARE:
        return None
    return name.removesuffix(_NEXT) if name.endswith(_NEXT) else name + _NEXT


def _delivered(call: Call) -> tuple[str, int]:
    """The task's name, empty where it is none of Cloud Tasks, and how often it has been delivered."""
    headers = call.request.headers
    return unquote(headers.get(TASK_HEADER, "")), _deliveries(headers.get(RETRIES_HEADER, ""))


def _deliveries(retries: str) -> int:
    """Deliveries up to this one. The header counts those before it, also those that never reached the function."""
    return int(retries) + 1 if retries.isdecimal() else 0


def _readable(raw: bytes) -> Json:
    try:
        payload: Json = json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
    return payload
