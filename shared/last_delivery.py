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


@contextmanager
def kept_on_last_delivery(call: Call, route: str, raw: bytes) -> Iterator[None]:
    """Around the handling of a task of ``route`` with the body ``raw``: an error on its last delivery by Cloud Tasks leaves a letter.

    ``Busy`` leaves none: nothing is wrong with the task, it waits for its turn, and the reconciler enqueues it again.
    """
    try:
        yield
    except Busy:
        raise
    except Exception as error:  # whatever it is, the message is kept, and the error raised again
        name, deliveries = unquote(call.request.headers.get(TASK_HEADER, "")), _deliveries(call.request.headers.get(RETRIES_HEADER, ""))
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


def _deliveries(retries: str) -> int:
    """Deliveries up to this one. The header counts those before it, also those that never reached the function."""
    return int(retries) + 1 if retries.isdecimal() else 0


def _readable(raw: bytes) -> Json:
    try:
        payload: Json = json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")
    return payload
