"""A stored document that cannot be read is named, and keeps nobody from what lies beside it."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from functions.lifecycle.ending import Ending
from functions.lifecycle.reconcile import Reconciler
from functions.missions.answers import Deleted
from functions.missions.damaged_deletion import delete_damaged
from infra.local.api import MissionsApi
from infra.local.platform import OneMission, Platform
from schemas.lifecycle import ReconcileRequest
from schemas.mission import Track
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.dead_letters import DEAD_LETTERS, Letter, keep
from shared.documents import JsonMap, Query, Ref, Where
from shared.errors import Corrupt, NotFound
from shared.inputs import input_prefix
from shared.missions.records import mission_ref
from shared.missions.unused_inputs import remove_unused_inputs
from shared.settings import Settings
from tests.support.command import Kimera
from tests.support.deletion import kept
from tests.support.house import House
from tests.support.waiting import until


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def damage(house: House, ref: Ref, field: str) -> None:
    """Give the document a value that it cannot have there, as a stray write would."""
    document = house.documents.get(ref)
    assert document is not None
    house.documents.put(ref, {**document.data, field: {"not": "what it was"}})


def damage_track(house: House, mission_id: str) -> None:
    """The same for the document of a track, which its first slice writes."""
    track = house.missions.tracks(house.missions.get(mission_id))[Track.DS_STAR]
    house.documents.put(track.ref, track.data())
    damage(house, track.ref, "next_seq")


def reconciled(house: House) -> tuple[str, ...]:
    ending = Ending(house.missions, house.audit, house.clock, letters=house.documents)
    reconciler = Reconciler(house.missions, house.queue, house.executions, ending, house.clock)
    return reconciler.run(ReconcileRequest(none_alive=True)).restarted


def test_it_is_named_with_the_field_and_without_what_it_holds(house: House) -> None:
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "epoch")
    with pytest.raises(Corrupt, match=f"missions/{mission_id} cannot be read: epoch is damaged") as error:
        house.missions.get(mission_id)
    assert "not what it was" not in str(error.value) and "what it was" not in error.value.message


def test_the_reconciler_names_the_mission_and_looks_after_the_others(house: House, caplog: pytest.LogCaptureFixture) -> None:
    (oldest, _), (middle, _), (newest, _) = (house.claimed(execution=f"x{n}") for n in range(3))
    damage(house, mission_ref(middle), "epoch")
    damage_track(house, newest)
    with caplog.at_level(logging.ERROR):
        assert reconciled(house) == (oldest,)
    assert middle in caplog.text and newest in caplog.text


def test_one_that_was_asked_for_by_name_is_an_error(house: House) -> None:
    mission_id, _ = house.claimed()
    damage_track(house, mission_id)
    ending = Ending(house.missions, house.audit, house.clock, letters=house.documents)
    with pytest.raises(Corrupt, match=mission_id):
        Reconciler(house.missions, house.queue, house.executions, ending, house.clock).run(
            ReconcileRequest(none_alive=True, mission_id=mission_id)
        )


def test_the_other_missions_are_anchored_all_the_same(house: House, caplog: pytest.LogCaptureFixture) -> None:
    (good, _), (bad, _) = house.claimed(execution="x1"), house.claimed(execution="x2")
    damage(house, mission_ref(bad), "epoch")
    with caplog.at_level(logging.ERROR):
        assert house.audit.anchor_hour() > 0
    assert bad in caplog.text
    assert house.audit.verify(good).breaks == ()
    assert house.audit.verify(bad).breaks != ()


def test_what_is_left_of_its_chains_is_verified_and_the_damaged_document_is_named(house: House) -> None:
    mission_id, _ = house.claimed()
    damage_track(house, mission_id)
    house.audit.anchor_hour()
    before = house.audit.verify(mission_id)
    damage(house, mission_ref(mission_id), "epoch")
    checked = house.audit.verify(mission_id)
    assert checked.events == before.events > 0
    told = [found.what for found in checked.breaks]
    assert len(told) == 2 and all("cannot be read" in what for what in told), told
    assert f"missions/{mission_id}" in told[0] and f"tracks/{mission_id}:ds_star:1" in told[1]


def test_a_change_in_a_chain_that_a_damaged_document_holds_is_found_all_the_same(house: House) -> None:
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "epoch")
    document = house.documents.get(mission_ref(mission_id))
    assert document is not None
    house.documents.put(document.ref, json.loads(json.dumps(document.data).replace("mission.claimed", "mission.cleaned")))
    assert "its content was changed" in [found.what for found in house.audit.verify(mission_id).breaks]


def test_a_task_of_such_a_mission_becomes_a_letter_of_its_owner(house: House) -> None:
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "epoch")
    keep(
        house.documents,
        f"dispatch-{mission_id}-1",
        route="lifecycle/dispatch",
        payload={"mission_id": mission_id, "epoch": 1},
        error="The stored document cannot be read.",
        deliveries=20,
        at=house.clock.now(),
    )
    (letter,) = [Letter.read(document) for document in house.documents.query(Query(DEAD_LETTERS))]
    assert (letter.mission_id, letter.owner) == (mission_id, "ann")


def test_it_takes_no_place_among_those_that_run(house: House) -> None:
    damaged = [house.claimed(execution=f"x{n}")[0] for n in range(3)]
    house.claimed(execution="x9")
    for mission_id in damaged:
        damage(house, mission_ref(mission_id), "epoch")
    assert [house.missions.admitted(limit) for limit in (1, 2, 9)] == [1, 1, 1]


@pytest.mark.parametrize("field", ["epoch", "status", "owner", "request", "heads", "tails"])
def test_it_can_be_deleted_and_what_could_not_be_known_is_told(house: House, field: str) -> None:
    mission_id, _ = house.claimed()
    other, _ = house.claimed(execution="x2")
    house.artifacts.put(f"missions/{mission_id}/a.json", b"{}")
    damage_track(house, mission_id)
    damage(house, mission_ref(mission_id), field)
    deleted = deletion(house, mission_id)
    assert (deleted.mission_id, deleted.artifacts) == (mission_id, 1)
    expected = {"status": "had ended", "owner": "whose", "request": "uploaded files", "heads": "audit events", "tails": "audit events"}
    assert expected.get(field, "it was RUNNING") in "; ".join(deleted.unknown)
    assert house.documents.get(mission_ref(mission_id)) is None
    assert not house.documents.query(Query("tracks", (Where("mission_id", "==", mission_id),)))
    checked = house.audit.verify(mission_id)
    assert checked.events > 0 and (checked.breaks == ()), checked.breaks
    assert "mission.deleted" in [event.kind for event in house.audit.events(mission_id)]
    assert house.missions.get(other).mission_id == other


def test_what_its_chains_lost_with_it_is_a_break_where_it_was_anchored(house: House) -> None:
    mission_id, _ = house.claimed()
    house.audit.anchor_hour()
    damage(house, mission_ref(mission_id), "tails")
    deletion(house, mission_id)
    assert "nothing of the chain is left" in house.audit.verify(mission_id).breaks[0].what


def test_a_damaged_mission_of_somebody_else_is_not_there(house: House) -> None:
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "epoch")
    with pytest.raises(NotFound):
        deletion(house, mission_id, owner="eve")
    with pytest.raises(NotFound):
        house.missions.owned(mission_id, "eve")


def test_where_there_are_several_owners_nobody_deletes_what_may_be_anothers(house: House) -> None:
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "owner")
    with pytest.raises(Corrupt, match="Whose"):
        deletion(house, mission_id, only_owner=False)
    assert house.documents.get(mission_ref(mission_id)) is not None


def test_inputs_that_a_damaged_mission_may_name_are_kept(house: House) -> None:
    def uploaded(owner: str, name: str) -> str:
        return house.artifacts.put(f"{input_prefix(owner)}{name}/a.csv", name.encode()).uri

    anns, bobs = uploaded("ann", "0" * 64), uploaded("bob", "1" * 64)
    mission_id, _ = house.claimed()
    damage(house, mission_ref(mission_id), "request")
    removed = remove_unused_inputs(house.documents, house.artifacts)
    assert (removed.files, removed.kept, removed.damaged) == (1, 1, (mission_id,))
    assert [artifact.uri for artifact in house.artifacts.list("inputs/")] == [anns] != [bobs]
    bobs = uploaded("bob", "1" * 64)
    damage(house, mission_ref(mission_id), "owner")
    assert remove_unused_inputs(house.documents, house.artifacts).kept == 2
    deletion(house, mission_id)
    assert remove_unused_inputs(house.documents, house.artifacts).files == 2


def deletion(house: House, mission_id: str, *, owner: str = "ann", only_owner: bool = True) -> Deleted:
    graph = SqliteKnowledge(house.scratch.parent / "knowledge.sqlite3")
    try:
        return delete_damaged(mission_id, kept(house, graph), owner=owner, only_owner=only_owner)
    finally:
        graph.close()


def test_the_list_has_the_others_and_names_it(bubblewrap: object, tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    (tmp_path / "a.csv").write_text("region,sales\nNorth,1\nSouth,2\nNorth,3\n")
    questions = ("What is the mean sales by region?", "What is the total sales by region?")
    good, bad = (str(kimera("run", question, "--data", "a.csv", "--json").json["mission_id"]) for question in questions)
    with closing(sqlite3.connect(kimera.home / "kimera.sqlite3")) as store, store:
        spoil = "UPDATE documents SET data = json_set(data, '$.epoch', 'x', '$.status', 'RUNNING') WHERE collection = 'missions' AND id = ?"
        store.execute(spoil, (bad,))

    answer = json.loads(kimera("list", "--json").out)
    assert ([mission["mission_id"] for mission in answer["missions"]], answer["unreadable"]) == ([good], [bad])
    found = json.loads(kimera("doctor", "--json").out)["findings"]
    assert {f["name"]: f["verdict"] for f in found if f["name"] in (bad, "missions")} == {bad: "note", "missions": "ok"}
    for command in (("list",), ("status", bad)):
        told = kimera(*command)
        assert bad in told.err and "damaged" in told.err
    removed = kimera("delete", "--unused-inputs")
    assert removed.code == 0 and bad in removed.err and "Kept 0 more" in removed.err
    gone = kimera("delete", bad, "--json")
    assert (gone.code, gone.json["mission_id"]) == (0, bad)
    assert bad not in kimera("list").err
    checked = kimera("doctor")
    assert "ValidationError" not in checked.out + checked.err


def test_its_task_is_delivered_also_where_a_platform_came_up_for_it_alone(bubblewrap: object, tmp_path: Path) -> None:
    """Else it would wait for ever: only the handler can say what is wrong."""
    table = tmp_path / "a.csv"
    table.write_text("region,sales\nNorth,1\nSouth,2\n")
    with Platform(Settings(home=tmp_path / "home"), command="test", only=OneMission()) as platform:
        api = MissionsApi.in_process(platform.public, None)
        uri = api.upload(table, table.name).uri
        body: JsonMap = {"question": "What is the mean sales?", "inputs": [{"uri": uri, "kind": "data", "name": table.name}]}
        mission_id = api.submit(body).mission_id
        documents = platform.runtime.documents
        stored = documents.get(mission_ref(mission_id))
        assert stored is not None
        documents.put(stored.ref, {**stored.data, "epoch": "x"})
        platform.attend_to(mission_id)
        until(lambda: any(task.data["deliveries"] for task in documents.query(Query("tasks"))) or None)
        api.close()
