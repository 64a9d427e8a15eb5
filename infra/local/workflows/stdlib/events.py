"""Module ``events``. Pages: stdlib/events/*. Not there yet: each call says so, as an error that a workflow can catch."""

from __future__ import annotations

from typing import Final

from infra.local.workflows.effects import Coroutine
from infra.local.workflows.errors import failure
from infra.local.workflows.frames import Run
from infra.local.workflows.stdlib.signature import BlockingFunction, blocking
from infra.local.workflows.values import Value


def _unsupported(name: str, names: str) -> BlockingFunction:
    def start(run: Run, *arguments: Value) -> Coroutine:
        raise failure("SystemError", f"{name} is not supported by the local runner yet")

    return blocking(name, names, start)


FUNCTIONS: Final = (
    _unsupported("events.create_callback_endpoint", "http_callback_method"),
    _unsupported("events.await_callback", "callback timeout?"),
)
