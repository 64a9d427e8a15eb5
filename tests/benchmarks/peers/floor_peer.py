"""The floor: thirteen plain SQLite commits, WAL and ``synchronous=FULL``. No durable orchestration on SQLite can do with less work."""

from __future__ import annotations

import json
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

from workload import STEPS, Fused, Result, asked, measured, result_of

given = asked()
connection = sqlite3.connect(given.folder / "floor.db", isolation_level=None, check_same_thread=False)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA synchronous = FULL")
connection.execute("CREATE TABLE steps (mission TEXT, step TEXT, result TEXT, PRIMARY KEY (mission, step))")
alone = threading.Lock()
branches = ThreadPoolExecutor(2 * given.concurrency)


def commit(mission: str, step: str, result: object) -> None:
    with alone:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO steps VALUES (?, ?, ?)", (mission, step, json.dumps(result)))
        connection.execute("COMMIT")


def branch(mission: str, name: str) -> list[Result]:
    found = []
    for step in range(1, STEPS + 1):
        found.append(result_of(name, step))
        commit(mission, f"{name}{step}", found[-1])
    return found


def run(mission: str) -> Fused:
    commit(mission, "submit", {"status": "PENDING"})
    both = {name: branches.submit(branch, mission, name) for name in "AB"}
    fused = {name: future.result() for name, future in both.items()}
    commit(mission, "fusion", fused)
    commit(mission, "done", {"status": "DONE"})
    return fused


measured("floor (13 SQLite commits)", given, run)
