"""``Fusion``: from two handoffs to a stored report. What it reads is stored before anything is rendered; a repeat gives the same report.

Epochs, mission documents and events are the caller's; this class writes artifacts only, each under a key that holds the version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from functions.fusion.alignment import align
from functions.fusion.bundle import read_files
from functions.fusion.compose import compose
from functions.fusion.modelling import model_work
from functions.fusion.news import has_news
from functions.fusion.quotes import check_quotes
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from schemas.analysis import AnalyticalReportPackage
from schemas.base import Contract, Timestamp
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import FusionInputPackage, ModelWork, TrackHandoff
from schemas.mission import FusionMode, MissionRequest, ReportVersion
from schemas.outcome import MissionOutcomePackage
from shared.artifacts import SCHEME, Artifact, ArtifactStore
from shared.errors import AlreadyExists, NotFound
from shared.models.asking import Models
from shared.version import VERSION

Spent = Callable[[str], Mapping[str, int]]
"""What a mission has spent by now: micro-dollars by account."""

PACKAGE, ALIGNMENT, OUTCOME, MARKDOWN, HTML = "fusion-input.json", "alignment.json", "report.json", "report.md", "report.html"


class FusionInputs(Contract):
    """What a report is asked for. A missing package needs its handoff to say why."""

    mission_id: str
    request: MissionRequest
    mode: FusionMode
    version: int
    research: ResearchEvidencePackage | None = None
    research_handoff: TrackHandoff
    analysis: AnalyticalReportPackage | None = None
    analysis_handoff: TrackHandoff
    flags: tuple[str, ...] = ()
    previous_outcome_uri: str | None = None
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class FusionPublication:
    """A report that is stored. ``published`` is false where the same version stood there already."""

    report: ReportVersion
    outcome: MissionOutcomePackage
    package_uri: str
    alignment_uri: str
    published: bool
    files: Mapping[str, str]
    """The sha256 of each of its files and of what it was made from, by address."""


class Fusion:
    """Aligns, stores what it aligned, composes and renders, stores the report."""

    def __init__(self, artifacts: ArtifactStore, *, spent: Spent = lambda _: {}, kimera_version: str = VERSION) -> None:
        self._artifacts = artifacts
        self._spent = spent
        self._kimera_version = kimera_version

    def fuse(self, inputs: FusionInputs, models: Models | None = None) -> FusionPublication:
        """The report of this version, made now or found stored. The first call's inputs hold: a repeat's differing ones are not used.

        ``AlreadyExists`` where the version belongs to another mode; errors of the store as they are.
        """
        folder = _folder(inputs.mission_id, inputs.version)
        package, kept = self._package(folder, inputs, models)
        alignment = self._put(f"{folder}/{ALIGNMENT}", package.alignment.model_dump_json(indent=2).encode(), "application/json")
        stored = self._find(f"{folder}/{OUTCOME}")
        if stored is not None:
            outcome = MissionOutcomePackage.model_validate_json(self._artifacts.get(stored.uri))
        else:
            outcome = compose(package, previous=self._previous(package), kimera_version=self._kimera_version)
        files = read_files(outcome, self._artifacts)
        markdown = self._put(f"{folder}/{MARKDOWN}", render_markdown(outcome, files).encode(), "text/markdown; charset=utf-8")
        html = self._put(f"{folder}/{HTML}", render_html(outcome, files).encode(), "text/html; charset=utf-8")
        # The outcome last: where it stands, the whole version stands.
        saved = self._put(f"{folder}/{OUTCOME}", render_json(outcome).encode(), "application/json")
        report = ReportVersion(
            version=package.version,
            kind=package.mode,
            outcome_uri=saved.uri,
            markdown_uri=markdown.uri,
            html_uri=html.uri,
            created_at=package.created_at,
        )
        files_of_it = {file.uri: file.sha256 for file in (saved, markdown, html, kept, alignment)}
        return FusionPublication(report, outcome, kept.uri, alignment.uri, published=stored is None, files=files_of_it)

    def adds_to(self, version: int, inputs: FusionInputs) -> bool:
        """Whether these inputs say something that the stored report of ``version`` does not hold. Errors of the store as they are."""
        stored = self._artifacts.get(f"{SCHEME}{_folder(inputs.mission_id, version)}/{PACKAGE}")
        return has_news(FusionInputPackage.model_validate_json(stored), self._aligned(inputs))

    def _aligned(self, inputs: FusionInputs, models: Models | None = None) -> FusionInputPackage:
        research = check_quotes(inputs.research, self._artifacts) if inputs.research else None
        work: ModelWork | None = None
        if models is None:
            alignment = align(research, inputs.analysis)
        else:
            work, alignment = model_work(models, inputs.request, research, inputs.analysis)
        return FusionInputPackage(
            mission_id=inputs.mission_id,
            request=inputs.request,
            mode=inputs.mode,
            version=inputs.version,
            research=research,
            research_handoff=inputs.research_handoff,
            analysis=inputs.analysis,
            analysis_handoff=inputs.analysis_handoff,
            alignment=alignment,
            model_work=work,
            flags=tuple(dict.fromkeys((*inputs.flags, *(models.flags() if models else ())))),
            cost_per_account=dict(self._spent(inputs.mission_id)),
            previous_outcome_uri=inputs.previous_outcome_uri,
            created_at=inputs.created_at,
        )

    def _package(self, folder: str, inputs: FusionInputs, models: Models | None) -> tuple[FusionInputPackage, Artifact]:
        """The stored input package of this version; it is made and stored where there is none."""
        key = f"{folder}/{PACKAGE}"
        stored = self._find(key)
        if stored is None:
            stored = self._put(key, self._aligned(inputs, models).model_dump_json().encode(), "application/json")
        package = FusionInputPackage.model_validate_json(self._artifacts.get(stored.uri))
        if package.mode != inputs.mode:
            raise AlreadyExists(
                f"Report version {inputs.version} of mission {inputs.mission_id} is a {package.mode} report, not a {inputs.mode} one.",
                remedy="Ask for the next version.",
            )
        return package, stored

    def _previous(self, package: FusionInputPackage) -> MissionOutcomePackage | None:
        if package.previous_outcome_uri is None:
            return None
        return MissionOutcomePackage.model_validate_json(self._artifacts.get(package.previous_outcome_uri))

    def _find(self, key: str) -> Artifact | None:
        try:
            return self._artifacts.stat(SCHEME + key)
        except NotFound:
            return None

    def _put(self, key: str, data: bytes, media_type: str) -> Artifact:
        """Store the bytes if the key is free; what an earlier call (perhaps of an older KIMERA) stored there stays."""
        try:
            return self._artifacts.put(key, data, media_type=media_type)
        except AlreadyExists:
            return self._artifacts.stat(SCHEME + key)


def _folder(mission_id: str, version: int) -> str:
    return f"missions/{mission_id}/reports/v{version}"
