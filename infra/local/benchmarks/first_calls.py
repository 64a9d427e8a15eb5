"""The first call of each control-plane function: a small data folder, and a request as its real caller sends it.

The folder holds one mission, so that the call finds what it asks for: for the gate one that an execution has claimed, for the claim one
that waits. What was not delivered is an upload's event, as Pub/Sub hands it over.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path

from functions.lifecycle.dispatch import claim
from schemas.lifecycle import ClaimRequest
from schemas.mission import MissionRequest
from shared.documents import Json
from shared.identity import LOCAL_OWNER
from shared.runtime import Runtime
from shared.settings import Settings

_EXECUTION = "bench"
CALLED = ("budget", "lifecycle", "dead_letter")
"""The functions that have such a call."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """A POST with a JSON body to a path of a function."""

    path: str
    body: dict[str, Json]


def first_call(function: str, home: Path) -> FirstCall:
    """What ``function`` is asked first, with a store in the empty folder ``home`` from which it can be answered with 200."""
    if function == "dead_letter":
        event = base64.b64encode(json.dumps({"bucket": "inbox", "name": "bern/mission.json"}).encode()).decode()
        count: dict[str, Json] = {"CloudPubSubDeadLetterSourceDeliveryCount": "5"}
        _store(home)
        return FirstCall("/", {"message": {"data": event, "messageId": "1", "attributes": count}, "subscription": "bench"})
    caller: dict[str, Json] = {"mission_id": _store(home, claimed=function == "budget"), "epoch": 1, "execution": _EXECUTION}
    if function == "lifecycle":
        return FirstCall("/claim", caller)
    return FirstCall("/gate", {**caller, "track": "ds_star", "attempt": 1, "seq": 1})


def _store(home: Path, *, claimed: bool = False) -> str:
    """Store a mission in ``home``; its id."""
    runtime = Runtime(Settings(home=home, profile="embedded", traces="file"))
    try:
        request = MissionRequest(question="How warm was it in Bern?")
        mission, _ = runtime.missions.create(request, owner=LOCAL_OWNER, idempotency_key=None)
        if claimed:
            claim(runtime.missions, runtime.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution=_EXECUTION))
    finally:
        runtime.close()
    return mission.mission_id
