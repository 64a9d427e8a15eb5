"""Uploads to the inbox bucket become missions, through Pub/Sub and the Eventarc trigger: each state of a manifest once, for good."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import httpx

from functions.intake.event import FINALIZED
from functions.intake.records import Intakes, IntakeStatus
from infra.local.emulated.cloud import INBOX, PROJECT, account
from schemas.mission import MissionState, MissionStatus
from schemas.uploads import IntakeResult
from shared.callers import Part
from shared.id_tokens import unsigned_token
from tests.support.emulated import EmulatedPlatform
from tests.support.waiting import until

QUESTION = "How was the temperature measured in the uploaded method?"
METHOD = "# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n"
MANIFEST = f"question: {QUESTION}\ndocs: [method.md]\n"


def test_an_upload_becomes_one_mission_however_often_and_in_whatever_order_it_is_told(emulated_cloud: EmulatedPlatform) -> None:
    manifest = emulated_cloud.put("upload/mission.yaml", MANIFEST)
    until(lambda: emulated_cloud.answered("upload/waiting.txt"))
    document = emulated_cloud.put("upload/method.md", METHOD)
    ended = emulated_cloud.until_over(laid_out(emulated_cloud, "upload").mission_id)
    assert ended.status is MissionStatus.DONE, ended.error

    again = told(emulated_cloud, "upload/mission.yaml", manifest)
    assert (again.outcome, again.mission_id) == ("started", ended.mission_id)
    assert told(emulated_cloud, "upload/method.md", document).outcome == "noted"
    assert told(emulated_cloud, "upload/mission.yaml", manifest - 1).outcome == "stale"
    publish(emulated_cloud, "upload/method.md", document)
    publish(emulated_cloud, "upload/mission.yaml", manifest)

    a_day_passes(emulated_cloud, "upload")
    publish(emulated_cloud, "upload/mission.yaml", manifest)
    again = told(emulated_cloud, "upload/mission.yaml", manifest)
    assert (again.outcome, again.mission_id) == ("started", ended.mission_id)

    assert [state.mission_id for state in emulated_cloud.missions_asking(QUESTION)] == [ended.mission_id]
    until(lambda: laid_out(emulated_cloud, "upload").status is MissionStatus.DONE)
    for form, ending in (("md", "md"), ("html", "html"), ("json", "json")):
        assert emulated_cloud.answered(f"upload/report.{ending}") == emulated_cloud.api.report(ended.mission_id, form=form)
    assert emulated_cloud.answered("upload/waiting.txt") is None


def test_a_manifest_that_is_not_valid_is_answered_in_the_outbox(emulated_cloud: EmulatedPlatform) -> None:
    emulated_cloud.put("wrong/mission.yaml", "question: [\n")
    error = until(lambda: emulated_cloud.answered("wrong/error.txt")).decode()
    assert "wrong/mission.yaml did not become a mission" in error


def told(platform: EmulatedPlatform, name: str, generation: int) -> IntakeResult:
    """What ``intake`` says to the event of that upload."""
    root = platform.cloud.functions["intake"].url
    headers = {
        "Content-Type": "application/json",
        "ce-specversion": "1.0",
        "ce-type": FINALIZED,
        "ce-id": f"{name}#{generation}",
        "ce-source": f"//storage.googleapis.com/projects/_/buckets/{INBOX}",
        "Authorization": f"Bearer {unsigned_token(account(Part.EVENTS), root)}",
    }
    answer = httpx.post(root + "/", content=json.dumps(upload(name, generation)), headers=headers, timeout=60)
    assert answer.is_success, answer.text
    return IntakeResult.model_validate_json(answer.content)


def laid_out(platform: EmulatedPlatform, folder: str) -> MissionState:
    """What the outbox says of the mission, once it says anything; the report is there by then, and may be ahead of the mission's end."""
    return MissionState.model_validate_json(until(lambda: platform.answered(f"{folder}/status.json"), seconds=120))


def upload(name: str, generation: int) -> dict[str, str]:
    return {"bucket": INBOX, "name": name, "generation": str(generation), "size": "1"}


def publish(platform: EmulatedPlatform, name: str, generation: int) -> None:
    """Cloud Storage tells Pub/Sub of that upload again, and ``intake`` has heard of it."""
    data = base64.b64encode(json.dumps(upload(name, generation)).encode()).decode()
    topic = f"http://{platform.cloud.servers.pubsub.address}/v1/projects/{PROJECT}/topics/kimera-uploads"
    message = {"data": data, "attributes": {"eventType": "OBJECT_FINALIZE", "objectId": name}}
    before = platform.cloud.trigger.delivered
    httpx.post(f"{topic}:publish", json={"messages": [message]}, timeout=30).raise_for_status()
    until(lambda: platform.cloud.trigger.delivered > before)


def a_day_passes(platform: EmulatedPlatform, folder: str) -> None:
    """What is stored of the upload is a day older, and no process remembers it."""
    with platform.stored() as documents:
        intakes = Intakes(documents, INBOX)
        aged = intakes.change(folder, lambda record: record and record.model_copy(update={"since": record.since - timedelta(hours=25)}))
    assert aged is not None and aged.status is IntakeStatus.STARTED
    platform.kill(platform.cloud.functions["intake"])
