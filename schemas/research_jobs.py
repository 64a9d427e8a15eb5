"""``deep_research``: a job at a provider of research is to be stopped."""

from __future__ import annotations

from pydantic import Field

from schemas.base import Contract
from schemas.messages import StepMessage


class StopRequest(StepMessage):
    """Stop a research job at its provider: its mission is over, and whoever ended it has no key."""

    mission_id: str
    job: str = Field(min_length=1, max_length=500)


class StopResult(Contract):
    """``known`` is false where the provider knows no such job (any more)."""

    known: bool
