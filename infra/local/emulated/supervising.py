"""Keeps components running, as a cloud does: what has died is started again on the same port."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

from infra.local.emulated.component import Component
from shared.errors import KimeraError

_EVERY_S = 0.5
_STOP_S = 60.0
_log = logging.getLogger(__name__)


class Supervisor:
    """Starts ``waves`` of components, each wave after the one before, and looks after them until ``stop``.

    Everything is started and restarted on one thread: a component dies with the thread that started it. ``restarted`` hears which
    components had to be started again.
    """

    def __init__(
        self,
        waves: Sequence[Sequence[Component]],
        *,
        starting: Callable[[Component], None] = lambda component: None,
        restarted: Callable[[Component], None] = lambda component: None,
    ) -> None:
        self._waves = waves
        self._starting = starting
        self._restarted = restarted
        self._stopped = threading.Event()
        self._held: set[Component] = set()
        self._lock = threading.Lock()
        self._up: threading.Event = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="kimera-supervisor", daemon=True)

    def start(self) -> Self:
        """Return once all serve. Raises ``Missing`` and ``Unavailable``; then nothing runs any more."""
        self._thread.start()
        self._up.wait()
        if self._failure is not None:
            self._thread.join(_STOP_S)
            raise self._failure
        return self

    def stop(self) -> None:
        """End all of them, the last wave first."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_S)

    def hold(self, component: Component) -> None:
        """Leave ``component`` dead until ``release``: an outage."""
        with self._lock:
            self._held.add(component)
            component.kill()

    def release(self, component: Component) -> None:
        """Let it be started again."""
        with self._lock:
            self._held.discard(component)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        # Processes are made by one thread and waited for by others: a wave comes up at once.
        try:
            for wave in self._waves:
                for component in wave:
                    self._starting(component)
                    component.launch()
                with ThreadPoolExecutor(max(1, len(wave))) as pool:
                    list(pool.map(lambda component: component.await_service(), wave))
            self._up.set()
            while not self._stopped.wait(_EVERY_S):
                try:
                    self._look()
                except Exception:  # noqa: BLE001 - nobody else looks: what still serves goes on
                    _log.exception("The components are looked at again")
        except BaseException as error:  # noqa: BLE001 - handed to whoever called ``start``
            self._failure = error
        finally:
            for wave in reversed(self._waves):
                with ThreadPoolExecutor(max(1, len(wave))) as pool:
                    list(pool.map(lambda component: component.stop(), wave))
            self._up.set()

    def _look(self) -> None:
        for component in (component for wave in self._waves for component in wave):
            with self._lock:
                if component.pid is not None or component in self._held:
                    continue
                _log.warning("%s has ended; it is started again. Its log: %s", component.name, component.log)
                try:
                    component.start()
                except KimeraError as error:
                    _log.warning("%s does not come up and is tried again: %s", component.name, error)
                    continue
            self._restarted(component)
