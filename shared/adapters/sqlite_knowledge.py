"""``KnowledgeGraph`` on one SQLite file: nodes and edges in tables, chunks found through FTS5 (sqlite.org/fts5.html).

FTS5 finds the chunks that match; ``shared/knowledge/ranking.py`` scores them, because FTS5's own bm25() weighs words over all scopes.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from shared.adapters.sqlite_errors import damaged, translated
from shared.documents import Json
from shared.errors import Unavailable
from shared.knowledge.port import Edge, EdgeKind, Hit, Node, NodeKind, QueryTerm, Scope, SpaceSummary, Subgraph
from shared.knowledge.ranking import Candidate, Ranked, rank

APPLICATION_ID = 0x4B474D45
_BUSY_S = 10.0
_BATCH = 400
"""Values in one IN list: below SQLite's default of 999 in old builds."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS scopes (
    id INTEGER PRIMARY KEY, owner TEXT NOT NULL, space TEXT NOT NULL, mission TEXT NOT NULL, UNIQUE (owner, space, mission));
CREATE TABLE IF NOT EXISTS nodes (
    id INTEGER PRIMARY KEY, scope INTEGER NOT NULL, node TEXT NOT NULL, kind TEXT NOT NULL, document TEXT, text TEXT NOT NULL,
    length INTEGER NOT NULL, properties TEXT NOT NULL, UNIQUE (scope, node));
