"""What reading a question gives back: a ``Reading`` that can be carried out, or a ``Refusal`` that says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from functions.ds_star.operation import OperationSpec

RefusalKind = Literal[
    "why", "forecast", "advice", "what_if", "documents", "no_data", "no_operation", "unmatched", "ambiguous", "unsuitable", "too_few"
]


@dataclass(frozen=True)
class Reading:
    """One or more operations that answer a sub-question, and the sentence that says how it was understood."""

    specs: tuple[OperationSpec, ...]
    text: str
    score: float = 0.0
    """How well the question's words fit the columns: decides between tables."""
    notes: tuple[str, ...] = ()
    """Assumptions a reader should know."""


@dataclass(frozen=True)
class Refusal:
    """Why a sub-question is not answered from the data, what of it was matched, and what these files could answer."""

    kind: RefusalKind
    reason: str
    matched: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    score: float = 0.0
    lacks: tuple[str, ...] = ()
    """What the data would have to hold, each in a phrase that can be looked for; empty where no evidence would help."""

    @property
    def note(self) -> str:
        """One sentence or two for the report."""
        matched = f" Matched: {', '.join(self.matched)}." if self.matched else ""
        return f"Not answered: {self.reason}.{matched}"


class Refused(Exception):
    """Carries a refusal out of the slots to ``read_question``; never leaves the reader."""

    def __init__(self, kind: RefusalKind, reason: str, *, lacks: tuple[str, ...] = ()) -> None:
        """``lacks``: what is missing for certain; without it, it is what the words say that nothing explains."""
        super().__init__(reason)
        self.kind: RefusalKind = kind
        self.reason = reason
        self.lacks = lacks
