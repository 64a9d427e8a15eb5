"""What is noticed about a request itself: it is not refused for it, but its mission says so (invariant 8)."""

from __future__ import annotations

from schemas.mission import MissionRequest
from shared.language.instructions import QUESTION_INSTRUCTION_LIKE, takes_over


def request_flags(request: MissionRequest) -> tuple[str, ...]:
    """The flags that a mission of this request has from its submission on. They follow from the request alone, so nothing stores them."""
    return (QUESTION_INSTRUCTION_LIKE,) if takes_over(request.question) or takes_over(request.output_guidelines) else ()
