"""Processes that write until they are killed, and say on stdout what was acknowledged: ``python -m tests.support.storage_writers``."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from pathlib import Path

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import Ref, Transaction

COUNTER = Ref("counters", "all")
PADDING = "x" * 3000


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def increment(transaction: Transaction) -> int:
    document = transaction.get(COUNTER)
    before = document.data["n"] if document else 0
    assert isinstance(before, int)
    transaction.put(COUNTER, {"n": before + 1, "padding": PADDING})
    return before + 1


def write_documents(path: Path, run: str) -> None:
    """Four threads: documents by themselves, pairs that belong together, and one counter."""
    store = SqliteDocuments(path)

    def work(thread: int) -> None:
        for number in itertools.count():
            name = f"{run}-{thread}-{number}"

            def pair(transaction: Transaction, name: str = name) -> None:
                transaction.create(Ref("left", name), {"padding": PADDING})
                transaction.create(Ref("right", name), {"padding": PADDING})

            store.create(Ref("single", name), {"name": name, "padding": PADDING})
            say(f"single {name}")
            store.transact(pair)
            say(f"left {name}")
            say(f"count {store.transact(increment)}")

    for thread in range(4):
        threading.Thread(target=work, args=(thread,)).start()


def count_to(path: Path, times: int) -> None:
    """So many increments, then the end."""
    store = SqliteDocuments(path)
    for _ in range(times):
        store.transact(increment)
    store.close()


def write_artifacts(path: Path, run: str) -> None:
    """Artifacts of half a megabyte, and in between the same key by two threads."""
    store = FolderArtifacts(path)

    def work(thread: int) -> None:
        for number in itertools.count():
            key = f"run/{run}/{thread}/{number}.txt"
            store.put(key, (key * 20_000).encode())
            say(key)
            shared = f"shared/{run}/{number}.txt"
            store.put(shared, (shared * 1000).encode())
            say(shared)

    for thread in range(2):
        threading.Thread(target=work, args=(thread,)).start()


if __name__ == "__main__":
    kind, where, argument = sys.argv[1:]
    if kind == "documents":
        write_documents(Path(where), argument)
    elif kind == "count":
        count_to(Path(where), int(argument))
    else:
        write_artifacts(Path(where), argument)
