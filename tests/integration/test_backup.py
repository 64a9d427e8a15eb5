"""``kimera backup``: the copy of a data folder that is in use can be used in its place, and what cannot be copied leaves nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local.backup import Copied, back_up
from schemas.mission import MissionStatus, Track
from shared.errors import Corrupt, NotFound
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change
from tests.support.command import LIMIT_S, ROOT, Kimera, eventually
from tests.support.house import House

LARGE = b"x" * 100_000


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path / "home", packed=True)
    ended_mission(house)
    yield house
    house.close()


def ended_mission(house: House) -> str:
    """A mission that has ended, with its anchor."""

    def decide(mission: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
        return Change(mission.model_copy(update={"status": MissionStatus.DONE}), [Happening("mission.done")])

    mission_id, _ = house.claimed()
    mission = house.missions.change(mission_id, "lifecycle", decide)
    house.audit.anchor_mission(mission, house.missions.tracks(mission).values())
    return mission_id


def once(act: Callable[[], object], *, when: Callable[[Copied], bool]) -> Callable[[Copied], None]:
    """Tells nobody, and does it as soon as the backup has come so far."""
    done: list[object] = []

    def tell(copied: Copied) -> None:
        if not done and when(copied):
            done.append(act())

    return tell


def is_there(home: Path, mission_id: str) -> bool:
    """Whether the mission is in the data folder."""
    house = House(home, packed=True)
    try:
        return house.missions.get(mission_id).status is MissionStatus.DONE
    except NotFound:
        return False
    finally:
        house.close()


@pytest.mark.parametrize("databases", [0, 1], ids=["before the documents are copied", "after"])
def test_a_mission_that_ends_meanwhile_breaks_no_chain_of_the_copy(house: House, tmp_path: Path, databases: int) -> None:
    ids: list[str] = []
    tell = once(lambda: ids.append(ended_mission(house)), when=lambda copied: len(copied.databases) == databases)
    back_up(tmp_path / "home", tmp_path / "copy", tell)
    assert is_there(tmp_path / "copy", ids[0]) == (databases == 0)
    verified = Kimera(tmp_path)("audit", "verify", KIMERA_HOME=str(tmp_path / "copy"))
    assert verified.code == 0, verified.out


def test_what_a_document_names_is_in_the_copy_though_it_was_stored_meanwhile(house: House, tmp_path: Path) -> None:
    tell = once(lambda: house.artifacts.put("missions/m/large.bin", LARGE), when=lambda copied: len(copied.databases) == 0)
    back_up(tmp_path / "home", tmp_path / "copy", tell)
    copied = House(tmp_path / "copy", packed=True)
    assert copied.artifacts.get("artifact:missions/m/large.bin") == LARGE
    copied.close()


def test_what_is_deleted_meanwhile_ends_no_backup(house: House, tmp_path: Path) -> None:
    for name in ("a/1.bin", "a/2.bin", "b/1.bin"):
        house.artifacts.put(f"missions/{name}", LARGE)
    deleted = ("missions/a/2.bin", "missions/b/")
    tell = once(lambda: [*map(house.artifacts.delete_prefix, deleted)], when=lambda copied: copied.size > len(LARGE))
    back_up(tmp_path / "home", tmp_path / "copy", tell)
    objects = tmp_path / "copy/artifacts/objects/missions"
    assert [str(path.relative_to(objects)) for path in objects.glob("*/*")] == ["a/1.bin@"]


def test_the_copy_of_a_platform_that_works_goes_on_where_the_copy_was_made(bubblewrap: object, tmp_path: Path) -> None:
    kimera, copy = Kimera(tmp_path), {"KIMERA_HOME": str(tmp_path / "copy")}
    (tmp_path / "a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\n")
    (tmp_path / "pier.md").write_text("# The pier\n\nThe pier of Basel is 40 metres long.\n")
    assert kimera("space", "add", "harbour", "pier.md").code == 0
    with kimera.started("serve", "--port", "0") as running:
        running.line_with("KIMERA is at")
        mission_id = kimera("submit", "What is the mean temp by city?", "--data", "a.csv", "--json").json["mission_id"]
        made = kimera("backup", "copy", "--json")
        assert made.code == 0, made.err
    assert set(made.json["databases"]) == {"kimera.sqlite3", "knowledge.sqlite3"}
    assert kimera("space", "list", "--json", **copy).json == kimera("space", "list", "--json").json
    with kimera.started("serve", "--port", "0", **copy) as running:
        running.line_with("KIMERA is at")
        eventually(lambda: kimera("status", mission_id, "--json", **copy).json["status"] == "DONE", "the mission ends")
    verified = kimera("audit", "verify", **copy)
    assert verified.code == 0, verified.out
    assert "12.5" in kimera("report", mission_id, **copy).out


def test_nothing_is_overwritten_and_nothing_is_left_of_what_failed(house: House, tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    home = {"KIMERA_HOME": str(tmp_path / "home")}
    taken, inside = (kimera("backup", name, **home) for name in ("home/artifacts", "home/new"))
    (tmp_path / "file").write_text("mine")
    over = kimera("backup", "file", **home)
    assert [(ended.code, part in ended.err) for ended, part in ((taken, "in the data folder"), (inside, "in the data folder"))] == [
        (2, True)
    ] * 2
    assert (over.code, "is there already" in over.err, (tmp_path / "file").read_text()) == (2, True, "mine")
    assert kimera("backup", "copy", KIMERA_HOME="nothing-here").code == 2
    cloud = kimera("backup", "copy", KIMERA_PROFILE="cloud", **home)
    assert (cloud.code, "Firestore" in cloud.err) == (2, True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".kimera") == ["file", "home"]


@pytest.mark.parametrize("damaged", ["knowledge.sqlite3", "kimera.sqlite3"])
def test_a_damaged_database_is_named_and_leaves_no_copy(house: House, tmp_path: Path, damaged: str) -> None:
    bad = tmp_path / "bad"
    back_up(tmp_path / "home", bad, lambda _: None)
    pages = (bad / "kimera.sqlite3").read_bytes()
    (bad / damaged).write_bytes(b"no database" * 1_000 if damaged == "knowledge.sqlite3" else pages[:8_192] + bytes(4_096) + pages[12_288:])
    with pytest.raises(Corrupt, match=f"{damaged} is damaged") as raised:
        back_up(bad, tmp_path / "copy", lambda _: None)
    assert raised.value.place == str(bad / damaged)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad", "home"]


@pytest.mark.parametrize("what", ["a file", "a database"])
def test_a_disk_that_is_full_is_told_and_leaves_no_copy(house: House, tmp_path: Path, bubblewrap: Path, what: str) -> None:
    """The disk is a real one of 1 MB, as bubblewrap makes it."""
    if what == "a file":
        house.artifacts.put("missions/a/large.bin", LARGE * 20)
    else:
        for number in range(40):
            house.artifacts.put(f"missions/a/{number}.bin", LARGE[:50_000])  # packed, beside the documents
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f"{sys.executable} -m cli.main backup {disk}/copy; code=$?; ls -A {disk}; exit $code"
    command = [str(bubblewrap), "--dev-bind", "/", "/", "--die-with-parent", "--size", "1000000", "--tmpfs", str(disk), "sh", "-c", script]
    environment = {**os.environ, "KIMERA_HOME": str(tmp_path / "home")}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S)
    assert (ran.returncode, ran.stdout) == (3, ""), ran.stderr
    assert "There is no room left" in ran.stderr
