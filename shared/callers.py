"""Who may call an internal path. IAM decides who reaches a function; a function that several callers reach checks each path itself."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from shared.errors import Forbidden, Unavailable
from shared.id_tokens import caller_of


class Part(StrEnum):
    """A part of the platform that calls functions, each with a service account of its own."""

    WORKFLOW = "workflow"
    QUEUE = "queue"
    SCHEDULER = "scheduler"
    EVENTS = "events"
    DEAD_LETTERS = "dead_letters"


class Callers(Protocol):
    """Checks that a call comes from a part of the platform; raises ``Unauthenticated`` and ``Forbidden``."""

    def require(self, part: Part, headers: Mapping[str, str]) -> None: ...


class SameProcess:
    """The embedded platform: internal paths are mounted for this process alone."""

    def require(self, part: Part, headers: Mapping[str, str]) -> None:
        """Everything that gets here is ours."""


class ServiceAccounts:
    """The cloud: each part is known by the address of its service account."""

    def __init__(self, accounts: Mapping[Part, str]) -> None:
        self._accounts = {part: address.lower() for part, address in accounts.items()}

    def require(self, part: Part, headers: Mapping[str, str]) -> None:
        """Also raises ``Unavailable`` where nobody said which account the part has: then nobody may call."""
        wanted = self._accounts.get(part)
        if wanted is None:
            name = f"KIMERA_{part.upper()}_ACCOUNT"
            raise Unavailable(f"Nobody said which service account the {part} has.", remedy=f"Set {name} to its address.")
        caller = caller_of(headers)
        if caller.email != wanted:
            raise Forbidden(f"Only the {part} of the platform may call this, not {caller.email}.", remedy="Call the public API instead.")
