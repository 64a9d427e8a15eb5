"""The user and password that new connections to Neo4j log in with: read again once the server has refused them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from neo4j import Auth, basic_auth
from neo4j.auth_management import AuthManager
from neo4j.exceptions import Neo4jError


@dataclass(frozen=True, slots=True)
class Password:
    """``known`` gives it as it was read before, ``renewed`` as it is now."""

    known: Callable[[], str]
    renewed: Callable[[], str]


class Login(AuthManager):
    """Open connections stay good when a password changes. The driver's own manager renews none that a new connection is refused."""

    def __init__(self, user: str, password: Password) -> None:
        self._user = user
        self._password = password
        self._lock = threading.Lock()
        self._used: str | None = None

    def get_auth(self) -> Auth:
        """What the driver logs in with."""
        return basic_auth(self._user, self.used())

    def handle_security_exception(self, auth: object, error: Neo4jError) -> bool:
        """Nothing: whoever asked the driver decides what a refused login means."""
        return False

    def used(self) -> str:
        """The password of new connections."""
        with self._lock:
            if self._used is None:
                self._used = self._password.known()
            return self._used

    def is_renewed(self, refused: str) -> bool:
        """Whether there is another password now than the one that was refused."""
        with self._lock:
            if self._used == refused:
                self._used = self._password.renewed()
            return self._used != refused
