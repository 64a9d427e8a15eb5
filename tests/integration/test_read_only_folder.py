"""A data folder on a read-only medium: it can be listed, read and audited like any other, and what would write says so.

The file system is really mounted read-only, by bubblewrap, so that permissions count for root too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.read_only_knowledge import ReadOnlyKnowledge
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.adapters.sqlite_read_only import ReadOnlySqliteFile
from shared.artifacts import SCHEME
from shared.documents import Ref
from shared.errors import Corrupt, Unavailable
from shared.knowledge.port import Scope
from tests.support.command import LIMIT_S, ROOT, Ended
from tests.support.copied_folder import ended_mission

THING = Ref("things", "a")
READING = (
    "audit verify --json",
    "audit verify MISSION",
    "list --json",
    "status MISSION --json",
    "report MISSION",
    "report MISSION --format html",
    "inspect MISSION --json",
    "costs --json",
    "costs --mission MISSION",
    "dead-letters list --json",
)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> tuple[Path, str]:
    return ended_mission(tmp_path_factory.mktemp("read-only"))


def kimera(bubblewrap: Path, home: Path, arguments: str, *, mount: str) -> Ended:
    """The command on ``home``, which is mounted with ``--bind`` or ``--ro-bind``."""
    command = [str(bubblewrap), "--dev-bind", "/", "/", "--die-with-parent", mount, str(home), str(home)]
    ran = subprocess.run(
        [*command, sys.executable, "-m", "cli.main", *arguments.split()],
        cwd=ROOT,
        env={**os.environ, "KIMERA_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return Ended(ran.returncode, ran.stdout, ran.stderr)


def contents(home: Path) -> dict[str, float]:
    return {str(path.relative_to(home)): path.stat().st_mtime for path in home.rglob("*")}


@pytest.mark.parametrize("arguments", READING)
def test_what_only_reads_shows_the_same_and_leaves_nothing(
    ended: tuple[Path, str], bubblewrap: Path, tmp_path: Path, arguments: str
) -> None:
    home, mission_id = ended
    shutil.copytree(home, tmp_path / "writable")
    before = contents(home)
    said = arguments.replace("MISSION", mission_id)
    read = kimera(bubblewrap, home, said, mount="--ro-bind")
    assert (read.code, read.out) == (0, kimera(bubblewrap, tmp_path / "writable", said, mount="--bind").out), read.err
    assert read.out
    assert contents(home) == before


@pytest.mark.parametrize("arguments", ["delete MISSION", "delete --unused-inputs", "run What?", "serve --port 0"])
def test_what_would_write_says_that_it_cannot(ended: tuple[Path, str], bubblewrap: Path, arguments: str) -> None:
    home, mission_id = ended
    table = home.parent / "table.csv"
    table.write_text("a,b\n1,2\n")
    told = kimera(bubblewrap, home, arguments.replace("MISSION", mission_id).replace("What?", f"What? --data {table}"), mount="--ro-bind")
    assert told.code == 3, told.out + told.err
    assert "can only be read" in told.err or "Read-only file system" in told.err
    assert "Traceback" not in told.err


def test_a_forgery_is_found_there_too(ended: tuple[Path, str], bubblewrap: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ended[0], home)
    packed = PackedArtifacts(home / "artifacts", documents := SqliteDocuments(home / "kimera.sqlite3"))
    packed.delete_prefix(f"missions/{ended[1]}/reports/v1/report.md")
    documents.close()
    told = kimera(bubblewrap, home, "audit verify", mount="--ro-bind")
    assert (told.code, "report.md is gone" in told.out) == (1, True), told.out + told.err


def left_open(folder: Path, *but: str) -> tuple[Path, SqliteDocuments]:
    """A copy of a file that is in use, with its log and the log's index, without some of them."""
    documents = SqliteDocuments(folder / "used" / "kimera.sqlite3")
    documents.put(THING, {"n": 1})
    (folder / "copy").mkdir()
    for part in ("", "-wal", "-shm"):
        if part not in but:
            shutil.copy(f"{documents.file.path}{part}", folder / "copy")
    return folder / "copy" / "kimera.sqlite3", documents


def test_what_is_in_the_log_alone_is_read(tmp_path: Path) -> None:
    path, used = left_open(tmp_path)
    copy = SqliteDocuments(path, opens=ReadOnlySqliteFile)
    found = copy.get(THING)
    assert found is not None and found.data == {"n": 1}
    with pytest.raises(Unavailable, match="can only be read"):
        copy.put(THING, {"n": 2})
    copy.close()
    used.put(THING, {"n": 3})
    read = SqliteDocuments(used.file.path, opens=ReadOnlySqliteFile)
    assert read.get(THING) == used.get(THING), "while somebody else writes it"
    read.close()
    used.close()


def test_a_log_that_cannot_be_read_is_told_and_not_passed_over(tmp_path: Path) -> None:
    path, used = left_open(tmp_path, "-shm")
    with pytest.raises(Unavailable, match="holds changes that are not in"):
        SqliteDocuments(path, opens=ReadOnlySqliteFile)
    used.close()


def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / "kimera.sqlite3").write_bytes(b"")
    with pytest.raises(Corrupt):
        SqliteDocuments(tmp_path / "kimera.sqlite3", opens=ReadOnlySqliteFile)


def test_a_knowledge_graph_and_artifacts_are_read_as_they_are(tmp_path: Path) -> None:
    documents = SqliteDocuments(tmp_path / "kimera.sqlite3")
    stored = PackedArtifacts(tmp_path / "artifacts", documents).put("small", b"x")
    documents.close()
    shutil.rmtree(tmp_path / "artifacts")
    copy = SqliteDocuments(tmp_path / "kimera.sqlite3", opens=ReadOnlySqliteFile)
    artifacts = PackedArtifacts(tmp_path / "artifacts", copy)
    assert (artifacts.get(stored.uri), artifacts.digest(f"{SCHEME}small")) == (b"x", stored.sha256)
    assert not (tmp_path / "artifacts").exists()
    copy.close()
    SqliteKnowledge(tmp_path / "knowledge.sqlite3").close()
    graph = ReadOnlyKnowledge(tmp_path / "knowledge.sqlite3")
    assert graph.search((), k=1, scopes=[Scope("ann", "default")]) == []
    with pytest.raises(Unavailable, match="can only be read"):
        graph.delete(Scope("ann", "default"))
    graph.close()
