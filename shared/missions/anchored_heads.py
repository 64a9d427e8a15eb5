"""What the hourly anchors say of each mission, for as long as chains are checked.

They come by hour and are asked for by mission. Those of all missions do not have to fit into memory: SQLite keeps what is too much for
its cache in a temporary file, which is gone with the connection (sqlite.org/inmemorydb.html, "Temporary Databases").
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeAlias

from shared.missions.verifying import Witness

AnchoredHead: TypeAlias = tuple[str, int, Witness]
"""Writer, entry, and what an anchor says of it."""
_TABLE = "CREATE TABLE heads (mission_id TEXT, writer TEXT, n INTEGER, hash TEXT, seen TEXT)"
_INDEX = "CREATE INDEX by_mission ON heads (mission_id)"


class AnchoredHeads:
    """Heads by mission. To be used as a context, by one thread: first all are added, then they are asked for."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("")
        self._connection.execute(_TABLE)
        self._indexed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._connection.close()

    def add(self, mission_id: str, heads: Iterable[AnchoredHead]) -> None:
        """Keep what an anchor says of a mission."""
        rows = [(mission_id, writer, n, witness.hash, witness.seen) for writer, n, witness in heads]
        self._connection.executemany("INSERT INTO heads VALUES (?, ?, ?, ?, ?)", rows)

    def of(self, mission_id: str) -> list[AnchoredHead]:
        """What is said of the mission, in the order in which it was added."""
        self._index()
        rows = self._connection.execute("SELECT writer, n, hash, seen FROM heads WHERE mission_id = ? ORDER BY rowid", (mission_id,))
        return [(writer, n, Witness(digest, seen)) for writer, n, digest, seen in rows]

    def missions(self) -> Iterator[str]:
        """The ids of all missions of which something is said, in order."""
        self._index()
        yield from (row[0] for row in self._connection.execute("SELECT DISTINCT mission_id FROM heads ORDER BY mission_id"))

    def _index(self) -> None:
        if not self._indexed:
            self._connection.execute(_INDEX)
            self._indexed = True
