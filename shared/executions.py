"""The ``WorkflowExecutions`` port: starts, watches and cancels executions of the mission workflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.documents import JsonMap


class ExecutionState(StrEnum):
    """What is known of an execution. ``UNKNOWN``: the service cannot say, so nothing may be concluded."""

    ACTIVE = "ACTIVE"
    """It runs, or waits for its turn."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class WorkflowAddress:
    """A deployed workflow, ``projects/P/locations/L/workflows/W``, and where its executions API is.

    ``endpoint`` is ``host:port`` or ``unix:PATH``; ``None`` is Google's own.
    """

    workflow: str
    endpoint: str | None = None


class WorkflowExecutions(Protocol):
    """Executions of one workflow. An execution's name is what the workflow itself reads as ``GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID``.

    Every method raises ``Unavailable``, which names the service, when it cannot be reached or does not do its part.
    """

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        """Start an execution and give back its name. ``labels`` are lower-case letters, digits, ``_`` and ``-``.

        Every call that arrives starts one, and after ``Unavailable`` one may run all the same: its answer was lost. So the callers
        of this port start again, and the workflow's first step decides which execution goes on (``lifecycle/claim``).
        """
        ...

    def state(self, name: str) -> ExecutionState:
        """How it stands. One that the service does not know is ``UNKNOWN``: it may have forgotten it."""
        ...

    def cancel(self, name: str) -> None:
        """Stop it if it still runs; nothing happens where it has ended or is not known."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...
