"""The control plane on real stores in a temporary folder, with a clock that stands still and ids that repeat."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import Lineage, SubQuestion
from schemas.lifecycle import ClaimRequest, ClaimResult
from schemas.mission import FusionMode, FusionStatus, MissionInput, MissionRequest, ReportVersion, Track
from schemas.steps import StepRequest
from shared.adapters.declared_queries import DeclaredQueries
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.packed_artifacts import PackedArtifacts
from shared.adapters.sqlite_documents import SqliteDocuments
from shared.artifacts import ArtifactStore
from shared.documents import JsonMap
from shared.executions import ExecutionState
from shared.ids import Ids
from shared.indexes import COMPOSITES, FIELDS
from shared.missions.audit import Audit
from shared.missions.chain import Happening
from shared.missions.records import MissionRecord
from shared.missions.repository import Change, Missions
from shared.missions.slices import SliceEngine
from shared.queue import Task
from shared.telemetry.rows import Row
from shared.telemetry.tracing import Tracing
from shared.tracks import SliceContext, SliceOutcome
from tests.support.clock import FrozenClock

REQUEST = MissionRequest(
    question="How many stations are there?", inputs=(MissionInput(uri="artifact:inputs/x/a.csv", kind="data", name="a.csv"),)
)


class House:
    """Stores and services as the runtime builds them, for one test."""

    def __init__(self, folder: Path, *, go_on_s: float = 0, packed: bool = False) -> None:
        """``packed``: small artifacts lie beside the documents, as in a platform of one's own; else all are files."""
        self.clock = FrozenClock()
        self.ids = Ids(self.clock, random.Random(7).randbytes)
        file = SqliteDocuments(folder / "kimera.sqlite3", indexes=FIELDS, composites=COMPOSITES)
        self.documents = DeclaredQueries(file)
        anchors = FolderArtifacts(folder / "artifacts")
        self.artifacts: ArtifactStore = PackedArtifacts(folder / "artifacts", file) if packed else anchors
        self.missions = Missions(self.documents, self.clock, self.ids)
        self.audit = Audit(self.documents, anchors, self.clock)
        self.telemetry = ListedSink()
        self.scratch = folder / "scratch"
        self.slices = SliceEngine(
            documents=self.documents,
            artifacts=self.artifacts,
            clock=self.clock,
            ids=self.ids,
            tracing=Tracing(),
            scratch=self.scratch,
            telemetry=self.telemetry,
            go_on_s=go_on_s,
        )
        self.queue = ListedQueue()
        self.executions = ListedExecutions()

    def close(self) -> None:
        self.documents.close()

    def claimed(self, request: MissionRequest = REQUEST, *, execution: str = "x1") -> tuple[str, ClaimResult]:
        """A mission that an execution has claimed at epoch 1."""
        from functions.lifecycle.dispatch import claim

        mission, _ = self.missions.create(request, owner="ann", idempotency_key=None)
        return mission.mission_id, claim(
            self.missions, self.clock, ClaimRequest(mission_id=mission.mission_id, epoch=1, execution=execution)
        )


def publish_report(house: House, mission_id: str, kind: FusionMode) -> None:
    """Let the mission name a report, as fusion does; its files are not there."""

    def decide(mission: MissionRecord, _: object) -> Change:
        version = len(mission.reports) + 1
        outcome, markdown, html = (f"artifact:missions/{mission_id}/reports/{version}/report.{form}" for form in ("json", "md", "html"))
        report = ReportVersion(
            version=version, kind=kind, outcome_uri=outcome, markdown_uri=markdown, html_uri=html, created_at=house.clock.now()
        )
        told = Happening("report.published", {"version": version, "mode": kind, "outcome": outcome, "files": {}})
        status = {"partial": FusionStatus.PARTIAL, "final": FusionStatus.FINAL, "upgrade": FusionStatus.UPGRADED}[kind]
        return Change(mission.model_copy(update={"reports": (*mission.reports, report), "fusion_status": status}), [told])

    house.missions.change(mission_id, "fusion", decide)


@dataclass
class ListedQueue:
    """A ``TaskQueue`` that keeps what was enqueued, one task for each name."""

    tasks: dict[str, Task] = field(default_factory=dict)

    def enqueue(self, task: Task) -> None:
        self.tasks.setdefault(task.name, task)

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class ListedSink:
    """A ``TelemetrySink`` that keeps what it was told."""

    rows: list[Row] = field(default_factory=list)
    lost: int = 0

    def write(self, rows: Sequence[Row]) -> None:
        self.rows += rows

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class ListedExecutions:
    """A ``WorkflowExecutions`` whose executions a test carries out by hand."""

    started: list[JsonMap] = field(default_factory=list)
    states: dict[str, ExecutionState] = field(default_factory=dict)
    labels: list[Mapping[str, str]] = field(default_factory=list)
    fail_with: list[Exception] = field(default_factory=list)
    """What the next starts raise."""

    def start(self, argument: JsonMap, labels: Mapping[str, str]) -> str:
        if self.fail_with:
            raise self.fail_with.pop(0)
        self.started.append(argument)
        self.labels.append(labels)
        name = f"x{len(self.started)}"
        self.states[name] = ExecutionState.ACTIVE
        return name

    def state(self, name: str) -> ExecutionState:
        return self.states.get(name, ExecutionState.FAILED)

    def cancel(self, name: str) -> None:
        self.states[name] = ExecutionState.CANCELLED

    def close(self) -> None:
        """Nothing is held."""


class Count(BaseModel):
    """The state of ``CountingTrack``."""

    done: int = 0


class CountingTrack:
    """A track of ``slices`` slices that counts how often each was worked on."""

    state_type = Count

    def __init__(self, slices: int = 3) -> None:
        self.slices = slices
        self.worked: list[int] = []
        self.fail_with: list[Exception] = []

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        self.worked.append(context.seq)
        if self.fail_with:
            raise self.fail_with.pop()
        state = Count(done=state.done + 1)
        if state.done >= self.slices:
            return self.close(context, state, "")
        return SliceOutcome(state, progress=f"{state.done} of {self.slices}")

    def close(self, context: SliceContext, state: Count, reason: str) -> SliceOutcome[Count]:
        now = context.clock.now()
        package = AnalyticalReportPackage(
            question=context.request.question,
            sub_questions=(SubQuestion(id="q1", text=context.request.question),),
            answers=(),
            limitations=(f"{state.done} slices", reason),
            lineage=Lineage(
                mission_id=context.mission_id,
                track=context.track,
                attempt=context.attempt,
                epoch=context.epoch,
                started_at=now,
                finished_at=now,
            ),
        )
        return SliceOutcome(state, package=package)


def step(
    mission_id: str, seq: int, *, epoch: int = 1, execution: str = "x1", close: str | None = None, track: Track = Track.DS_STAR
) -> StepRequest:
    """A call of the workflow for one slice."""
    return StepRequest(mission_id=mission_id, epoch=epoch, execution=execution, track=track, attempt=1, seq=seq, close=close)
