"""Who is calling: the owner that missions, inputs and spaces belong to."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol

from shared.errors import Unauthenticated
from shared.id_tokens import caller_of

LOCAL_OWNER = "local"


class Identity(Protocol):
    """Turns a call's headers into an owner; raises ``Unauthenticated``."""

    def owner(self, headers: Mapping[str, str]) -> str: ...


class LocalIdentity:
    """One person on one machine, or a few with a bearer token each, of which only the SHA-256 is known here."""

    def __init__(self, owners: Mapping[str, str]) -> None:
        self._owners = owners

    def owner(self, headers: Mapping[str, str]) -> str:
        """The owner of the token; ``local`` where no owners are configured."""
        if not self._owners:
            return LOCAL_OWNER
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        sent = scheme.lower() == "bearer" and token.strip() != ""
        if sent:
            given = hashlib.sha256(token.strip().encode()).hexdigest()
            for name, known in self._owners.items():
                if hmac.compare_digest(given, known):
                    return name
        raise Unauthenticated(
            "This platform does not know the token that was sent." if sent else "This platform wants to know who you are.",
            remedy="Send 'Authorization: Bearer TOKEN' (for the command: KIMERA_TOKEN).",
        )


class IamIdentity:
    """Whoever IAM let through: a person or a service account, by its address."""

    def owner(self, headers: Mapping[str, str]) -> str:
        """The address in the call's identity token."""
        return caller_of(headers).email
