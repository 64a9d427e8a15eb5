"""The models of one slice, as a track uses them.

The slice's tier is frozen before its first call, so a slice that is run again asks the same and gets the stored answers. Where no
answer comes (no money, no provider, nothing that fits), ``NoModelAnswer`` says so and the track goes on with the extractive role.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar

from pydantic import BaseModel

from schemas.evidence import Usage
from schemas.mission import Tier
from shared.errors import NoModelAnswer
from shared.models.prompts import PromptValue
from shared.models.roles import ModelRole

OutputT = TypeVar("OutputT", bound=BaseModel)
Check = Callable[[OutputT], None]
"""Raises ``ValueError`` with what is wrong with an answer that fits its type, for instance an id that was not listed. The model is told."""


class Models(Protocol):
    """Asks models on behalf of one slice. Calls of a role are numbered in the order in which they are made."""

    @property
    def tier(self) -> Tier:
        """The tier that the slice was frozen at; never ``EXTRACTIVE``."""
        ...

    def ask(self, role: ModelRole[OutputT], variables: Mapping[str, PromptValue], *, check: Check[OutputT] | None = None) -> OutputT:
        """The role's answer, checked. What does not fit is rejected, and the model is told why and asked again, at most twice.

        Raises ``NoModelAnswer``.
        """
        ...

    def ask_each(
        self, role: ModelRole[OutputT], variables: Sequence[Mapping[str, PromptValue]], *, check: Check[OutputT] | None = None
    ) -> list[OutputT | NoModelAnswer]:
        """One answer for each set of variables, asked at the same time; in their order. What failed is in its place."""
        ...

    def usage(self) -> Usage:
        """What this slice has consumed so far; stored answers count as what they cost when they were bought."""
        ...

    def flags(self) -> tuple[str, ...]:
        """What a reader of the report has to know of what was asked so far: see ``shared/models/flags.py``."""
        ...
