"""The data folder of an earlier version, whose small artifacts lie in a file of their own, is taken over with its missions.

Layout 1 is made from a mission of this version: nothing else of it was different.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from infra.local.lock import DataFolderLock, Holder
from infra.local.platform import Platform
from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.settings import Settings
from tests.integration.test_read_only_folder import contents, kimera
from tests.support.copied_folder import ended_mission

ARTIFACTS = "CREATE TABLE artifacts (key TEXT NOT NULL PRIMARY KEY, sha256 TEXT NOT NULL, media_type TEXT NOT NULL, data BLOB NOT NULL)"


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, bubblewrap: Path) -> tuple[Path, str]:
    home, mission_id = ended_mission(tmp_path_factory.mktemp("earlier"))
    with closing(sqlite3.connect(home / "kimera.sqlite3", isolation_level=None)) as connection:
        with closing(sqlite3.connect(packed(home), isolation_level=None)) as apart:
            apart.execute(ARTIFACTS)
            apart.executemany("INSERT INTO artifacts VALUES (?, ?, ?, ?)", connection.execute("SELECT * FROM artifacts"))
        connection.execute("DROP TABLE artifacts")
        connection.execute("PRAGMA user_version = 1")
    return home, mission_id


@pytest.fixture
def home(ended: tuple[Path, str], tmp_path: Path) -> Path:
    return shutil.copytree(ended[0], tmp_path / "home")


def packed(home: Path) -> Path:
    return home / "artifacts" / "packed.sqlite3"


def layout(home: Path) -> int:
    with closing(sqlite3.connect(home / "kimera.sqlite3")) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("arguments", ["report MISSION", "audit verify", "inspect MISSION --json"])
def test_whatever_command_comes_first_finds_everything(ended: tuple[Path, str], bubblewrap: Path, home: Path, arguments: str) -> None:
    told = kimera(bubblewrap, home, arguments.replace("MISSION", ended[1]), mount="--bind")
    assert told.code == 0, told.out + told.err
    assert not list(packed(home).parent.glob("packed*"))
    assert layout(home) == 2, "an earlier version would look for new artifacts where none are"


def test_a_platform_takes_it_over_when_it_starts(ended: tuple[Path, str], home: Path) -> None:
    with Platform(Settings(home=home), command="test") as platform:
        assert not packed(home).exists()
        assert platform.runtime.audit.verify(ended[1], platform.runtime.artifacts).breaks == ()


def test_one_that_was_killed_while_it_took_over_is_gone_on_with(ended: tuple[Path, str], bubblewrap: Path, home: Path) -> None:
    kept = packed(home).read_bytes()
    documents = SqliteDocuments(home / "kimera.sqlite3")
    PackedArtifacts(home / "artifacts", documents).take_over(packed(home))
    documents.close()
    packed(home).write_bytes(kept)  # as where the kill came before the file was removed
    assert kimera(bubblewrap, home, "audit verify", mount="--bind").code == 0
    assert not packed(home).exists()


def test_it_is_left_to_who_runs_on_it(ended: tuple[Path, str], bubblewrap: Path, home: Path) -> None:
    lock = DataFolderLock(home)
    lock.acquire(Holder(pid=os.getpid(), command="kimera run"))
    try:
        told = kimera(bubblewrap, home, f"report {ended[1]}", mount="--bind")
    finally:
        lock.release()
    assert (told.code, "`kimera run`" in told.err, packed(home).exists()) == (3, True, True), told.err


def test_where_it_can_only_be_read_its_artifacts_are_not_called_gone(ended: tuple[Path, str], bubblewrap: Path, home: Path) -> None:
    before = contents(home)
    told = kimera(bubblewrap, home, "audit verify", mount="--ro-bind")
    assert (told.code, "earlier version" in told.err, "gone" in told.out) == (3, True, False), told.out + told.err
    assert contents(home) == before


def test_a_damaged_one_is_named_and_kept(ended: tuple[Path, str], bubblewrap: Path, home: Path) -> None:
    packed(home).write_bytes(b"no database, but as long as the header of one is" * 100)
    told = kimera(bubblewrap, home, f"report {ended[1]}", mount="--bind")
    assert (told.code, "packed.sqlite3 is damaged" in told.err, packed(home).exists()) == (1, True, True), told.err
    shutil.copy(packed(ended[0]), packed(home))
    assert kimera(bubblewrap, home, f"report {ended[1]}", mount="--bind").code == 0
