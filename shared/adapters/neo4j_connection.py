"""The way to a Neo4j database: one pool of connections, read and write transactions apart, each with its limits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import urlsplit

from shared.adapters.neo4j_errors import Place, judge, translating
from shared.adapters.resilience import Patience, Resilience
from shared.clock import Clock
from shared.endpoints import is_on_this_machine
from shared.errors import Unavailable

if TYPE_CHECKING:
    from neo4j import BookmarkManager, Driver, ManagedTransaction, Session

    from shared.adapters.neo4j_login import Login, Password

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
        self._password = password
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

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
        from neo4j.exceptions import AuthError

        with translating(self.place):
            login = self._open().login
            password = login.used()
            try:
                return self._resilience.call(send)
            except AuthError:
                if not login.is_renewed(password):
                    raise
                return self._resilience.call(send)

    def _session(self, mode: str) -> Session:
        opened = self._open()
        return opened.driver.session(database=self.place.database, default_access_mode=mode, bookmark_manager=opened.bookmarks)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._opened is not None:
                self._opened.driver.close()
                self._opened = None

    def _open(self) -> _Opened:
        from neo4j import GraphDatabase, NotificationMinimumSeverity

        from shared.adapters.neo4j_login import Login

        with self._lock:
            if self._opened is None:
                login = Login(self.place.user, self._password)
                driver = GraphDatabase.driver(
                    self._uri,
                    auth=login,
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
                self._opened = _Opened(driver, GraphDatabase.bookmark_manager(), login)
            return self._opened


class _Opened(NamedTuple):
    driver: Driver
    bookmarks: BookmarkManager
    login: Login


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
