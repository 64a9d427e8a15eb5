"""What is particular to documents in SQLite: group commit, other processes, damaged files, indexes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.adapters.query_sql import select
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.sqlite_file import SqliteFile
from shared.adapters.sqlite_writer import GroupWriter
from shared.documents import Query, Ref, Transaction, Where
from shared.errors import Corrupt, KimeraError, Unavailable
from shared.indexes import COMPOSITES, FIELDS

A = Ref("things", "a")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.db"


class Batch:
    """Holds the writer inside one commit, until all of the next batch are waiting."""

    def __init__(self, path: Path) -> None:
        self.file = SqliteFile(path, indexes=(), busy_timeout_s=1.0)
        self.writer = GroupWriter(self.file)
        self.outcomes: dict[str, object] = {}

    def run(self, **works: Callable[[sqlite3.Connection], object]) -> None:
        entered, leave = threading.Event(), threading.Event()

        def hold(connection: sqlite3.Connection) -> None:
            entered.set()
            leave.wait(timeout=10)

        def submit(name: str, work: Callable[[sqlite3.Connection], object]) -> None:
            try:
                self.outcomes[name] = self.writer.submit(work)
            except KimeraError as error:
                self.outcomes[name] = error
            except ValueError as error:
                self.outcomes[name] = error

        first = threading.Thread(target=submit, args=("first", hold))
        first.start()
        entered.wait(timeout=10)
        threads = [threading.Thread(target=submit, args=pair) for pair in works.items()]
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while self.writer.waiting < number:
                pass  # it is on its way into the queue, behind those before it
        leave.set()
        for thread in [first, *threads]:
            thread.join()

    def close(self) -> None:
        self.writer.close()
        self.file.close()


def write(name: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute("INSERT INTO documents VALUES ('things', ?, '1', '{}')", (name,)).rowcount


def stored(path: Path) -> set[str]:
    store = SqliteDocuments(path)
    try:
        return {document.ref.id for document in store.query(Query("things"))}
    finally:
        store.close()


def test_a_member_that_fails_takes_no_other_with_it(path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        write("half")(connection)
        raise ValueError("mine")

    batch = Batch(path)
    batch.run(good=write("good"), bad=fail, better=write("better"))
    batch.close()
    assert (batch.outcomes["good"], batch.outcomes["better"]) == (1, 1)
    assert isinstance(batch.outcomes["bad"], ValueError)
    assert stored(path) == {"good", "better"}


def test_a_commit_that_fails_fails_every_member_and_the_next_one_works(path: Path) -> None:
    def lose(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # what SQLite does by itself when the disk fails

    batch = Batch(path)
    batch.run(one=write("one"), lost=lose, two=write("two"))
    assert [type(batch.outcomes[name]) for name in ("one", "lost", "two")] == [Unavailable] * 3
    assert batch.writer.submit(write("later")) == 1
    batch.close()
    assert stored(path) == {"later"}


def test_a_writer_that_is_interrupted_loses_its_commit_and_holds_nobody_up(path: Path) -> None:
    def interrupt(connection: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    batch = Batch(path)
    with pytest.raises(KeyboardInterrupt):
        batch.writer.submit(interrupt)
    batch.run(one=write("one"), two=write("two"))
    assert (batch.outcomes["one"], batch.outcomes["two"]) == (1, 1)
    batch.close()
    assert stored(path) == {"one", "two"}


def test_who_waits_with_an_interrupted_writer_learns_that_nothing_was_stored(path: Path) -> None:
    batch = Batch(path)
    stopped = threading.Event()

    def interrupt(connection: sqlite3.Connection) -> None:
        stopped.set()
        raise KeyboardInterrupt

    threading.excepthook, before = (lambda _: None), threading.excepthook  # the interrupted caller's thread ends with it, as it should
    try:
        batch.run(interrupted=interrupt, one=write("one"))
    finally:
        threading.excepthook = before
    assert stopped.is_set()
    assert isinstance(batch.outcomes["one"], Unavailable)
    batch.close()
    assert stored(path) == set()


def test_closing_commits_what_is_waiting(path: Path) -> None:
    batch = Batch(path)
    closing = threading.Thread(target=batch.writer.close)
    batch.run(one=write("one"))
    closing.start()
    closing.join()
    with pytest.raises(Unavailable, match="closed"):
        batch.writer.submit(write("late"))
    assert stored(path) == {"one"}


def test_a_lock_of_another_process_that_lasts_is_said_and_passes(path: Path) -> None:
    store = SqliteDocuments(path, busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match=r"documents\.db"):
        store.put(A, {})
    assert store.get(A) is None  # reading goes on
    other.execute("ROLLBACK")
    store.put(A, {"n": 1})
    store.close()
    other.close()


def test_a_transaction_reads_one_moment(path: Path) -> None:
    store, other = SqliteDocuments(path), SqliteDocuments(path)
    store.put(A, {"n": 1})
    seen: list[object] = []

    def work(transaction: Transaction) -> None:
        before = transaction.get(A)
        if not seen:
            other.put(A, {"n": 2})
        seen.append((before, transaction.get(A), transaction.query(Query("things"))[0]))

    store.transact(work)
    assert isinstance(seen[0], tuple) and len(set(map(repr, seen[0]))) == 1
    store.close()
    other.close()


def test_versions_of_two_processes_never_meet(path: Path) -> None:
    stores = [SqliteDocuments(path) for _ in range(2)]
    versions = [store.put(A, {}).version for _ in range(5) for store in stores]
    assert len(set(versions)) == 10
    for store in stores:
        store.close()


def test_endless_contention_ends(path: Path) -> None:
    store = SqliteDocuments(path)

    def work(transaction: Transaction) -> None:
        transaction.get(A)
        store.put(A, {})
        transaction.put(A, {})

    with pytest.raises(Unavailable, match="other writers"):
        store.transact(work)
    store.close()


def _damage_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"not a database at all")


def _cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def _overwrite_the_middle(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


def _text(path: Path) -> None:
    path.write_text("a,b\n1,2\n")


def _other_program(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.close()


def _damage_one_document(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("UPDATE documents SET data = '{\"n\":'")
    connection.commit()
    connection.close()


@pytest.mark.parametrize("damage", [_damage_header, _cut, _overwrite_the_middle, _text, _other_program, _damage_one_document])
def test_a_damaged_file_is_named_with_what_to_do_and_left_as_it_is(path: Path, damage: Callable[[Path], None]) -> None:
    store = SqliteDocuments(path)
    for number in range(50):
        store.put(Ref("things", str(number)), {"padding": "x" * 1000})
    store.close()
    damage(path)
    before = path.read_bytes()
    with pytest.raises(Corrupt, match=r"documents\.db.*(Restore|move)"):
        stored(path)
    assert path.read_bytes() == before


def test_a_damaged_document_is_named_to_who_looks_at_its_fields(path: Path) -> None:
    store = SqliteDocuments(path)
    store.put(Ref("things", "one"), {"n": 1})
    _damage_one_document(path)
    found = store.get(Ref("things", "one"))
    assert found is not None
    with pytest.raises(Corrupt, match=r"documents\.db.*things/one.*(Restore|move)"):
        found.data  # noqa: B018 - looking at it is what fails
    store.close()


def test_a_file_of_a_newer_version_is_not_touched(path: Path) -> None:
    SqliteDocuments(path).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(Unavailable, match="newer"):
        SqliteDocuments(path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match=r"documents\.db") as raised:
        SqliteDocuments(tmp_path / "file/documents.db")
    assert raised.value.place == str(tmp_path / "file/documents.db")


@pytest.mark.parametrize(
    "query",
    [
        Query("things", (Where("n", "==", 1),)),
        Query("things", (Where("n", ">", 1.5),), order_by="n", limit=5),
        Query("things", (Where("n", "<", 5),), order_by="-n", limit=5),
    ],
    ids=str,
)
def test_a_declared_index_is_used_in_order(path: Path, query: Query) -> None:
    SqliteDocuments(path, indexes={"things": ["n"]}).close()
    connection = sqlite3.connect(path)
    statement, parameters = select(query, "id, version")
    plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters))
    connection.close()
    assert "USING COVERING INDEX things:n" in plan or "USING INDEX things:n" in plan
    assert "TEMP B-TREE" not in plan


OPEN = Where("status", "in", ["PENDING", "RUNNING", "FUSION"])


@pytest.mark.parametrize(
    ("query", "plan"),
    [
        (Query("missions", (OPEN,), order_by="-mission_id", limit=500), "SEARCH missions:status:mission_id, sorted"),
        (Query("missions", (Where("late", "==", True),), order_by="-mission_id", limit=500), "SEARCH missions:late:mission_id"),
        (Query("missions", (Where("owner", "==", "ann"),), order_by="-mission_id", limit=101), "SEARCH missions:owner:mission_id"),
        (Query("missions", (Where("updated_at", ">=", "2026"),), order_by="updated_at", limit=200), "SEARCH missions:updated_at"),
        (Query("missions", (Where("admitted", "==", True),), limit=8), "SEARCH missions:admitted"),
        (Query("missions", order_by="-mission_id", limit=100), "SCAN missions:mission_id"),
        (Query("missions", (Where("mission_id", ">", "m_1"),), order_by="mission_id", limit=1), "SEARCH missions:mission_id"),
        (Query("events", (Where("mission_id", "==", "m_1"),), limit=50), "SEARCH events:mission_id"),
        (Query("tasks", (Where("due", "<=", "2026"),), order_by="due", limit=50), "SEARCH tasks:due"),
        (Query("tasks", order_by="due", limit=1), "SCAN tasks:due"),
        (Query("journal", (Where("mission_id", "==", "m"), Where("role", "==", "coder"))), "SEARCH journal:mission_id"),
        (Query("journal", (Where("slice_id", "==", "m"), Where("state", "==", "SENT"))), "SEARCH journal:slice_id"),
    ],
    ids=str,
)
def test_what_the_platform_asks_is_looked_up_and_never_found_by_reading_everything(path: Path, query: Query, plan: str) -> None:
    """``SCAN`` of an index in the wanted order reads as many documents as the query's limit; what is sorted are open missions only."""
    SqliteDocuments(path, indexes=FIELDS).close()  # an earlier version made no index of two fields
    SqliteDocuments(path, indexes=FIELDS, composites=COMPOSITES).close()
    connection = sqlite3.connect(path)
    statement, parameters = select(query, "id, version, data")
    steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    connection.close()
    found = steps[0].replace("documents USING INDEX ", "").partition(" (")[0]
    assert ", ".join([found, *("sorted" for step in steps[1:] if "TEMP B-TREE" in step)]) == plan


def test_opening_a_store_again_writes_nothing(path: Path) -> None:
    SqliteDocuments(path, indexes=FIELDS, composites=COMPOSITES).close()
    connection = sqlite3.connect(path)
    before = connection.execute("PRAGMA data_version").fetchone()
    SqliteDocuments(path, indexes=FIELDS, composites=COMPOSITES).close()
    assert connection.execute("PRAGMA data_version").fetchone() == before
    connection.close()
