"""The ``WorkflowExecutions`` port: starts, watches and cancels executions of the mission workflow."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from shared.documents import JsonMap


class ExecutionState(StrEnum):
    """What is known of an execution. ``UNKNOWN``: the service cannot say now, so nothing may be concluded."""

    ACTIVE = "ACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"


class WorkflowExecutions(Protocol):
    """Executions of one workflow. Raises ``Unavailable`` when the service cannot be reached."""

    def start(self, argument: JsonMap) -> str:
        """Start an execution and give back its name."""
        ...

    def state(self, name: str) -> ExecutionState: ...

    def cancel(self, name: str) -> None:
        """Stop it if it still runs; nothing happens otherwise."""
        ...
