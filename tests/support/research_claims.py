"""Passages and claims for unit tests of the research roles."""

from __future__ import annotations

from functions.deep_research.claims import Author, Listed, Stated
from functions.deep_research.instructions import INSTRUCTION_LIKE, reads_like_instructions
from functions.deep_research.state import Candidate, ModelClaim, Passage
from schemas.evidence import Support
from shared.reading.sentences import sentences

AUTHOR = Author("standard", "deep_research.reader@1")


def listed(text: str, *, start: int = 100, own: str = "chunk:1") -> Listed:
    """A passage with this text, which begins at ``start`` of its document."""
    return Listed(
        Passage(
            id=own,
            document_id="document:1",
            start=start,
            end=start + len(text),
            page=3,
            heading_path=("Climate",),
            sentences=tuple((start + a, start + b) for a, b in sentences(text)),
            score=1.0,
            coverage=0.5,
            flags=(INSTRUCTION_LIKE,) if reads_like_instructions(text) else (),
        ),
        text,
    )


def stated(claim: str, quote: str, *, passage: str = "p1") -> Stated:
    """A claim as a reader states it."""
    return Stated(passage, quote, claim, "fact")


def claim(
    text: str, quote: str | None = None, *, support: Support = "entailed", at: int = 0, question: str = "q1", judged: bool = True
) -> ModelClaim:
    """A claim with one quote at offset ``at``."""
    quoted = quote or text
    candidate = Candidate(
        question_id=question, document_id="document:1", start=at, end=at + len(quoted), quote=quoted, score=1.0, coverage=0.5
    )
    return ModelClaim(
        question_id=question,
        text=text,
        nature="fact",
        quotes=(candidate,),
        support=support,
        judged=judged,
        tier=AUTHOR.tier,
        prompt_version=AUTHOR.prompt_version,
    )