CREATE INDEX IF NOT EXISTS nodes_by_document ON nodes (scope, document);
CREATE INDEX IF NOT EXISTS nodes_by_kind ON nodes (scope, kind, node, length);
CREATE TABLE IF NOT EXISTS edges (
    scope INTEGER NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL, kind TEXT NOT NULL, weight REAL NOT NULL,
    PRIMARY KEY (scope, source, target, kind)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS edges_by_target ON edges (scope, target);
CREATE VIRTUAL TABLE IF NOT EXISTS chunks USING fts5(scope, terms, tokenize = 'unicode61 remove_diacritics 0');
"""


class SqliteKnowledge:
    """The embedded graph. Thread-safe; several processes may have the file open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._open()

    def _open(self) -> None:
        path = self._path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unavailable(
                f"The folder {path.parent} cannot be made ({error.strerror}).", remedy="Choose one you may write to."
            ) from error
        try:
            self._connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            (owner,) = self._connection.execute("PRAGMA application_id").fetchone()
            (tables,) = self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables and owner != APPLICATION_ID:
                raise damaged(path, "it is another program's database")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            with self._writing() as db:
                for statement in _SCHEMA.split(";\n"):
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        except sqlite3.Error as error:
            raise translated(error, path) from error

    def close(self) -> None:
        """Close the file; nothing may be called afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute(begin)
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:  # also when interrupted, no transaction stays open
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise translated(error, self._path) from error

    def upsert(self, scope: Scope, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        """See ``KnowledgeGraph.upsert``."""
        with self._writing() as db:
            key = _scope_key(db, scope, create=True)
            _merge(db, key, nodes, edges)

    def search(self, query: Sequence[QueryTerm], *, k: int, scopes: Sequence[Scope]) -> list[Hit]:
        """See ``KnowledgeGraph.search``."""
        with self._reading() as db:
            keys = _scope_keys(db, scopes)
            match = _match(query, list(keys))
            if match is None:
                return []
            order = {key: place for place, key in enumerate(keys)}
            found: dict[str, tuple[int, int, str]] = {}
            rows = db.execute(
                "SELECT n.scope, n.id, n.node, c.terms FROM chunks c JOIN nodes n ON n.id = c.rowid WHERE chunks MATCH ?", (match,)
            )
            for key, row, node, terms in rows:
                if node not in found or order[key] < order[found[node][0]]:
                    found[node] = (key, row, terms)
            candidates = [Candidate(node, tuple(terms.split(" "))) for node, (_, _, terms) in sorted(found.items())]
            chunks, mean = _statistics(db, list(keys))
            best = rank(query, candidates, chunks=chunks, mean_length=mean)[:k]
            return [_hit(db, ranked, found[ranked.id][1], keys[found[ranked.id][0]]) for ranked in best]

    def neighbourhood(self, node_ids: Sequence[str], *, hops: int, scopes: Sequence[Scope], limit: int = 2_000) -> Subgraph:
        """See ``KnowledgeGraph.neighbourhood``."""
        with self._reading() as db:
            keys = list(_scope_keys(db, scopes))
            reached = dict.fromkeys(_existing(db, keys, sorted(set(node_ids))))
            frontier = list(reached)
            for _ in range(hops):
                ends = {end for edge in _edges_at(db, keys, frontier) for end in (edge.source, edge.target)}
                frontier = sorted(ends - reached.keys())[: limit - len(reached)]
                reached.update(dict.fromkeys(frontier))
                if not frontier:
                    break
            inside = {e for e in _edges_at(db, keys, list(reached)) if e.source in reached and e.target in reached}
            return Subgraph(tuple(reached), tuple(sorted(inside, key=lambda e: (e.source, e.target, e.kind, e.weight))))

    def node(self, scope: Scope, node_id: str) -> Node | None:
        """See ``KnowledgeGraph.node``."""
        with self._reading() as db:
            key = _scope_key(db, scope)
            row = db.execute("SELECT id FROM nodes WHERE scope = ? AND node = ?", (key, node_id)).fetchone()
            return _node(db, row[0]) if row else None

    def nodes(self, scope: Scope, kind: NodeKind) -> Iterator[Node]:
        """See ``KnowledgeGraph.nodes``."""
        with self._reading() as db:
            key = _scope_key(db, scope)
            rows = db.execute("SELECT id FROM nodes WHERE scope = ? AND kind = ? ORDER BY node", (key, kind)).fetchall()
            found = [_node(db, row) for (row,) in rows]
        return iter(found)

    def edges(self, scope: Scope) -> Iterator[Edge]:
        """See ``KnowledgeGraph.edges``."""
        with self._reading() as db:
            key = _scope_key(db, scope)
            rows = db.execute(
                "SELECT source, target, kind, weight FROM edges WHERE scope = ? ORDER BY source, target, kind", (key,)
            ).fetchall()
        return (Edge(source, target, cast(EdgeKind, kind), weight) for source, target, kind, weight in rows)

    def promote(self, mission: Scope, documents: Sequence[str]) -> int:
        """See ``KnowledgeGraph.promote``."""
        with self._writing() as db:
            source = _scope_key(db, mission)
            rows = [row for part in _parts(documents) for row in _rows_of(db, source, part)]
            moved = [_node(db, row) for row in rows]
            chunks = {node.id for node in moved}
            edges = [edge for edge in _edges_at(db, [source], sorted(chunks)) if edge.source in chunks]
            terms = sorted({edge.target for edge in edges if edge.kind == "MENTIONS"})
            moved += [Node(term, "Term", text=term.removeprefix("term:")) for term in terms]
            kept = chunks.union(terms)
            _merge(db, _scope_key(db, mission.global_scope, create=True), moved, [e for e in edges if e.target in kept])
            return len(moved)

    def remove(self, scope: Scope, documents: Sequence[str]) -> int:
        """See ``KnowledgeGraph.remove``."""
        with self._writing() as db:
            key = _scope_key(db, scope)
            rows = [row for part in _parts(documents) for row in _rows_of(db, key, part)]
            for row in rows:
                (node,) = db.execute("SELECT node FROM nodes WHERE id = ?", (row,)).fetchone()
                db.execute("DELETE FROM edges WHERE scope = ? AND (source = ? OR target = ?)", (key, node, node))
                db.execute("DELETE FROM chunks WHERE rowid = ?", (row,))
                db.execute("DELETE FROM nodes WHERE id = ?", (row,))
            return len(rows)

    def delete(self, scope: Scope) -> int:
        """See ``KnowledgeGraph.delete``."""
        with self._writing() as db:
            key = _scope_key(db, scope)
            db.execute("DELETE FROM chunks WHERE rowid IN (SELECT id FROM nodes WHERE scope = ?)", (key,))
            count = db.execute("DELETE FROM nodes WHERE scope = ?", (key,)).rowcount
            db.execute("DELETE FROM edges WHERE scope = ?", (key,))
            db.execute("DELETE FROM scopes WHERE id = ?", (key,))
            return count

    def spaces(self, owner: str) -> list[SpaceSummary]:
        """See ``KnowledgeGraph.spaces``."""
        with self._reading() as db:
            rows = db.execute(
                "SELECT s.space, sum(n.kind = 'Document'), sum(n.kind = 'Chunk') FROM scopes s JOIN nodes n ON n.scope = s.id "
                "WHERE s.owner = ? AND s.mission = '' GROUP BY s.space ORDER BY s.space",
                (owner,),
            ).fetchall()
        return [SpaceSummary(space, documents, chunks) for space, documents, chunks in rows]


def _scope_key(db: sqlite3.Connection, scope: Scope, *, create: bool = False) -> int:
    """The scope's row; -1, which nothing has, where there is none."""
    values = (scope.owner, scope.space, scope.mission_id or "")
    if create:
        db.execute("INSERT INTO scopes (owner, space, mission) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", values)
    row = db.execute("SELECT id FROM scopes WHERE owner = ? AND space = ? AND mission = ?", values).fetchone()
    return int(row[0]) if row else -1


def _scope_keys(db: sqlite3.Connection, scopes: Sequence[Scope]) -> dict[int, Scope]:
    return {key: scope for scope in scopes if (key := _scope_key(db, scope)) >= 0}


def _merge(db: sqlite3.Connection, scope: int, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
    for node in nodes:
        properties = json.dumps(dict(node.properties), ensure_ascii=False, sort_keys=True)
        (row,) = db.execute(
            "INSERT INTO nodes (scope, node, kind, document, text, length, properties) VALUES (?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (scope, node) DO UPDATE SET kind = excluded.kind, document = excluded.document, text = excluded.text, "
            "length = excluded.length, properties = excluded.properties RETURNING id",
            (scope, node.id, node.kind, node.document, node.text, len(node.terms), properties),
        ).fetchone()
        if node.kind == "Chunk":
            db.execute("DELETE FROM chunks WHERE rowid = ?", (row,))
            db.execute("INSERT INTO chunks (rowid, scope, terms) VALUES (?, ?, ?)", (row, f"s{scope}", " ".join(node.terms)))
    db.executemany(
        "INSERT INTO edges (scope, source, target, kind, weight) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (scope, source, target, kind) DO UPDATE SET weight = excluded.weight",
        [(scope, edge.source, edge.target, edge.kind, edge.weight) for edge in edges],
    )


def _match(query: Sequence[QueryTerm], scopes: Sequence[int]) -> str | None:
    """The FTS5 expression: chunks of the scopes that hold any term. Every word is quoted, so none can be read as an operator."""
    words = [f'"{_plain(word)}"{" *" if term.prefix else ""}' for term in query for word in term.alternatives if _plain(word)]
    if not words or not scopes:
        return None
    return f"scope : ({' OR '.join(f's{key}' for key in scopes)}) AND terms : ({' OR '.join(words)})"


def _plain(word: str) -> str:
    return word.replace('"', "").replace("\0", "").strip()


def _statistics(db: sqlite3.Connection, scopes: Sequence[int]) -> tuple[int, float]:
    """How many chunks the scopes hold, each counted once, and their mean length."""
    marks = ",".join("?" * len(scopes))
    once = f"SELECT max(length) AS length FROM nodes WHERE kind = 'Chunk' AND scope IN ({marks}) GROUP BY node"  # noqa: S608 - only marks
    count, mean = db.execute(f"SELECT count(*), avg(length) FROM ({once})", list(scopes)).fetchone()  # noqa: S608 - as above
    return int(count), float(mean or 0.0)


def _hit(db: sqlite3.Connection, ranked: Ranked, row: int, scope: Scope) -> Hit:
    return Hit(_node(db, row), scope, ranked.score, ranked.coverage)


def _node(db: sqlite3.Connection, row: int) -> Node:
    node, kind, document, text, properties = db.execute(
        "SELECT node, kind, document, text, properties FROM nodes WHERE id = ?", (row,)
    ).fetchone()
    terms = db.execute("SELECT terms FROM chunks WHERE rowid = ?", (row,)).fetchone()
    loaded: dict[str, Json] = json.loads(properties)
    return Node(node, cast(NodeKind, kind), text, document, tuple(terms[0].split()) if terms else (), loaded)


def _parts(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _BATCH):
        yield values[start : start + _BATCH]


def _rows_of(db: sqlite3.Connection, scope: int, documents: Sequence[str]) -> list[int]:
    """The rows of documents and their chunks."""
    marks = ",".join("?" * len(documents))
    rows = db.execute(
        f"SELECT id FROM nodes WHERE scope = ? AND (node IN ({marks}) OR document IN ({marks})) ORDER BY node",  # noqa: S608 - only marks
        [scope, *documents, *documents],
    )
    return [row for (row,) in rows]


def _existing(db: sqlite3.Connection, scopes: Iterable[int], nodes: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for scope in scopes:
        for part in _parts(nodes):
            marks = ",".join("?" * len(part))
            found.update(n for (n,) in db.execute(f"SELECT node FROM nodes WHERE scope = ? AND node IN ({marks})", [scope, *part]))  # noqa: S608 - only marks
    return sorted(found)


def _edges_at(db: sqlite3.Connection, scopes: Iterable[int], nodes: Sequence[str]) -> list[Edge]:
    """All edges that begin or end at one of the nodes."""
    found: set[Edge] = set()
    for scope in scopes:
        for part in _parts(nodes):
            marks = ",".join("?" * len(part))
            for end in ("source", "target"):
                rows = db.execute(
                    f"SELECT source, target, kind, weight FROM edges WHERE scope = ? AND {end} IN ({marks})",  # noqa: S608 - and a name of ours
                    [scope, *part],
                )
                found.update(Edge(source, target, cast(EdgeKind, kind), weight) for source, target, kind, weight in rows)
    return sorted(found, key=lambda e: (e.source, e.target, e.kind))
