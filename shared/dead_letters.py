"""Tasks that could not be delivered: kept, so that they can be looked at and sent again.

The embedded queue writes a letter when it gives a task up. Cloud Tasks forgets such a task, so there the handler writes it, on the
last delivery (the queue's ``max_attempts`` is ``shared.queue.MAX_DELIVERIES``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from shared.documents import Json, JsonMap, Ref
from shared.errors import Busy
from shared.queue import MAX_DELIVERIES, TASK_HEADER

if TYPE_CHECKING:
    from shared.documents import DocumentStore
    from shared.http import Call

DEAD_LETTERS = "dead_letters"
RETRIES_HEADER = "X-CloudTasks-TaskRetryCount"
MAX_ERROR_CHARS = 500


def keep(documents: DocumentStore, name: str, *, route: str, payload: Json, error: str, deliveries: int, at: datetime) -> None:
    """Store the letter of the task ``name``; a later one of that name takes its place."""
    letter: JsonMap = {
        "route": route,
        "payload": payload,
        "error": error[:MAX_ERROR_CHARS],
        "deliveries": deliveries,
        "at": at.isoformat(),
    }
    documents.put(Ref(DEAD_LETTERS, name), letter)


@contextmanager
def kept_on_last_delivery(call: Call, route: str, raw: bytes) -> Iterator[None]:
    """Around the handling of a task of ``route`` with the body ``raw``: an error on its last delivery by Cloud Tasks leaves a letter.

    ``Busy`` leaves none: nothing is wrong with the task, it waits for its turn, and the reconciler enqueues it again.
    """
    try:
        yield
    except Busy:
        raise
    except Exception as error:
        name, deliveries = unquote(call.request.headers.get(TASK_HEADER, "")), _deliveries(call.request.headers.get(RETRIES_HEADER, ""))
        if name and deliveries >= MAX_DELIVERIES:
            keep(
                call.runtime.documents,
                name,
                route=route,
                payload=_readable(raw),
                error=str(error),
                deliveries=deliveries,
                at=call.runtime.clock.now(),
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
