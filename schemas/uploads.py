"""``intake``: what becomes of an upload."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract
from schemas.messages import StepMessage


class IntakeResult(Contract):
    """What became of an upload. ``noted``: nothing waits for it; ``stale``: something newer has taken its place."""

    outcome: Literal["started", "waiting", "refused", "noted", "stale", "delivered"]
    mission_id: str | None = None
    missing: tuple[str, ...] = ()
    detail: str = ""


class IntakeTask(StepMessage):
    """The queue asks to look after a folder of the inbox: its manifest of that generation."""

    key: str
    generation: int = Field(ge=0)
