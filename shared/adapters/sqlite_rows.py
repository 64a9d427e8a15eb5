"""Documents as rows: the statements that read and write them, each inside whatever transaction its connection is in."""

from __future__ import annotations

import json
import sqlite3
from functools import partial
from pathlib import Path
from typing import TypeAlias

from pydantic_core import to_json

from shared.adapters.query_sql import select
from shared.adapters.sqlite_errors import damaged
from shared.documents import Document, Json, Query, Ref
from shared.errors import AlreadyExists, NotFound, PreconditionFailed

Row: TypeAlias = tuple[str, str, str, str]
"""Collection, id, version, data as JSON: the columns of the table."""
Match: TypeAlias = tuple[str, str]
"""Id and version of a document that a query found."""


def row(document: Document) -> Row:
    """The row of a document that has been checked."""
    return document.ref.collection, document.ref.id, document.version, to_json(document.data).decode()


def read(connection: sqlite3.Connection, ref: Ref, path: Path) -> Document | None:
    """The document in the file, or ``None``. Its text is only parsed for who looks at its fields."""
    statement = "SELECT version, data FROM documents WHERE collection = ? AND id = ?"
    found = connection.execute(statement, (ref.collection, ref.id)).fetchone()
    return None if found is None else Document(ref, partial(_decoded, path, ref, found[1]), found[0])


def version(connection: sqlite3.Connection, ref: Ref) -> str | None:
    """The version of the document, or ``None``."""
    found = connection.execute("SELECT version FROM documents WHERE collection = ? AND id = ?", (ref.collection, ref.id)).fetchone()
    return None if found is None else str(found[0])


def find(connection: sqlite3.Connection, query: Query, path: Path) -> list[Document]:
    """The matching documents, in order."""
    statement, parameters = select(query, "id, version, data")
    found: list[Document] = []
    for id_, version_, text in connection.execute(statement, parameters):
        ref = Ref(query.collection, id_)
        found.append(Document(ref, _decoded(path, ref, text), version_))
    return found


def matches(connection: sqlite3.Connection, query: Query) -> list[Match]:
    """Like ``find``, without the documents' contents."""
    statement, parameters = select(query, "id, version")
    return list(connection.execute(statement, parameters))


def insert(connection: sqlite3.Connection, new: Row) -> None:
    """Add the row; ``AlreadyExists`` where there is one."""
    if not connection.execute("INSERT INTO documents VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", new).rowcount:
        raise AlreadyExists(f"The document {new[0]}/{new[1]} exists already.", remedy="Read it, or choose another id.")


def upsert(connection: sqlite3.Connection, new: Row) -> None:
    """Write the row, whether there is one or not."""
    connection.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?) "
        "ON CONFLICT (collection, id) DO UPDATE SET version = excluded.version, data = excluded.data",
        new,
    )


def replace(connection: sqlite3.Connection, new: Row, expect: str) -> None:
    """Write the row where the stored version is ``expect``; else ``NotFound`` or ``PreconditionFailed``."""
    stored = version(connection, Ref(new[0], new[1]))
    if stored is None:
        raise NotFound(f"There is no document {new[0]}/{new[1]}.", remedy="Create it first.")
    if stored != expect:
        raise PreconditionFailed(f"The document {new[0]}/{new[1]} changed since it was read.", remedy="Read it again and decide anew.")
    upsert(connection, new)


def remove(connection: sqlite3.Connection, ref: Ref) -> None:
    """Remove the row, if there is one."""
    connection.execute("DELETE FROM documents WHERE collection = ? AND id = ?", (ref.collection, ref.id))


def _decoded(path: Path, ref: Ref, text: str) -> dict[str, Json]:
    try:
        data: Json = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise damaged(path, f"the document {ref} is not JSON") from error
    if not isinstance(data, dict):
        raise damaged(path, f"the document {ref} is no object")
    return data
