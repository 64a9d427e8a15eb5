"""Module ``events``. Pages: stdlib/events/*, creating-callback-endpoints."""

from __future__ import annotations

import math
from typing import Final

from infra.local.workflows.callbacks import Callbacks
from infra.local.workflows.effects import Coroutine
from infra.local.workflows.errors import failure, value_failure
from infra.local.workflows.frames import Run
from infra.local.workflows.stdlib.signature import blocking, mapping, number, string
from infra.local.workflows.values import Value

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
_TIMEOUT_S: Final = 43_200.0  # await_callback page: 12 hours


def _create(run: Run, method: Value) -> Coroutine:
    verb = "POST" if method is None else string(method, "http_callback_method").upper()
    if verb not in METHODS:
        raise value_failure(f"http_callback_method has to be one of {', '.join(METHODS)}")
    yield from ()  # a generator like every blocking function, though nothing here waits
    return {"url": _callbacks(run).create(run, verb)}


def _await(run: Run, callback: Value, timeout: Value) -> Coroutine:
    url = string(mapping(callback, "callback").get("url"), "the url of callback")
    seconds = _TIMEOUT_S if timeout is None else float(number(timeout, "timeout"))
    if not (math.isfinite(seconds) and seconds > 0):
        raise value_failure("timeout has to be a positive number of seconds")
    return (yield from _callbacks(run).wait(run, url, seconds))


def _callbacks(run: Run) -> Callbacks:
    if run.callbacks is None:
        raise failure("SystemError", "callbacks are not available: the runner was given no callback endpoints")
    return run.callbacks


FUNCTIONS: Final = (
    blocking("events.create_callback_endpoint", "http_callback_method?", _create),
    blocking("events.await_callback", "callback timeout?", _await),
)
