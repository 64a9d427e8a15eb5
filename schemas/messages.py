"""What all messages between the workflow, the queue and the functions have in common; each function's own are in a module of their own.

The API serves one version back, so that a deployment in mid-mission breaks nothing.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class StepMessage(BaseModel):
    """A message from a workflow that may be one version older or newer: unknown fields are left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True)


class ExecutionRef(StepMessage):
    """Who is calling: a mission's execution. ``epoch`` is the fencing token."""

    mission_id: str
    epoch: int = Field(ge=1)
    execution: str = ""
