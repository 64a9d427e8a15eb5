"""Publishing a report: from a mission's documents to fusion and back, once for each stage the report goes through."""

from __future__ import annotations

from dataclasses import replace

from functions.fusion.service import Fusion, FusionInputs, FusionPublication
from schemas.analysis import AnalyticalReportPackage
from schemas.evidence import ResearchEvidencePackage
from schemas.fusing import FuseRequest, FuseResult
from schemas.fusion import TrackHandoff
from schemas.mission import FusionMode, FusionStatus, MissionRequest, ReportVersion, Track, TrackStatus
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.crash_points import reached
from shared.documents import Json
from shared.errors import AlreadyExists, Busy, Conflict, StaleEpoch
from shared.ledger.spending import Spending
from shared.missions.chain import FILES, Happening
from shared.missions.contents import PUBLISHED
from shared.missions.machine import check_fusion
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions, fence
from shared.missions.view import mission_flags
from shared.models.access import ModelAccess, OpenSlice
from shared.telemetry.rows import report_row
from shared.telemetry.sink import NOWHERE, TelemetrySink
from shared.times import CHECKPOINT_SHARE, SLICE_BUDGET_S

_STATUS_AFTER: dict[FusionMode, FusionStatus] = {
    "partial": FusionStatus.PARTIAL,
    "final": FusionStatus.FINAL,
    "upgrade": FusionStatus.UPGRADED,
}
_ALREADY_COVERED: dict[FusionMode, set[FusionStatus]] = {
    "partial": {FusionStatus.PARTIAL, FusionStatus.FINAL, FusionStatus.UPGRADED},
    "final": {FusionStatus.FINAL, FusionStatus.UPGRADED},
    "upgrade": set(),
}
_RUNNING_FLAGS = {Track.DEEP_RESEARCH: "research_running", Track.DS_STAR: "analysis_running"}
_SPARE_VERSIONS = 3
_BUSY_RETRY_S = 1.0


