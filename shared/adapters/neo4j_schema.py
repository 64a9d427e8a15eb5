"""The constraints and indexes of the graph: made where they are missing, and waited for until they are online."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from shared.errors import Unavailable

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

    from shared.adapters.neo4j_connection import Neo4jConnection

CHUNK_WORDS = "kimera_chunk_words"
"""The full-text index. Words are stored as they are to be found, so that it only cuts at spaces; it is up to date when a write returns."""
STATEMENTS = {
    "kimera_node": "CREATE CONSTRAINT kimera_node IF NOT EXISTS FOR (n:Knowledge) REQUIRE (n.scope, n.key) IS UNIQUE",
    "kimera_scope": "CREATE INDEX kimera_scope IF NOT EXISTS FOR (n:Knowledge) ON (n.scope)",
    "kimera_document": "CREATE INDEX kimera_document IF NOT EXISTS FOR (n:Knowledge) ON (n.scope, n.document_key)",
    "kimera_chunk_scope": "CREATE INDEX kimera_chunk_scope IF NOT EXISTS FOR (n:Chunk) ON (n.scope)",
    "kimera_owner": "CREATE INDEX kimera_owner IF NOT EXISTS FOR (n:GlobalKnowledge) ON (n.owner)",
    CHUNK_WORDS: (
        f"CREATE FULLTEXT INDEX {CHUNK_WORDS} IF NOT EXISTS FOR (n:Chunk) ON EACH [n.scope, n.words] "
        "OPTIONS {indexConfig: {`fulltext.analyzer`: 'whitespace', `fulltext.eventually_consistent`: false}}"
    ),
}
ONLINE = "ONLINE"
_MISSING = "MISSING"
_AWAIT_S = 25
"""Below the limit of a transaction. A fresh index of a small graph is online at once; one of a large graph takes minutes."""
_STATES = "SHOW INDEXES YIELD name, state, failureMessage WHERE name IN $names RETURN name, state, failureMessage"
_AWAIT = "CALL db.awaitIndexes($seconds)"


def index_states(connection: Neo4jConnection) -> dict[str, str]:
    """The state of each index by name: ``ONLINE``, ``POPULATING``, ``FAILED`` with why, or ``MISSING``. It changes nothing."""
    return connection.read(_states)


def prepare(connection: Neo4jConnection) -> None:
    """Make what is missing and wait for it. Needs rights to do so only where something is missing: a reader does not.

    Raises ``Unavailable`` where an index failed, is not ready in time, or may not be made.
    """
    states = connection.read(_states)
    if _all_online(states):
        return
    if _MISSING in states.values():
        states = _made(connection)
    if not _failed(states) and not _all_online(states):
        states = _awaited(connection)
    failed = _failed(states)
    if failed:
        name, state = failed[0]
        raise Unavailable(
            f"The index {name} of {connection.place} failed: {state}", remedy=f"Run `DROP INDEX {name}`; it is made anew then."
        )
    if not _all_online(states):
        waiting = ", ".join(name for name, state in states.items() if state != ONLINE)
        raise Unavailable(
            f"{connection.place} still builds indexes: {waiting}.",
            remedy="Wait: `kimera doctor` says when they are online.",
            retry_after_s=15.0,
        )


def _all_online(states: dict[str, str]) -> bool:
    return all(state == ONLINE for state in states.values())


def _failed(states: dict[str, str]) -> list[tuple[str, str]]:
    return [(name, state) for name, state in states.items() if state.startswith("FAILED")]


def _states(tx: ManagedTransaction) -> dict[str, str]:
    states = dict.fromkeys(STATEMENTS, _MISSING)
    for name, state, why in tx.run(_STATES, names=list(STATEMENTS)):
        states[cast(str, name)] = f"{state}: {why.strip().splitlines()[0]}" if why else cast(str, state)
    return states


def _create(tx: ManagedTransaction) -> None:
    for statement in STATEMENTS.values():
        tx.run(statement).consume()


def _made(connection: Neo4jConnection) -> dict[str, str]:
    try:
        connection.write(_create)
    except Unavailable:
        states = connection.read(_states)
        if _MISSING in states.values():
            raise
        return states  # another process made them in the same moment
    return connection.read(_states)


def _awaited(connection: Neo4jConnection) -> dict[str, str]:
    def wait(tx: ManagedTransaction) -> None:
        tx.run(_AWAIT, seconds=_AWAIT_S).consume()

    try:
        connection.read(wait)
    except Unavailable:
        return connection.read(_states)  # which tell what is not online, and why
    return connection.read(_states)
