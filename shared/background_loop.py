"""An event loop on a thread of its own: some libraries are asynchronous, and the rest of KIMERA is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as Late
from typing import Any, TypeVar

T = TypeVar("T")
_END_S = 2.0
"""How long what is cancelled may take to end, its connections closed."""


class LoopClosed(Exception):
    """The loop was closed while somebody waited for what ran on it."""


class BackgroundLoop:
    """Runs coroutines for callers on any thread. HTTP clients that live on it are shared by all of them."""

    def __init__(self, name: str = "kimera-models") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], *, timeout_s: float) -> T:
        """What ``work`` gives. Raises ``TimeoutError`` when it takes longer, and cancels it; ``LoopClosed`` where it was cancelled."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s)
        except Late:
            future.cancel()
            raise TimeoutError(f"no answer within {timeout_s:g} s") from None
        except CancelledError:
            raise LoopClosed("it was closed before an answer came") from None

    def close(self) -> None:
        """End the loop; what still runs on it is cancelled, and who waits for it waits no longer."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop)
        self._thread.join(timeout=5)
        if not self._loop.is_running():
            self._loop.close()

    async def _end(self) -> None:
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_END_S)
        self._loop.stop()
