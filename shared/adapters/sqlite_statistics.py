"""What SQLite's planner is told of the documents, in the table that ANALYZE fills (sqlite.org/fileformat2.html#the_sqlite_stat1_table).

Without it the planner takes a collection for ten documents: rather than look into an index it reads all of them and sorts, or it takes
the index of a field that most documents have in common. It is told figures of a large installation, whatever is stored, so that a query
is planned the same on the first day as with a million documents. Measuring would read them all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

from shared.adapters.query_sql import index_name
from shared.indexes import NAMING, Composite

_DOCUMENTS, _OF_ONE_VALUE, _OF_ONE_NAME = 100_000, 10_000, 30
_PRIMARY_KEY = ("sqlite_autoindex_documents_1", f"{10 * _DOCUMENTS} {_DOCUMENTS} 1")


def statistics(indexes: Mapping[str, Sequence[str]], composites: Sequence[Composite]) -> dict[str, str]:
    """For each index, how many documents it has and how many of them agree in its first columns, as the table holds it."""
    told = [_PRIMARY_KEY]
    for collection, names in indexes.items():
        for name in names:
            told.append((index_name(collection, name), f"{_DOCUMENTS} {_DOCUMENTS} {_agreeing(name)} 1 1"))
    for one in composites:
        of_few = f"{_DOCUMENTS} {_DOCUMENTS} {_OF_ONE_NAME} {_OF_ONE_NAME} 1 1 1"  # it is there to be used: open missions are few
        told.append((index_name(one.collection, one.equal, one.order.removeprefix("-")), of_few))
    return dict(told)


def tell(connection: sqlite3.Connection, told: Mapping[str, str]) -> None:
    """Write what is not there yet, inside the connection's transaction. Connections that are opened after it plan by it."""
    if not told:
        return
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone():
        connection.execute("ANALYZE sqlite_schema")  # only ANALYZE can make the table; for this argument it reads no document
    known = dict(connection.execute("SELECT idx, stat FROM sqlite_stat1 WHERE idx IS NOT NULL").fetchall())
    for name, stat in told.items():
        if known.get(name) != stat:
            connection.execute("DELETE FROM sqlite_stat1 WHERE idx = ?", (name,))
            connection.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('documents', ?, ?)", (name, stat))


def _agreeing(name: str) -> int:
    return _OF_ONE_NAME if name in NAMING else _OF_ONE_VALUE
