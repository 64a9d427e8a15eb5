"""A handler behind Cloud Tasks keeps what it could not do: on the last delivery, and only then."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from functions.lifecycle.main import api
from shared.adapters.document_queue import TASKS
from shared.dead_letters import DEAD_LETTERS
from shared.documents import Query
from shared.http import hosted
from shared.queue import MAX_DELIVERIES
from shared.runtime import Runtime
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.house import REQUEST

BODY = {"mission_id": "m_none", "epoch": 1}


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    settings = Settings(home=tmp_path, max_running=1, inbox=str(tmp_path / "inbox"), outbox=str(tmp_path / "outbox"))
    made = Runtime(settings, clock=FrozenClock())
    yield made
    made.close()


@pytest.fixture
def client(runtime: Runtime) -> Iterator[FlaskClient]:
    app = Flask("lifecycle")
    app.add_url_rule("/<path:path>", "all", lambda path: api.answer(request), methods=["POST"])
    with hosted(runtime):
        yield app.test_client()


def deliver(client: FlaskClient, *, retries: int, body: str = json.dumps(BODY)) -> int:
    headers = {"X-Kimera-Task": "dispatch-m_none-1", "X-CloudTasks-TaskRetryCount": str(retries)}
    return client.post("/dispatch", data=body, content_type="application/json", headers=headers).status_code


def letters(runtime: Runtime) -> list[tuple[str, object, object]]:
    return [(d.ref.id, d.data["route"], d.data["payload"]) for d in runtime.documents.query(Query(DEAD_LETTERS))]


def waiting(runtime: Runtime) -> list[tuple[str, object, object]]:
    return [(task.ref.id, task.data["route"], task.data["payload"]) for task in runtime.documents.query(Query(TASKS))]


def test_an_attempt_that_is_not_the_last_leaves_none(client: FlaskClient, runtime: Runtime) -> None:
    assert deliver(client, retries=MAX_DELIVERIES - 2, body="{}") == 400
    assert letters(runtime) == []


def test_the_last_one_leaves_the_task_with_its_name_route_and_payload(client: FlaskClient, runtime: Runtime) -> None:
    assert deliver(client, retries=MAX_DELIVERIES - 1, body='{"epoch": "x"}') == 400
    assert letters(runtime) == [("dispatch-m_none-1", "lifecycle/dispatch", {"epoch": "x"})]


def test_a_body_that_is_no_json_is_kept_as_it_came(client: FlaskClient, runtime: Runtime) -> None:
    deliver(client, retries=MAX_DELIVERIES - 1, body="{oh")
    assert [payload for _, _, payload in letters(runtime)] == ["{oh"]


def test_the_task_of_a_mission_that_was_deleted_is_done(client: FlaskClient, runtime: Runtime) -> None:
    assert deliver(client, retries=MAX_DELIVERIES - 1) == 200
    assert letters(runtime) == []


def test_a_mission_that_waits_for_its_turn_leaves_none(client: FlaskClient, runtime: Runtime) -> None:
    first, _ = runtime.missions.create(REQUEST, owner="ann", idempotency_key=None)
    second, _ = runtime.missions.create(REQUEST, owner="ann", idempotency_key=None)
    running = runtime.missions.get(first.mission_id).model_copy(update={"admitted": True})
    runtime.documents.put(running.ref, running.data())
    body = json.dumps({"mission_id": second.mission_id, "epoch": 1})
    assert deliver(client, retries=MAX_DELIVERIES - 1, body=body) == 503
    assert letters(runtime) == []


def test_a_report_is_waited_for_longer_than_a_task_is_delivered(runtime: Runtime) -> None:
    from functions.intake.main import api as intake
    from functions.intake.records import IntakeRecord, Intakes, IntakeStatus

    mission, _ = runtime.missions.create(REQUEST, owner="ann", idempotency_key=None)
    intakes = Intakes(runtime.documents, runtime.inbox.bucket)
    started = IntakeRecord(
        folder="trip",
        manifest="trip/mission.json",
        generation=7,
        size=1,
        since=runtime.clock.now(),
        status=IntakeStatus.STARTED,
        mission_id=mission.mission_id,
    )
    intakes.change("trip", lambda _: started)
    app = Flask("intake")
    app.add_url_rule("/<path:path>", "all", lambda path: intake.answer(request), methods=["POST"])
    payload = {"key": intakes.key("trip"), "generation": "7"}

    def ask(name: str, retries: int) -> int:
        headers = {"X-Kimera-Task": name, "X-CloudTasks-TaskRetryCount": str(retries)}
        with hosted(runtime):
            return app.test_client().post("/deliver", json=payload, headers=headers).status_code

    assert (ask("report", MAX_DELIVERIES - 7), waiting(runtime)) == (503, [])
    for killed_before_its_answer in (MAX_DELIVERIES - 6, MAX_DELIVERIES - 5, MAX_DELIVERIES - 1):
        assert (ask("report", killed_before_its_answer), waiting(runtime)) == (200, [("report+", "intake/deliver", payload)])
    assert ask("report+", MAX_DELIVERIES - 1) == 200
    assert [name for name, _, _ in waiting(runtime)] == ["report", "report+"]
    assert letters(runtime) == []


@pytest.mark.parametrize(
    ("data", "content"),
    [(b'{"name": "trip/mission.json"}', {"name": "trip/mission.json"}), (b"not json", "not json"), (b"\xff", "/w==")],
)
def test_what_pubsub_could_not_deliver_is_kept_once(runtime: Runtime, data: bytes, content: object) -> None:
    from functions.dead_letter.main import api as dead_letter

    app = Flask("dead_letter")
    app.add_url_rule("/", "root", lambda: dead_letter.answer(request), methods=["POST"])
    attributes = {"CloudPubSubDeadLetterSourceDeliveryCount": "5", "CloudPubSubDeadLetterSourceSubscription": "uploads"}
    push = {
        "message": {"messageId": "7", "data": base64.b64encode(data).decode(), "attributes": attributes},
        "subscription": "dead-letters",
    }
    for _ in range(2):
        with hosted(runtime):
            assert app.test_client().post("/", json=push).json == {"name": "pubsub-7"}
    (letter,) = runtime.documents.query(Query(DEAD_LETTERS))
    assert (letter.data["route"], letter.data["payload"]) == ("intake/", {"data": content, "attributes": attributes})
    why = "uploads could not deliver it: the function intake did not take it, and its traces say why."
    assert (letter.data["deliveries"], letter.data["error"]) == (5, why)


def test_what_is_no_push_delivery_is_bad_input(runtime: Runtime) -> None:
    from functions.dead_letter.main import api as dead_letter

    app = Flask("dead_letter")
    app.add_url_rule("/", "root", lambda: dead_letter.answer(request), methods=["POST"])
    with hosted(runtime):
        assert app.test_client().post("/", json={"message": {}}).status_code == 400
