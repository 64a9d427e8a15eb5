"""The way to a Neo4j database: one pool of connections, read and write transactions apart, each with its limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from shared.adapters.neo4j_errors import Place, judge, refused_login, translating
from shared.adapters.resilience import Patience, Resilience
from shared.clock import Clock
from shared.endpoints import is_on_this_machine
from shared.errors import Unavailable

if TYPE_CHECKING:
    from neo4j import BookmarkManager, Driver, ManagedTransaction, Session

T = TypeVar("T")
ENCRYPTED = ("neo4j+s", "bolt+s")
PLAIN = ("neo4j", "bolt")
_PORT = 7687
_CONNECT_S = 5.0
_ACQUIRE_S = 10.0
"""For a connection of the pool."""
_POOL = 20
PATIENCE = Patience(timeout_s=30.0, deadline_s=60.0, tries=6, failures=8)
"""Of a transaction: the server ends one that takes longer. Deadlocks and a change of leader are met by trying again."""


@dataclass(frozen=True, slots=True)
class Password:
    """``known`` gives it as it was read before, ``renewed`` as it is now."""

    known: Callable[[], str]
    renewed: Callable[[], str]


class _Login:
    """User and password for the driver, which asks again where the server refused the last ones and then connects anew."""

    def __init__(self, place: Place, password: Password) -> None:
        self._place = place
        self._password = password
        self._used: str | None = None

    def current(self) -> tuple[str, str]:
        """Raises ``Unavailable`` where the password that was refused is still the one: it is not tried over and over."""
        password = self._password.known() if self._used is None else self._password.renewed()
        if password == self._used:
            raise refused_login(self._place)
        self._used = password
        return self._place.user, password


class Neo4jConnection:
    """A database of a server. Connects at the first transaction; finds a server again that was restarted, or whose password was rotated.

    Reads see what this process wrote, on a cluster too. Thread-safe.
    """

    def __init__(
        self,
        uri: str,
        *,
        user: str,
        password: Password,
        database: str,
        clock: Clock,
        uniform: Callable[[], float],
        patience: Patience = PATIENCE,
    ) -> None:
        """Raises ``Unavailable`` for an address that is none, or that must not be used."""
        self.place = Place(_checked(uri), database, user)
        self._resilience = Resilience(str(self.place), judge=judge, clock=clock, uniform=uniform, patience=patience)
        self._uri = uri
        self._login = _Login(self.place, password)
        self._lock = threading.Lock()
        self._opened: tuple[Driver, BookmarkManager] | None = None

    def read(self, work: Callable[[ManagedTransaction], T]) -> T:
        """What ``work`` gives in one transaction that the server lets write nothing. It may be run again."""
        from neo4j import READ_ACCESS

        def send(timeout_s: float) -> T:
            with self._session(READ_ACCESS) as session:
                return session.execute_read(_bounded(work, timeout_s))

        return self._call(send)

    def write(self, work: Callable[[ManagedTransaction], T]) -> T:
        """What ``work`` gives in one transaction, all of which is kept or nothing. It may be run again, also after it was kept."""
        from neo4j import WRITE_ACCESS

        def send(timeout_s: float) -> T:
            with self._session(WRITE_ACCESS) as session:
                return session.execute_write(_bounded(work, timeout_s))

        return self._call(send)

    def _call(self, send: Callable[[float], T]) -> T:
        with translating(self.place):
            return self._resilience.call(send)

    def _session(self, mode: str) -> Session:
        driver, bookmarks = self._driver()
        return driver.session(database=self.place.database, default_access_mode=mode, bookmark_manager=bookmarks)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._opened is not None:
                self._opened[0].close()
                self._opened = None

    def _driver(self) -> tuple[Driver, BookmarkManager]:
        from neo4j import GraphDatabase, NotificationMinimumSeverity
        from neo4j.auth_management import AuthManagers

        with self._lock:
            if self._opened is None:
                driver = GraphDatabase.driver(
                    self._uri,
                    auth=AuthManagers.basic(self._login.current),
                    connection_timeout=_CONNECT_S,
                    connection_write_timeout=_ACQUIRE_S,
                    connection_acquisition_timeout=_ACQUIRE_S,
                    max_transaction_retry_time=0,  # one way to try again, for all dependencies: ``Resilience``
                    max_connection_pool_size=_POOL,
                    liveness_check_timeout=30.0,
                    notifications_min_severity=NotificationMinimumSeverity.OFF,
                    telemetry_disabled=True,
                    user_agent="kimera",
                )
                self._opened = (driver, GraphDatabase.bookmark_manager())
            return self._opened


def _bounded(work: Callable[[ManagedTransaction], T], timeout_s: float) -> Callable[[ManagedTransaction], T]:
    from neo4j import unit_of_work

    return unit_of_work(timeout=timeout_s)(work)


def _checked(uri: str) -> str:
    """``host:port``. Another machine is never called without TLS, and never with a password in the address."""
    remedy = "Set KIMERA_NEO4J_URI to neo4j+s://HOST:PORT, or for a server on this machine to bolt://127.0.0.1:PORT."
    try:
        parts = urlsplit(uri)
        server = f"{parts.hostname or ''}:{parts.port or _PORT}"
    except ValueError as error:
        raise Unavailable("The Neo4j address cannot be read.", remedy=remedy) from error
    if parts.scheme not in (*ENCRYPTED, *PLAIN) or not parts.hostname:
        raise Unavailable(f"The Neo4j address is none: it begins with {parts.scheme or 'no scheme'}.", remedy=remedy)
    if parts.username is not None or parts.password is not None:
        raise Unavailable(
            f"The Neo4j address of {server} holds a login.", remedy="Set KIMERA_NEO4J_USER and KIMERA_NEO4J_PASSWORD instead."
        )
    if parts.scheme in PLAIN and not is_on_this_machine(server):
        raise Unavailable(f"Neo4j at {server} would be called without TLS.", remedy=remedy)
    return server
