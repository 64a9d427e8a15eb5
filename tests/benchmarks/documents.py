"""How fast the embedded documents are: ``python tests/benchmarks/documents.py [FOLDER]``, on the disk of FOLDER.

Prints the time of 13 commits of one thread (a mission's durable steps), and commits per second by threads.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from shared.adapters.sqlite_documents import SqliteDocuments
from shared.documents import Ref

RESULT = {"state": "DONE", "result": "x" * 2000}
SECONDS = 2.0


def steps(store: SqliteDocuments) -> float:
    """Milliseconds of 13 commits; the median of 50."""
    taken: list[float] = []
    for mission in range(50):
        began = time.perf_counter()
        for step in range(13):
            store.put(Ref("steps", f"{mission}-{step}"), RESULT)
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.median(taken)


def commits(store: SqliteDocuments, threads: int) -> float:
    """Commits per second of so many threads at once."""
    counts = [0] * threads
    until = time.perf_counter() + SECONDS

    def work(mine: int) -> None:
        while time.perf_counter() < until:
            store.put(Ref("many", f"{mine}-{counts[mine]}"), RESULT)
            counts[mine] += 1

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(counts) / SECONDS


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        store = SqliteDocuments(Path(folder) / "documents.db")
        print(f"13 commits of one thread: {steps(store):.1f} ms")
        for threads in (1, 2, 4, 16):
            print(f"{threads:3} threads: {commits(store, threads):8,.0f} commits/s")
        store.close()


if __name__ == "__main__":
    main()
