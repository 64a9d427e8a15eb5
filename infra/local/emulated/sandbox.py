"""The sandbox service on this machine. It ends itself when another mission comes: whoever runs it starts it again (``supervising.py``)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from functions.manifest import row
from infra.local.emulated.component import CHECKOUT, answers_http
from infra.local.emulated.programs import FunctionProcess
from shared.adapters.sandbox_python import ENVIRONMENT_VARIABLE

_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", ENVIRONMENT_VARIABLE)
THREADS = 4
"""One for the run; the others answer that it is under way, and how the service is."""


class SandboxService(FunctionProcess):
    """The service as functions-framework serves it in its container. Of our environment it gets no more than where programs lie."""

    def __init__(self, home: Path, *, port: int | None = None) -> None:
        super().__init__(home, row("sandbox"), {}, port=port)

    def environment(self) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return kept | {"PYTHONPATH": str(CHECKOUT), "THREADS": str(THREADS)}

    def serves(self) -> bool:
        """Whether it answers: for the first time after its self-check."""
        return answers_http(self.port, "/health")
