"""What can be said of a Neo4j database without changing it: for ``kimera doctor``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.adapters import neo4j_cypher as cypher
from shared.adapters.neo4j_schema import ONLINE, index_states

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

    from shared.adapters.neo4j_connection import Neo4jConnection


@dataclass(frozen=True, slots=True)
class Neo4jHealth:
    """A database that answers. ``access`` is ``read-write`` or ``read-only``; ``indexes`` are their states by name."""

    version: str
    edition: str
    access: str
    indexes: Mapping[str, str]

    @property
    def not_online(self) -> Mapping[str, str]:
        """The indexes that cannot be used now, with their states."""
        return {name: state for name, state in self.indexes.items() if state != ONLINE}


def examine(connection: Neo4jConnection) -> Neo4jHealth:
    """The database's state. Raises ``Unavailable`` with the remedy where it does not answer."""
    version, edition = connection.read(_components)
    return Neo4jHealth(version, edition, _access(connection), index_states(connection))


def _components(tx: ManagedTransaction) -> tuple[str, str]:
    row = tx.run(cypher.COMPONENTS).single(strict=True)
    return str(row["version"]), str(row["edition"])


def _access(connection: Neo4jConnection) -> str:
    database = connection.place.database
    found = connection.read(lambda tx: {str(row["access"]) for row in tx.run(cypher.ACCESS, database=database)})  # one of each server
    return "read-write" if "read-write" in found else "read-only" if found else "unknown"
