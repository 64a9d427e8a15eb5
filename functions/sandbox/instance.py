"""What an instance of the service is made of. It has none of the settings and stores that ``shared/runtime.py`` builds."""

from __future__ import annotations

import os
import signal
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from functions.sandbox.supervisor import Supervisor
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.sandbox_python import find_sandbox_python
from shared.adapters.spare_sandboxes import Ahead
from shared.callers import Callers, SameProcess
from shared.clock import SystemClock
from shared.ids import Ids
from shared.isolation.selfcheck import show_isolation
from shared.telemetry.tracing import Tracing

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Instance:
    """The runtime of the service: ``Serving``, and the supervisor."""

    supervisor: Supervisor
    ids: Ids
    tracing: Tracing
    """Without an exporter: that would need a role. The caller's span is around each run."""
    callers: Callers

    def flush(self) -> None:
        """Nothing is kept back."""

    def leave(self) -> None:
        """End this process, and its container with it: the next call is answered by a new one."""
        under_gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")
        os.kill(os.getppid() if under_gunicorn else os.getpid(), signal.SIGTERM)


@lru_cache(maxsize=1)
def this_instance() -> Instance:
    """The one of this process."""
    clock = SystemClock()
    scratch = Path(tempfile.gettempdir())
    sandbox = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT), ahead=Ahead(scratch / "sandboxes", most=1))
    supervisor = Supervisor(sandbox, scratch, clock, show=lambda: show_isolation(sandbox, scratch))
    return Instance(supervisor, Ids(clock, os.urandom), Tracing(), SameProcess())