class Publisher:
    """Makes the report that is due and enters it into the mission."""

    def __init__(
        self,
        missions: Missions,
        artifacts: ArtifactStore,
        fusion: Fusion,
        clock: Clock,
        models: ModelAccess | None = None,
        telemetry: TelemetrySink = NOWHERE,
    ) -> None:
        self._missions = missions
        self._artifacts = artifacts
        self._fusion = fusion
        self._clock = clock
        self._models = models
        self._telemetry = telemetry

    def fuse(self, request: FuseRequest) -> FuseResult:
        """The report that now stands. A stage that the report is past already publishes nothing.

        Raises ``StaleEpoch`` for an execution that does not own the mission, ``Busy`` where another delivery of the same request took
        over in the midst of it, and ``IllegalTransition``.
        """
        mission = self._missions.get(request.mission_id)
        fence(mission, request)
        tracks = self._missions.tracks(mission)
        if _covered(mission, tracks, request.mode):
            return _standing(mission, f"the report is {mission.fusion_status} already")
        check_fusion(mission.fusion_status, _STATUS_AFTER[request.mode])
        if request.mode == "upgrade" and not self._improves(mission, tracks):
            return _standing(mission, "the late track added nothing")
        began = self._clock.monotonic()
        try:
            publication = self._make(mission, tracks, request)
        except StaleEpoch as error:
            fence(self._missions.get(request.mission_id), request)
            # To the workflow, 409 means that it was replaced. This execution was not: another delivery of its request goes on.
            raise Busy(f"Another call makes this report of {request.mission_id}.", retry_after_s=_BUSY_RETRY_S) from error
        reached("report.stored")
        published = self._enter(request, publication)
        reached("report.published")
        seconds, report = self._clock.monotonic() - began, publication.report
        self._telemetry.write([report_row(published, version=report.version, mode=request.mode, seconds=seconds, at=published.updated_at)])
        return _standing(published, "", report=publication.report)

    def _make(self, mission: MissionRecord, tracks: dict[Track, TrackRecord], request: FuseRequest) -> FusionPublication:
        """Fuse what the tracks handed off. A version that a dead call left behind in another mode is passed over."""
        first = _next_version(mission)
        for version in range(first, first + _SPARE_VERSIONS):
            opened = self._open(mission, version, request)
            inputs = self._inputs(mission, tracks, request.mode, version)
            inputs = inputs.model_copy(update={"flags": tuple(dict.fromkeys((*inputs.flags, *opened.frozen)))})
            try:
                made = self._fusion.fuse(inputs, opened.models)
            except AlreadyExists:
                continue
            return replace(made, files={**made.files, **opened.answers})
        raise Conflict(f"{_SPARE_VERSIONS} versions of the report of {mission.mission_id} are taken by another mode.")

    def _open(self, mission: MissionRecord, version: int, request: FuseRequest) -> OpenSlice:
        """The models of this version of the report. A partial one is replaced soon, and who asked to stop pays for nothing more."""
        if self._models is None or request.mode == "partial" or mission.cancel_requested:
            return OpenSlice()
        began = self._clock.monotonic()
        return self._models.open(
            mission,
            self._models.begin_fusion(mission, version, request.epoch),
            time_left=lambda: SLICE_BUDGET_S * CHECKPOINT_SHARE - (self._clock.monotonic() - began),
        )

    def _improves(self, mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> bool:
        """Whether the tracks have more to say than the last report; never for somebody who asked to stop."""
        if mission.cancel_requested:
            return False
        inputs = self._inputs(mission, tracks, "upgrade", _next_version(mission))
        return self._fusion.adds_to(mission.reports[-1].version, inputs)

    def _inputs(self, mission: MissionRecord, tracks: dict[Track, TrackRecord], mode: FusionMode, version: int) -> FusionInputs:
        research, analysis = tracks[Track.DEEP_RESEARCH], tracks[Track.DS_STAR]
        return FusionInputs(
            mission_id=mission.mission_id,
            request=mission.request,
            mode=mode,
            version=version,
            research=ResearchEvidencePackage.model_validate_json(self._artifacts.get(research.handoff_uri))
            if research.handoff_uri
            else None,
            research_handoff=_handoff(research, mission.request),
            analysis=AnalyticalReportPackage.model_validate_json(self._artifacts.get(analysis.handoff_uri))
            if analysis.handoff_uri
            else None,
            analysis_handoff=_handoff(analysis, mission.request),
            flags=_flags(mission, tracks, self._missions.spent(mission)),
            previous_outcome_uri=mission.reports[-1].outcome_uri if mission.reports else None,
            created_at=self._clock.now(),
        )

    def _enter(self, request: FuseRequest, publication: FusionPublication) -> MissionRecord:
        report = publication.report
        status = _STATUS_AFTER[request.mode]

        def decide(mission: MissionRecord, tracks: dict[Track, TrackRecord]) -> Change | None:
            if _covered(mission, tracks, request.mode) or any(r.version >= report.version for r in mission.reports):
                return None
            check_fusion(mission.fusion_status, status)
            detail: dict[str, Json] = {
                "version": report.version,
                "mode": request.mode,
                "outcome": report.outcome_uri,
                "sha256": publication.files[report.outcome_uri],
                FILES: dict(publication.files),
            }
            if publication.outcome.flags:
                detail["flags"] = [*publication.outcome.flags]
            formats = {uri: publication.files[uri] for uri in (report.outcome_uri, report.markdown_uri, report.html_uri)}
            changed = mission.model_copy(
                update={
                    "fusion_status": status,
                    "reports": (*mission.reports, report),
                    "published": mission.published | formats,
                    "flags": publication.outcome.flags,
                }
            )
            return Change(changed, [Happening(PUBLISHED, detail)])

        return self._missions.change(request.mission_id, "fusion", decide, caller=request)


def _covered(mission: MissionRecord, tracks: dict[Track, TrackRecord], mode: FusionMode) -> bool:
    """Whether the report that stands says all that this one would.

    A partial one that tells of a track as running does not, once that track was given up: no other would replace it.
    """
    if mode == "partial" and mission.fusion_status is FusionStatus.PARTIAL:
        ended = (TrackStatus.FAILED, TrackStatus.CANCELLED)
        return not any(tracks[track].status in ended and flag in mission.flags for track, flag in _RUNNING_FLAGS.items())
    return mission.fusion_status in _ALREADY_COVERED[mode]


def _next_version(mission: MissionRecord) -> int:
    return mission.reports[-1].version + 1 if mission.reports else 1


def _handoff(track: TrackRecord, request: MissionRequest) -> TrackHandoff:
    if track.handoff_uri is not None:
        return TrackHandoff(status=track.status)
    if not request.tracks.options(track.track).enabled:
        why = "it was not asked for"
    elif track.error is not None:
        why = track.error.message
    elif track.status is TrackStatus.RUNNING:
        why = "it is still running"
    else:
        why = "it did not begin"
    return TrackHandoff(status=track.status, missing_because=why)


def _flags(mission: MissionRecord, tracks: dict[Track, TrackRecord], spent: Spending) -> tuple[str, ...]:
    flags = mission_flags(mission, tracks, spent)
    return tuple(dict.fromkeys((*flags, "cancelled"))) if mission.cancel_requested else flags


def _standing(mission: MissionRecord, reason: str, *, report: ReportVersion | None = None) -> FuseResult:
    last = mission.reports[-1]
    return FuseResult(version=last.version, mode=last.kind, published=report is not None and report.version == last.version, reason=reason)
