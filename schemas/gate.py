"""The gate, ``budget``, which the workflow asks after a slice."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Contract
from schemas.messages import ExecutionRef
from schemas.mission import Track


class GateRequest(ExecutionRef):
    """After a slice that had ``ask_gate``, a track asks how to go on. ``seq`` is the slice that would be next."""

    track: Track
    attempt: int = Field(ge=1)
    seq: int = Field(ge=0)


class GateResult(Contract):
    """``continue``; ``downgrade`` (continue, one tier down); ``stop`` (close the track); ``fuse_partial`` (publish, then go on).

    This version never says ``downgrade``: a slice freezes its own tier before its first call. A workflow takes it for ``continue``.
    """

    action: Literal["continue", "downgrade", "stop", "fuse_partial"]
    reason: str = ""
