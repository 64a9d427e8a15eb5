"""``fusion``: a report is to be published."""

from __future__ import annotations

from schemas.base import Contract
from schemas.messages import ExecutionRef
from schemas.mission import FusionMode


class FuseRequest(ExecutionRef):
    """Publish a report."""

    mode: FusionMode


class FuseResult(Contract):
    """The version that now stands."""

    version: int
    mode: FusionMode
    published: bool
    reason: str = ""
