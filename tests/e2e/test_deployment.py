"""A deployment in the middle of a mission: new processes read what older ones stored and what newer ones added, and it ends in DONE."""

from __future__ import annotations

import httpx

from infra.local.emulated.cloud import account
from schemas.mission import MissionStatus, Track
from schemas.steps import StepResult
from shared.callers import Part
from shared.documents import Json, Ref, Transaction
from shared.id_tokens import unsigned_token
from shared.missions.records import mission_ref, track_ref
from tests.support.emulated import EmulatedPlatform

QUESTION = "What is the mean temp by station? How was the temperature measured?"
FILES = {
    "temp.csv": ("data", "station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"]))),
    "method.md": ("document", "# Method\n\nThe temperature was measured every hour with a platinum resistance thermometer.\n"),
}
ADDED_LATER = {
    "missions": ("schema_version", "fruitless_epochs", "progress_mark", "compensate_because", "late", "flags"),
    "tracks": ("schema_version", "done", "tries", "closed_because", "waiting_for", "flags", "progress"),
}
"""What an older version of the platform did not know, by collection."""
NEWER = {"of_a_newer_version": "kept"}
REDEPLOYED = ("deep_research", "ds_star", "missions", "lifecycle", "budget")


def test_a_mission_goes_on_over_a_deployment(emulated_cloud: EmulatedPlatform) -> None:
    mission_id = emulated_cloud.submit(QUESTION, FILES)
    emulated_cloud.until(mission_id, lambda state: all(state.track_status[track].next_seq > 0 for track in Track))
    with emulated_cloud.stored() as documents:
        for ref in (mission_ref(mission_id), *(track_ref(mission_id, track, 1) for track in Track)):
            documents.transact(lambda tx, ref=ref: as_of_another_version(tx, ref))  # type: ignore[misc]  # bound at once
        assert not emulated_cloud.api.state(mission_id).status.terminal
        fusion = emulated_cloud.cloud.functions["fusion"]
        emulated_cloud.cloud.supervisor.hold(fusion)  # the last to come back, so that the mission is under way all the time
        for name in REDEPLOYED:
            function = emulated_cloud.cloud.functions[name]
            function.stop()  # as Cloud Run ends an instance: what is under way is finished
            emulated_cloud.until_it_serves(function)
            if name in set(Track):
                assert other_api(emulated_cloud, mission_id, Track(name)).next_seq == 1
        emulated_cloud.cloud.supervisor.release(fusion)

        ended = emulated_cloud.until_over(mission_id, seconds=300)
        assert (ended.status, ended.epoch) == (MissionStatus.DONE, 1), ended.error
        stored = documents.get(mission_ref(mission_id))
    assert stored is not None and NEWER.items() <= stored.data.items()
    assert b"platinum resistance" in emulated_cloud.api.report(mission_id, form="md")


def as_of_another_version(tx: Transaction, ref: Ref) -> None:
    """Write the document as an older version would have, and with what a newer one added."""
    document = tx.get(ref)
    assert document is not None
    kept = {name: value for name, value in document.data.items() if name not in ADDED_LATER[ref.collection]}
    tx.put(ref, {**kept, **NEWER})


def other_api(platform: EmulatedPlatform, mission_id: str, track: Track) -> StepResult:
    """The stored result of a track's first slice, asked for by a workflow that knows no ``execution``, and more than these functions do."""
    root = platform.cloud.functions[track].url
    asked: dict[str, Json] = {"mission_id": mission_id, "epoch": 1, "track": track, "attempt": 1, "seq": 0}
    headers = {"Authorization": f"Bearer {unsigned_token(account(Part.WORKFLOW), root)}"}
    answer = httpx.post(f"{root}/step", json={**asked, "of_a_newer_version": [1]}, headers=headers, timeout=120)
    assert answer.is_success, answer.text
    return StepResult.model_validate_json(answer.content)
