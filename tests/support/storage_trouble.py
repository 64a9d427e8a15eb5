"""Storage in trouble, tried for real inside bubblewrap: ``python -m tests.support.storage_trouble TROUBLE FOLDER``.

``full-documents``, ``full-artifacts``: FOLDER is a file system of 4 MB. ``read-only``: FOLDER is mounted so, and has a store in it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import pytest

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import SCHEME
from shared.documents import Query, Ref
from shared.errors import KimeraError, StorageFull, Unavailable

PADDING = "x" * 20_000


def fill_documents(folder: Path) -> None:
    """Write until there is no room; then make room, and the same store goes on."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"\0" * (1 << 20))
    store = SqliteDocuments(folder / "documents.db")
    acknowledged: list[Ref] = []

    def write_on() -> NoReturn:
        while True:
            acknowledged.append(store.put(Ref("things", f"{len(acknowledged):05}"), {"padding": PADDING}).ref)

    with pytest.raises(StorageFull) as full:
        write_on()
    _says_the_place(full.value, folder)
    for _ in range(3):
        with pytest.raises(StorageFull):
            store.put(Ref("things", "more"), {"padding": PADDING})
    assert [document.ref for document in store.query(Query("things"))] == acknowledged
    ballast.unlink()
    store.put(Ref("things", "more"), {"padding": PADDING})
    store.close()
    again = SqliteDocuments(folder / "documents.db")
    assert len(again.query(Query("things"))) == len(acknowledged) + 1
    again.close()


def fill_artifacts(folder: Path) -> None:
    """The same with artifacts; a put that found no room leaves none of its bytes."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"\0" * (1 << 20))
    store = FolderArtifacts(folder / "artifacts")
    store.put("small", b"x")
    for _ in range(20):  # leftovers would add up
        with pytest.raises(StorageFull, match="large"):
            store.put("large", b"x" * (7 << 19))
    assert [artifact.key for artifact in store.list("")] == ["small"]
    ballast.unlink()
    store.put("large", b"x" * (7 << 19))
    assert len(store.get(f"{SCHEME}large")) == 7 << 19


def refuse(folder: Path) -> None:
    """Nothing can be written: said so, with the place."""
    for name in ("documents.db", "sub/new.db"):
        with pytest.raises(Unavailable) as refused:
            SqliteDocuments(folder / name).put(Ref("things", "a"), {})
        _says_the_place(refused.value, folder)
    with pytest.raises(Unavailable) as refused:
        FolderArtifacts(folder).put("a", b"x")
    _says_the_place(refused.value, folder)


def _says_the_place(error: KimeraError, folder: Path) -> None:
    """For the log and the command line, and not in what a report or an answer repeats."""
    assert error.place.startswith(str(folder)) and str(folder) not in str(error)


if __name__ == "__main__":
    trouble, where = sys.argv[1], Path(sys.argv[2])
    {"full-documents": fill_documents, "full-artifacts": fill_artifacts, "read-only": refuse}[trouble](where)
