"""The trusted half of the service: fetches a run's inputs, starts the inner sandbox, and hands out what it left."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from functions.sandbox.fetching import fetch_inputs
from schemas.sandbox import SandboxHealth, SandboxRunRequest
from shared.clock import Clock
from shared.errors import Busy, SandboxUnavailable
from shared.sandbox import CodeSandbox, SandboxResult
from shared.sandbox_wire import job_of

TURN_S = 10.0
"""How long a run waits for the one before it. Cloud Run gives an instance one call at a time; a host on one machine may give more."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Done:
    """A run that has ended. Its output files are there until ``close``; the next run begins after it."""

    result: SandboxResult
    close: Callable[[], None]


class Supervisor:
    """Runs jobs of the first scope that it is asked for, one at a time. ``show`` proves the isolation and says with how many checks."""

    def __init__(self, sandbox: CodeSandbox, scratch: Path, clock: Clock, *, show: Callable[[], int]) -> None:
        self._sandbox = sandbox
        self._scratch = scratch
        self._clock = clock
        self._show = show
        self._turn = threading.Lock()
        self._showing = threading.Lock()
        self._shown: SandboxHealth | SandboxUnavailable | None = None
        self._scope: str | None = None
        self._leaving = False

    @property
    def leaving(self) -> bool:
        """Whether somebody else's run was asked for: this instance runs nothing any more, and should end."""
        return self._leaving

    def health(self) -> SandboxHealth:
        """That code cannot get out, shown once. An instance that failed to show it raises ``SandboxUnavailable`` for good."""
        with self._showing:
            if self._shown is None:
                try:
                    self._shown = SandboxHealth(checks=self._show())
                except SandboxUnavailable as error:
                    _log.error("This instance takes no runs: %s", error)
                    self._shown = error
            if isinstance(self._shown, SandboxUnavailable):
                raise SandboxUnavailable(self._shown.message, remedy=self._shown.remedy)
            return self._shown

    def run(self, request: SandboxRunRequest) -> Done:
        """Run the job. Raises what ``CodeSandbox.run`` and ``fetch_inputs`` raise, and ``Busy`` where this instance is not for it."""
        self.health()
        with ExitStack() as stack:
            stack.enter_context(self._own_turn())
            self._require(request.scope)
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._scratch, prefix="run-")))
            files = fetch_inputs(request.inputs, folder / "inputs", self._clock)
            result = self._sandbox.run(job_of(request, files), outputs_to=folder / "outputs")
            return Done(result, stack.pop_all().close)

    def _require(self, scope: str) -> None:
        """Whatever code of one scope may have left behind here, none of another ever meets it."""
        if self._scope is None and not self._leaving:
            self._scope = scope
        if self._leaving or self._scope != scope:
            self._leaving = True
            raise Busy("This instance of the sandbox served another mission, and ends now.", retry_after_s=1)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=TURN_S):
            raise Busy("This instance of the sandbox runs another job.", retry_after_s=1)
        try:
            yield
        finally:
            self._turn.release()
