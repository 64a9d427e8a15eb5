"""The report of an uploaded mission, laid out in the outbox: each version as it comes, until nothing of the mission goes on."""

from __future__ import annotations

from datetime import timedelta

from functions.intake.records import IntakeRecord, Intakes, IntakeStatus
from functions.intake.service import ERROR_FILE
from schemas.mission import MissionState
from schemas.uploads import IntakeResult
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.errors import Busy, NotFound
from shared.inbox import Inbox
from shared.missions.published import published
from shared.missions.records import MissionRecord
from shared.missions.repository import Missions

STATUS_FILE = "status.json"
_SOON_S, _LATER_S = 1.0, 15.0
_YOUNG = timedelta(minutes=2)
_TEXT = "text/plain; charset=utf-8"


class Deliverer:
    """Lays reports out."""

    def __init__(self, inbox: Inbox, intakes: Intakes, missions: Missions, artifacts: ArtifactStore, clock: Clock) -> None:
        self._inbox = inbox
        self._intakes = intakes
        self._missions = missions
        self._artifacts = artifacts
        self._clock = clock

    def deliver(self, key: str, generation: int) -> IntakeResult:
        """Lay out what is new. Raises ``Busy`` while the mission goes on: then it is asked again."""
        record = self._intakes.read(key)
        if record is None or record.generation != generation or record.status is not IntakeStatus.STARTED or record.mission_id is None:
            return IntakeResult(outcome="stale")
        try:
            mission = self._missions.get(record.mission_id)
        except NotFound:
            return IntakeResult(outcome="stale", mission_id=record.mission_id, detail="the mission was deleted")
        state = self._missions.state(mission)
        newest = state.reports[-1].version if state.reports else 0
        if newest > record.delivered or state.status.terminal:
            self._lay_out(record, mission, state)
            self._mark(record, newest)
        if not mission.over:
            young = self._clock.now() - record.since < _YOUNG
            raise Busy(f"Mission {mission.mission_id} is {mission.status}.", retry_after_s=_SOON_S if young else _LATER_S)
        return IntakeResult(outcome="delivered", mission_id=mission.mission_id)

    def _lay_out(self, record: IntakeRecord, mission: MissionRecord, state: MissionState) -> None:
        folder = record.folder
        if state.reports:
            report = state.reports[-1]
            files = {
                "report.md": (report.markdown_uri, "text/markdown; charset=utf-8"),
                "report.html": (report.html_uri, "text/html; charset=utf-8"),
                "report.json": (report.outcome_uri, "application/json"),
            }
            for name, (uri, media_type) in files.items():
                self._inbox.answer(f"{folder}/{name}", published(self._artifacts, mission, uri), media_type=media_type)
        if state.error is not None:
            text = f"The mission is {state.status}.\n{state.error.message}\n{state.error.remedy}\n"
            self._inbox.answer(f"{folder}/{ERROR_FILE}", text.encode(), media_type=_TEXT)
        body = (state.model_dump_json(indent=1) + "\n").encode()
        self._inbox.answer(f"{folder}/{STATUS_FILE}", body, media_type="application/json")

    def _mark(self, record: IntakeRecord, version: int) -> None:
        def decide(stored: IntakeRecord | None) -> IntakeRecord | None:
            if stored is None or stored.generation != record.generation or stored.delivered >= version:
                return None
            return stored.model_copy(update={"delivered": version})

        self._intakes.change(record.folder, decide)
