"""What is noticed about a request itself: it is not refused for it, but its mission says so (invariant 8)."""

from __future__ import annotations

from schemas.mission import MissionRequest
from shared.documents import Json
from shared.language.instructions import QUESTION_INSTRUCTION_LIKE, takes_over
from shared.missions.chain import Happening


def request_flags(request: MissionRequest) -> tuple[str, ...]:
    """The flags that a mission of this request has from its submission on. They follow from the request alone, so nothing stores them."""
    return (QUESTION_INSTRUCTION_LIKE,) if _taking_over(request) else ()


def request_findings(request: MissionRequest) -> tuple[Happening, ...]:
    """What the audit chain keeps of it, to be written with the mission: which flag, and which part of the request it is for."""
    parts: list[Json] = [*_taking_over(request)]
    return (Happening("request.flagged", {"flag": QUESTION_INSTRUCTION_LIKE, "in": parts}),) if parts else ()


def _taking_over(request: MissionRequest) -> tuple[str, ...]:
    """The parts of the request that read like orders to the program."""
    parts = {"question": request.question, "output_guidelines": request.output_guidelines}
    return tuple(name for name, text in parts.items() if takes_over(text))
