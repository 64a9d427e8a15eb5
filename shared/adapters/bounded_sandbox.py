"""A sandbox that runs as many jobs at a time as the machine has processors for; the others wait for their turn."""

from __future__ import annotations

import threading
from pathlib import Path

from shared.errors import Busy
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from shared.telemetry.tracing import Tracing
from shared.times import SLICE_BUDGET_S


class BoundedSandbox:
    """``CodeSandbox`` around another one. A job that found no place for a slice's whole budget raises ``Busy``: its slice is retried."""

    def __init__(self, sandbox: CodeSandbox, *, places: int, tracing: Tracing) -> None:
        self._sandbox = sandbox
        self._places = threading.BoundedSemaphore(places)
        self._tracing = tracing

    @property
    def reads_artifacts(self) -> bool:
        """See ``CodeSandbox.reads_artifacts``."""
        return self._sandbox.reads_artifacts

    def check(self) -> None:
        """See ``CodeSandbox.check``."""
        self._sandbox.check()

    def expect(self) -> None:
        """See ``CodeSandbox.expect``."""
        self._sandbox.expect()

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``; each run is a span."""
        if not self._places.acquire(timeout=SLICE_BUDGET_S):
            raise Busy("All places of the sandbox are taken.", retry_after_s=5)
        try:
            with self._tracing.span("sandbox.run") as span:
                result = self._sandbox.run(job, outputs_to=outputs_to)
                span.set_attributes({"sandbox.status": result.status, "sandbox.cpu_s": result.cpu_s, "sandbox.peak_mb": result.peak_mb})
                return result
        finally:
            self._places.release()
