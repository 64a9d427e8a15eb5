"""Worker processes without a platform around them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from infra.local.executions import DEFINITION
from infra.local.functions import internal_app
from infra.local.pool.pool import Lost, WorkerPool
from shared.clock import Clock, SystemClock
from shared.documents import JsonMap
from shared.ids import Ids
from shared.settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

    from shared.runtime import Runtime


@contextmanager
def worker_pool(
    settings: Settings,
    *,
    workflow: Path = DEFINITION,
    functions: Callable[[Runtime], WSGIApplication] = internal_app,
    ended: Callable[[JsonMap], None] = lambda _: None,
    lost: Callable[[Sequence[Lost]], None] = lambda _: None,
    silent_s: float = 60,
    stop_s: float = 60,
    clock: Clock | None = None,
) -> Iterator[WorkerPool]:
    """A pool that is open."""
    clock = clock or SystemClock()
    pool = WorkerPool(
        settings,
        clock,
        Ids(clock, os.urandom),
        functions=functions,
        wake=lambda: None,
        ended=ended,
        lost=lost,
        workflow=workflow,
        silent_s=silent_s,
        stop_s=stop_s,
    )
    pool.open()
    try:
        yield pool
    finally:
        pool.close()
