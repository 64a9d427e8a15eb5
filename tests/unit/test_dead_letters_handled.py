"""A dead letter holds what is needed to deliver it again; its owner replays or discards it, once, on the record."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.functions import public_app
from schemas.mission import MissionRequest
from shared.adapters.document_queue import TASKS, Delivery, DocumentQueue
from shared.dead_letters import DEAD_LETTERS, keep
from shared.documents import Json, JsonMap, Query, Ref
from shared.errors import Unavailable
from shared.inputs import store_input
from shared.queue import MAX_DELIVERIES, Task
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.house import REQUEST

TOKENS = {"ann": "word-of-ann", "bob": "word-of-bob"}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    owners = {name: hashlib.sha256(token.encode()).hexdigest() for name, token in TOKENS.items()}
    made = Runtime(Settings(home=tmp_path, owners=owners, inbox_owner="bob"), clock=FrozenClock())
    yield made
    made.close()


@pytest.fixture
def ann(runtime: Runtime) -> Iterator[httpx.Client]:
    with _client(runtime, "ann") as made:
        yield made


@pytest.fixture
def bob(runtime: Runtime) -> Iterator[httpx.Client]:
    with _client(runtime, "bob") as made:
        yield made


def _client(runtime: Runtime, who: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {TOKENS[who]}"}
    return httpx.Client(transport=httpx.WSGITransport(app=public_app(runtime)), base_url="http://localhost", headers=headers)


def of_ann(runtime: Runtime, request: MissionRequest = REQUEST) -> str:
    return runtime.missions.create(request, owner="ann", idempotency_key=None)[0].mission_id


def dead_dispatch(runtime: Runtime) -> str:
    """The letter of a dispatch that failed as often as a task may."""
    mission_id = of_ann(runtime)
    queue = DocumentQueue(runtime.documents, runtime.clock, randomness=random.Random(1), wake=lambda: None)
    with runtime.tracing.span("submitted"):
        queue.enqueue(Task(f"dispatch-{mission_id}-1", "lifecycle/dispatch", {"mission_id": mission_id, "epoch": 1}))
    exhaust(runtime, queue)
    return mission_id


def exhaust(runtime: Runtime, queue: DocumentQueue) -> None:
    for _ in range(MAX_DELIVERIES):
        for task in runtime.documents.query(Query(TASKS)):
            queue.deliver(task, lambda route, payload: Delivery(accepted=False, error="Workflows does not answer."))
        runtime.clock.sleep(600)


def waiting(runtime: Runtime) -> list[tuple[str, Json, Json]]:
    return [(task.ref.id, task.data["route"], task.data["payload"]) for task in runtime.documents.query(Query(TASKS))]


def kinds(runtime: Runtime, mission_id: str) -> list[str]:
    return [event.kind for event in runtime.audit.events(mission_id) if event.kind.startswith("dead_letter")]


def test_a_letter_says_what_where_how_often_why_when_and_in_which_trace(runtime: Runtime, ann: httpx.Client) -> None:
    mission_id = dead_dispatch(runtime)
    (letter,) = ann.get("/dead-letters").json()["letters"]
    assert (letter["name"], letter["route"], letter["status"]) == (f"dispatch-{mission_id}-1", "lifecycle/dispatch", "kept")
    assert letter["payload"] == {"mission_id": mission_id, "epoch": 1}
    assert (letter["deliveries"], letter["error"], letter["mission_id"]) == (MAX_DELIVERIES, "Workflows does not answer.", mission_id)
    assert len(letter["trace_id"]) == 32
    assert kinds(runtime, mission_id) == ["dead_letter.kept"]


def test_a_replay_delivers_the_same_message_to_the_same_handler_once(runtime: Runtime, ann: httpx.Client) -> None:
    mission_id = dead_dispatch(runtime)
    address = f"/dead-letters/dispatch-{mission_id}-1"
    replayed = ann.post(f"{address}/replay").json()
    assert (replayed["status"], replayed["replays"][0]["by"]) == ("replayed", "ann")
    assert waiting(runtime) == [(f"dispatch-{mission_id}-1~1", "lifecycle/dispatch", {"mission_id": mission_id, "epoch": 1})]
    second = ann.post(f"{address}/replay")
    assert second.status_code == 409 and "was replayed by ann at 20" in second.json()["detail"] and "--again" in second.json()["remedy"]
    assert len(waiting(runtime)) == 1
    assert [r["by"] for r in ann.post(f"{address}/replay", params={"again": "true"}).json()["replays"]] == ["ann", "ann"]
    assert len(waiting(runtime)) == 2
    assert kinds(runtime, mission_id) == ["dead_letter.kept", "dead_letter.replayed", "dead_letter.replayed"]
    assert runtime.audit.verify(mission_id).breaks == ()


def test_a_replay_that_cannot_be_queued_leaves_the_letter_as_it_was(
    runtime: Runtime, ann: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"/dead-letters/dispatch-{dead_dispatch(runtime)}-1"

    def refuse(task: Task) -> None:
        raise Unavailable("The queue does not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(runtime.queue, "enqueue", refuse)
        assert ann.post(f"{address}/replay").status_code == 503
    assert ann.get(address).json()["status"] == "kept"
    assert ann.post(f"{address}/replay").status_code == 200


def test_a_replay_that_dies_again_is_the_same_letter_and_waits_anew(runtime: Runtime, ann: httpx.Client) -> None:
    mission_id = dead_dispatch(runtime)
    address = f"/dead-letters/dispatch-{mission_id}-1"
    ann.post(f"{address}/replay")
    exhaust(runtime, DocumentQueue(runtime.documents, runtime.clock, randomness=random.Random(2), wake=lambda: None))
    (letter,) = ann.get("/dead-letters").json()["letters"]
    assert (letter["status"], len(letter["replays"])) == ("kept", 1)
    assert ann.post(f"{address}/replay").status_code == 200
    assert waiting(runtime)[0][0].endswith("~2")


def test_a_discarded_letter_keeps_the_reason_and_a_replay_takes_it_back(runtime: Runtime, ann: httpx.Client) -> None:
    mission_id = dead_dispatch(runtime)
    address = f"/dead-letters/dispatch-{mission_id}-1"
    assert ann.post(f"{address}/discard", json={"why": " "}).status_code == 400
    discarded = ann.post(f"{address}/discard", json={"why": "asked again elsewhere"}).json()
    assert (discarded["status"], discarded["discarded"]["why"]) == ("discarded", "asked again elsewhere")
    assert ann.get("/dead-letters", params={"status": "kept"}).json()["letters"] == []
    assert [letter["name"] for letter in ann.get("/dead-letters", params={"status": "discarded"}).json()["letters"]] == [discarded["name"]]
    replayed = ann.post(f"{address}/replay").json()
    assert (replayed["status"], replayed["discarded"]) == ("replayed", None)
    assert kinds(runtime, mission_id)[1:] == ["dead_letter.discarded", "dead_letter.replayed"]


def test_letters_are_their_missions_owners_and_those_of_uploads_the_inbox_owners(
    runtime: Runtime, ann: httpx.Client, bob: httpx.Client
) -> None:
    anns = f"dispatch-{dead_dispatch(runtime)}-1"
    upload: JsonMap = {"data": {"bucket": "inbox", "name": "trip/mission.yaml", "generation": "1"}, "attributes": {}}
    keep(runtime.documents, "pubsub-7", route="intake/", payload=dict(upload), error="no answer", deliveries=5, at=runtime.clock.now())
    assert [letter["name"] for letter in ann.get("/dead-letters").json()["letters"]] == [anns]
    assert [letter["name"] for letter in bob.get("/dead-letters").json()["letters"]] == ["pubsub-7"]
    for answer in (
        bob.get(f"/dead-letters/{anns}"),
        bob.post(f"/dead-letters/{anns}/replay"),
        bob.post(f"/dead-letters/{anns}/discard", json={"why": "x"}),
        ann.get("/dead-letters/pubsub-7"),
        ann.get("/dead-letters/none"),
    ):
        assert answer.status_code == 404
    assert bob.post("/dead-letters/pubsub-7/replay").status_code == 200
    assert waiting(runtime) == [("pubsub-7~1", "intake/redeliver", upload)]


def test_a_message_that_is_no_object_cannot_be_replayed_and_is_told_so(runtime: Runtime, bob: httpx.Client) -> None:
    keep(runtime.documents, "t", route="lifecycle/dispatch", payload="{oh", error="no JSON", deliveries=20, at=runtime.clock.now())
    answer = bob.post("/dead-letters/t/replay")
    assert answer.status_code == 400 and "no JSON object" in answer.json()["detail"]
    assert bob.post("/dead-letters/t/discard", json={"why": "nobody takes it"}).status_code == 200


def test_pages_go_on_where_the_one_before_ended(runtime: Runtime, bob: httpx.Client) -> None:
    for n in range(5):
        keep(runtime.documents, f"t{n}", route="intake/deliver", payload={}, error="", deliveries=20, at=runtime.clock.now())
        runtime.clock.sleep(1)
    first = bob.get("/dead-letters", params={"limit": 3}).json()
    rest = bob.get("/dead-letters", params={"limit": 3, "after": first["next"]}).json()
    assert [letter["name"] for letter in first["letters"] + rest["letters"]] == ["t4", "t3", "t2", "t1", "t0"]
    assert rest["next"] is None


def test_the_request_of_a_mission_that_failed_is_submitted_anew(runtime: Runtime, ann: httpx.Client, tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("city,temp\nBern,1\n")
    uri = store_input(runtime.artifacts, owner="ann", name="a.csv", source=table).uri
    given = REQUEST.inputs[0].model_copy(update={"uri": uri})
    mission_id = of_ann(runtime, REQUEST.model_copy(update={"inputs": (given,)}))
    payload: dict[str, Json] = {"mission_id": mission_id, "epoch": 6}
    keep(runtime.documents, f"failed-{mission_id}", route="missions", payload=payload, error="died", deliveries=6, at=runtime.clock.now())
    replayed = ann.post(f"/dead-letters/failed-{mission_id}/replay").json()
    begun = replayed["replays"][0]["mission_id"]
    assert begun != mission_id
    assert runtime.missions.get(begun).request.question == REQUEST.question
    assert [payload for _, _, payload in waiting(runtime)] == [{"mission_id": begun, "epoch": 1}]


def damage(runtime: Runtime, name: str, **fields: Json) -> None:
    document = runtime.documents.get(Ref(DEAD_LETTERS, name))
    assert document is not None
    runtime.documents.put(document.ref, {**document.data, **fields})


def test_a_damaged_letter_is_named_to_its_owner_and_the_others_are_listed(runtime: Runtime, ann: httpx.Client, bob: httpx.Client) -> None:
    good, bad, last = (f"dispatch-{dead_dispatch(runtime)}-1" for _ in range(3))
    damage(runtime, bad, deliveries="x")
    page = ann.get("/dead-letters").json()
    assert ({letter["name"] for letter in page["letters"]}, page["unreadable"]) == ({good, last}, [bad])
    assert bob.get("/dead-letters").json()["unreadable"] == []
    assert (ann.get(f"/dead-letters/{bad}").status_code, bob.get(f"/dead-letters/{bad}").status_code) == (500, 404)
    named: list[str] = []
    after = ""
    for _ in range(2):  # a page each, and the damaged one on one of them
        page = ann.get(f"/dead-letters?limit=1{after}").json()
        named += [*page["unreadable"], *(letter["name"] for letter in page["letters"])]
        after = f"&after={page['next']}"
    assert sorted(named) == sorted([good, bad, last])


def test_a_damaged_letter_can_be_discarded_as_it_is_and_its_chain_goes_on(runtime: Runtime, ann: httpx.Client, bob: httpx.Client) -> None:
    name = f"dispatch-{dead_dispatch(runtime)}-1"
    damage(runtime, name, deliveries="x", head={"n": "?"})
    assert bob.post(f"/dead-letters/{name}/discard", json={"why": "not mine"}).status_code == 404
    answer = ann.post(f"/dead-letters/{name}/discard", json={"why": "damaged"})
    assert (answer.status_code, answer.json()["status"]) == (200, "discarded")
    (left,) = ann.get(f"/dead-letters/{name}").json()["payload"]
    assert left["deliveries"] == "x"
    assert ann.post(f"/dead-letters/{name}/replay").status_code == 400
    assert runtime.audit.verify().breaks == ()
    assert ann.get("/dead-letters?status=kept").json() == {"letters": [], "next": None, "unreadable": []}


@pytest.mark.parametrize("damaged", [{"deliveries": "x", "head": {"n": "?"}}, {"head": None, "mission_id": 7, "owner": 7, "status": "?"}])
def test_a_task_that_dies_again_is_kept_in_place_of_its_damaged_letter(
    runtime: Runtime, ann: httpx.Client, damaged: dict[str, Json]
) -> None:
    """On its last delivery by Cloud Tasks nobody else would know of it, and the queue of a platform would deliver it without an end."""
    mission_id = dead_dispatch(runtime)
    name = f"dispatch-{mission_id}-1"
    damage(runtime, name, **damaged)
    payload: dict[str, Json] = {"mission_id": mission_id, "epoch": 1}
    for _ in range(2):  # a repeat of the delivery keeps the same
        keep(runtime.documents, name, route="lifecycle/dispatch", payload=payload, error="again", deliveries=9, at=runtime.clock.now())
    letter = ann.get(f"/dead-letters/{name}").json()
    assert (letter["status"], letter["error"], letter["deliveries"]) == ("kept", "again", 9)
    assert runtime.audit.verify().breaks == ()
    kinds = [event.kind for event in runtime.audit.events(mission_id) if event.writer == f"letter-{name}"]
    assert kinds == ["dead_letter.kept"] * 2
