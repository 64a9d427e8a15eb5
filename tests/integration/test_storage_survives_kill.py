"""A writer is killed with SIGKILL at any moment: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import SCHEME
from shared.documents import Query, Ref
from tests.support.storage_writers import COUNTER

ROOT = Path(__file__).parents[2]
ROUNDS = 6


def killed_after(lines: int, kind: str, path: Path, run: int) -> list[str]:
    """Start the writer, kill it once it has said so many lines, and give back all it had said."""
    command = [sys.executable, "-m", "tests.support.storage_writers", kind, str(path), f"r{run}"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        said += process.stdout.readlines()
    assert all(line.endswith("\n") for line in said), "the writer ended by itself"
    return [line.strip() for line in said]


def test_documents(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    chance = random.Random()
    acknowledged: list[tuple[str, str]] = []
    for run in range(ROUNDS):
        acknowledged += [
            (kind, name) for kind, _, name in (line.partition(" ") for line in killed_after(chance.randint(1, 120), "documents", path, run))
        ]
        store = SqliteDocuments(path)
        lost = [(kind, name) for kind, name in acknowledged if kind != "count" and store.get(Ref(kind, name)) is None]
        left, right = ({document.ref.id for document in store.query(Query(side))} for side in ("left", "right"))
        counter = store.get(COUNTER)
        store.close()
        assert lost == []
        assert left == right, "a transaction is there by half"
        counts = [int(name) for kind, name in acknowledged if kind == "count"]
        assert len(set(counts)) == len(counts), "two increments were acknowledged with one number"
        if counts:
            assert counter is not None and isinstance(counter.data["n"], int) and counter.data["n"] >= max(counts)


def test_artifacts(tmp_path: Path) -> None:
    chance = random.Random()
    for run in range(ROUNDS):
        acknowledged = killed_after(chance.randint(1, 40), "artifacts", tmp_path, run)
        store = FolderArtifacts(tmp_path)
        visible = [artifact.key for artifact in store.list("")]
        assert set(acknowledged) <= set(visible)
        for key in visible:  # get checks the sha256
            assert store.get(SCHEME + key) == (key * (20_000 if key.startswith("run/") else 1000)).encode()


def test_two_processes_count_on_one_file(tmp_path: Path) -> None:
    """``kimera status`` reads and other processes write while ``kimera serve`` runs."""
    path = tmp_path / "documents.db"
    store = SqliteDocuments(path)
    command = [sys.executable, "-m", "tests.support.storage_writers", "count", str(path), "60"]
    writers = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    seen = [0]
    while any(writer.poll() is None for writer in writers):
        document = store.get(COUNTER)
        if document is not None:
            assert isinstance(document.data["n"], int) and document.data["n"] >= seen[-1]
            seen.append(document.data["n"])
    assert [writer.returncode for writer in writers] == [0, 0]
    counter = store.get(COUNTER)
    assert counter is not None and counter.data["n"] == 120
    store.close()
