"""Knowledge graphs on the Neo4j server that tests share."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.emulated.neo4j import Neo4jServer
from shared.adapters.neo4j_connection import PATIENCE, Neo4jConnection
from shared.adapters.neo4j_knowledge import Neo4jKnowledge
from shared.adapters.neo4j_login import Password
from shared.adapters.resilience import Patience
from shared.clock import SystemClock

IMPATIENT = Patience(timeout_s=60.0, deadline_s=60.0, tries=1, failures=1_000)
"""Says at once what went wrong, each time. A server that has just started, on a busy machine, takes its time for its first answer."""


def neo4j_connection(
    server: Neo4jServer,
    *,
    uri: str | None = None,
    user: str | None = None,
    password: str | None = None,
    renewed: Callable[[], str] | None = None,
    database: str | None = None,
    patience: Patience = PATIENCE,
) -> Neo4jConnection:
    """A connection with the server's own settings where no others are given."""
    known = password or server.password
    return Neo4jConnection(
        uri or server.uri,
        user=user or server.user,
        password=Password(lambda: known, renewed or (lambda: known)),
        database=database or server.database,
        clock=SystemClock(),
        uniform=lambda: 0.5,
        patience=patience,
    )


def neo4j_graph(server: Neo4jServer, patience: Patience = PATIENCE) -> Neo4jKnowledge:
    """The graph on the server."""
    return Neo4jKnowledge(neo4j_connection(server, patience=patience))
