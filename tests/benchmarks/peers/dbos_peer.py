"""DBOS on SQLite, set to WAL beforehand: each step is a DBOS step, each branch a workflow of its own."""

from __future__ import annotations

import sqlite3

from workload import STEPS, Fused, Result, asked, imported, measured, result_of

with imported("dbos"):
    from dbos import DBOS, DBOSConfig


@DBOS.step()
def submit() -> str:
    return "PENDING"


@DBOS.step()
def step(branch: str, number: int) -> Result:
    return result_of(branch, number)


@DBOS.step()
def fusion(both: Fused) -> Fused:
    return both


@DBOS.step()
def done() -> str:
    return "DONE"


@DBOS.workflow()
def track(branch: str) -> list[Result]:
    return [step(branch, number) for number in range(1, STEPS + 1)]


@DBOS.workflow()
def mission() -> Fused:
    submit()
    handles = {branch: DBOS.start_workflow(track, branch) for branch in "AB"}
    fused = fusion({branch: handle.get_result() for branch, handle in handles.items()})
    done()
    return fused


given = asked()
file = given.folder / "dbos.db"
with sqlite3.connect(file) as connection:
    connection.execute("PRAGMA journal_mode = WAL")
DBOS(config=DBOSConfig(name="peer", system_database_url=f"sqlite:///{file}", log_level="ERROR", application_version="1"))
DBOS.launch()
measured("DBOS, SQLite in WAL", given, lambda _: mission())
DBOS.destroy()
