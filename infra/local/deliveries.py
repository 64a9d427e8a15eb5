"""Deliveries under way on a few threads: one that takes long keeps its own thread, and none of the others waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

TaskT = TypeVar("TaskT")
_log = logging.getLogger(__name__)


class Deliveries(Generic[TaskT]):
    """Delivers tasks by ``deliver``, which returns whether nothing is left to do of one.

    ``look_again`` is called, from any thread, where there may be more to deliver than whoever looked last has seen.
    """

    def __init__(self, deliver: Callable[[TaskT], bool], *, threads: int, name: str, look_again: Callable[[], None]) -> None:
        self._deliver = deliver
        self._threads = threads
        self._look_again = look_again
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._under_way: set[str] = set()
        self._more = False
        """Whether to look again once a thread is free."""
        self._changed = threading.Condition()

    def has_room(self) -> bool:
        """Whether a thread is free. Where none is, ``look_again`` is called once one is."""
        with self._changed:
            self._more = self._more or len(self._under_way) >= self._threads
            return len(self._under_way) < self._threads

    def begin(self, tasks: Mapping[str, TaskT], *, more: bool = False) -> None:
        """Deliver these, but for those that are under way by their names. ``more``: there are others, to be looked for when these end."""
        with self._changed:
            self._more = self._more or more
            new = {name: task for name, task in tasks.items() if name not in self._under_way}
            self._under_way |= set(new)
        while new:
            name, task = next(iter(new.items()))
            try:
                self._pool.submit(self._run, name, task)
            except RuntimeError:  # no thread is to be had: these are seen by the next look
                with self._changed:
                    self._under_way -= set(new)
                raise
            del new[name]

    def wait(self, seconds: float) -> bool:
        """Until none is under way; false where that takes longer."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._under_way, seconds)

    def end(self) -> None:
        """Finish what is being delivered. What had not begun is left as it was."""
        self._pool.shutdown(cancel_futures=True)

    def _run(self, name: str, task: TaskT) -> None:
        done = True
        try:
            done = self._deliver(task)
        except Exception:  # noqa: BLE001 - nobody else delivers: a defect of one task may not end the others, and is told here
            _log.exception("The delivery of %s broke off", name)
        finally:
            with self._changed:
                self._under_way.discard(name)
                free = self._more and len(self._under_way) < self._threads
                self._more = self._more and not free
                self._changed.notify_all()
            if free or not done:
                self._look_again()
