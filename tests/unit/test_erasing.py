"""What somebody puts behind the deletion of a mission is looked for when nobody can work on it any more, and removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from functions.lifecycle.dispatch import claim
from functions.missions.deletion import delete_mission
from infra.local.functions import INTERNAL_ROOT, internal_app
from schemas.lifecycle import ClaimRequest
from schemas.mission import MissionStatus
from shared.adapters.document_queue import TASKS
from shared.documents import Document, Json, Query, Ref
from shared.errors import NotFound
from shared.knowledge.port import Node, Scope
from shared.missions.chain import Happening
from shared.missions.records import ACTIVITY, JOURNAL
from shared.missions.repository import Change
from shared.runtime import Runtime
from shared.settings import Settings
from shared.times import SLICE_LEASE_S
from shared.tracks import SliceContext, SliceOutcome
from tests.support.clock import FrozenClock
from tests.support.deletion import kept
from tests.support.house import REQUEST, Count, CountingTrack, step

BESIDE = (ACTIVITY, JOURNAL)
READ = Node("late", "Document", "what a late slice read")


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    made = Runtime(Settings(home=tmp_path), clock=FrozenClock())
    yield made
    made.close()


@pytest.fixture
def functions(runtime: Runtime) -> Iterator[httpx.Client]:
    """The internal functions, as the queue calls them."""
    with httpx.Client(base_url=INTERNAL_ROOT, transport=httpx.WSGITransport(app=internal_app(runtime))) as client:
        yield client


def claimed(runtime: Runtime) -> str:
    mission, _ = runtime.missions.create(REQUEST, owner="ann", idempotency_key=None)
    claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution="x1"))
    return mission.mission_id


def cancelled(runtime: Runtime, mission_id: str) -> None:
    runtime.missions.change(
        mission_id,
        "lifecycle",
        lambda mission, _: Change(mission.model_copy(update={"status": MissionStatus.CANCELLED}), [Happening("mission.cancelled", {})]),
    )


class Late(CountingTrack):
    """Its mission is deleted while it works; then it stores something wherever a slice may."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__()
        self.runtime = runtime

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        runtime, mission_id = self.runtime, context.mission_id
        cancelled(runtime, mission_id)
        delete_mission(mission_id, kept(runtime, runtime.knowledge), owner="ann")
        context.put_artifact("large.bin", b"0" * 100_000, media_type="application/octet-stream")
        runtime.knowledge.upsert(scope(mission_id), [READ], [])
        for collection in BESIDE:
            runtime.documents.put(Ref(collection, f"{mission_id}.late"), {"mission_id": mission_id})
        return super().step(context, state)


def scope(mission_id: str) -> Scope:
    return Scope("ann", "default", mission_id)


def left(runtime: Runtime, mission_id: str) -> tuple[int, bool, int]:
    """Artifacts, whether there is knowledge, documents beside the mission's own."""
    artifacts = len([*runtime.artifacts.list(f"missions/{mission_id}/")])
    beside = sum(len(runtime.documents.query(Query(collection))) for collection in BESIDE)
    return artifacts, runtime.knowledge.node(scope(mission_id), READ.id) is not None, beside


def waiting(runtime: Runtime) -> list[Document]:
    return [task for task in runtime.documents.query(Query(TASKS)) if task.data["route"] == "lifecycle/erase"]


def delivered(functions: httpx.Client, task: Document) -> Json:
    answer = functions.post("/lifecycle/erase", json=task.data["payload"])
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def test_what_a_slice_stores_behind_the_deletion_goes_when_its_lease_is_over(runtime: Runtime, functions: httpx.Client) -> None:
    mission_id, other = claimed(runtime), claimed(runtime)
    runtime.slices.run(CountingTrack(), step(other, 0))
    with pytest.raises(NotFound):
        runtime.slices.run(Late(runtime), step(mission_id, 0))
    assert left(runtime, mission_id) == (2, True, 2)
    (task,) = waiting(runtime)
    assert (datetime.fromisoformat(str(task.data["due"])) - runtime.clock.now()).total_seconds() == SLICE_LEASE_S
    assert delivered(functions, task) == {"artifacts": 2, "reason": ""}
    assert left(runtime, mission_id) == (0, False, 0)
    assert delivered(functions, task) == {"artifacts": 0, "reason": ""}
    assert [*runtime.artifacts.list(f"missions/{other}/")]


def test_a_deletion_that_fails_is_looked_for_and_nothing_is_removed_of_a_mission_that_is_there(
    runtime: Runtime, functions: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    mission_id = claimed(runtime)
    runtime.slices.run(CountingTrack(), step(mission_id, 0))
    cancelled(runtime, mission_id)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runtime.knowledge, "delete", dies)
    with pytest.raises(KeyboardInterrupt):
        delete_mission(mission_id, kept(runtime, runtime.knowledge), owner="ann")
    monkeypatch.undo()
    (task,) = waiting(runtime)
    assert delivered(functions, task)["artifacts"] == 0  # type: ignore[call-overload,index]  # an object, as the contract has it
    assert [*runtime.artifacts.list(f"missions/{mission_id}/")]
    delete_mission(mission_id, kept(runtime, runtime.knowledge), owner="ann")
    assert left(runtime, mission_id) == (0, False, 0) and len(waiting(runtime)) == 1


def test_a_message_that_names_no_mission_is_refused_and_removes_nothing(runtime: Runtime, functions: httpx.Client) -> None:
    mission_id = claimed(runtime)
    runtime.slices.run(CountingTrack(), step(mission_id, 0))
    for body in ({}, {"mission_id": mission_id, "owner": "ann"}, {"mission_id": mission_id, "owner": "ann", "spaces": "default"}):
        assert functions.post("/lifecycle/erase", json=body).status_code == 400
    assert [*runtime.artifacts.list(f"missions/{mission_id}/")]
