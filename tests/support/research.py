"""Runs the research track slice by slice on real stores, without a mission around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from functions.deep_research.state import ResearchState
from functions.deep_research.track import DeepResearchTrack
from schemas.evidence import ResearchEvidencePackage
from schemas.mission import MissionInput, MissionRequest, ResearchOptions, Track, Tracks
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sqlite_knowledge import SqliteKnowledge
from shared.artifacts import Artifact
from shared.documents import Json
from shared.models.asking import Models
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from shared.scratch import Scratch
from shared.tracks import SliceContext, SliceOutcome
from shared.web.fetch import WebFetch
from tests.support.clock import FrozenClock

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class ResearchBench:
    """Stores in a folder, and a way to run one mission's research to its package."""

    sandbox: CodeSandbox
    folder: Path
    artifacts: FolderArtifacts = field(init=False)
    graph: SqliteKnowledge = field(init=False)
    outcomes: list[SliceOutcome[ResearchState]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What the slices said they were at."""

    def __post_init__(self) -> None:
        self.artifacts = FolderArtifacts(self.folder / "artifacts")
        self.graph = SqliteKnowledge(self.folder / "knowledge.sqlite3")

    def given(self, *files: Path) -> tuple[MissionInput, ...]:
        """The files as a mission's documents."""
        return tuple(self._given(path) for path in files)

    def _given(self, path: Path) -> MissionInput:
        stored: Artifact = self.artifacts.put_file(f"inputs/{path.name}", path)
        return MissionInput(uri=stored.uri, kind="document", name=path.name, sha256=stored.sha256, size=stored.size)

    def run(
        self,
        question: str,
        documents: Sequence[MissionInput] = (),
        *,
        mission: str = "m_1",
        owner: str = "me",
        space: str = "default",
        time_left: Callable[[], float] = lambda: 30.0,
        models: Callable[[int], Models | None] = lambda seq: None,
        max_rounds: int = 10,
    ) -> ResearchEvidencePackage:
        """All slices to the package; the state passes through JSON between two, as the slice engine has it."""
        tracks = Tracks(deep_research=ResearchOptions(max_rounds=max_rounds))
        request = MissionRequest(question=question, inputs=tuple(documents), knowledge_space=space, tracks=tracks)
        track = DeepResearchTrack(self.sandbox, self.graph, WebFetch())
        state = ResearchState()
        self.outcomes = []
        for seq in range(100):
            outcome = track.step(self.context(request, mission, owner, seq, time_left, models(seq)), state)
            self.outcomes.append(outcome)
            if outcome.package is not None:
                assert isinstance(outcome.package, ResearchEvidencePackage)
                return outcome.package
            state = ResearchState.model_validate_json(outcome.state.model_dump_json())
        raise AssertionError("the track does not end")

    def context(
        self,
        request: MissionRequest,
        mission: str,
        owner: str,
        seq: int,
        time_left: Callable[[], float],
        models: Models | None = None,
    ) -> SliceContext:
        """What a slice is given."""
        workdir = self.folder / "work" / f"{mission}-{seq}-{len(list((self.folder).glob('work/*')))}"
        workdir.mkdir(parents=True)
        return SliceContext(
            mission_id=mission,
            owner=owner,
            track=Track.DEEP_RESEARCH,
            attempt=1,
            seq=seq,
            epoch=1,
            request=request,
            artifacts=self.artifacts,
            clock=FrozenClock(START),
            scratch=Scratch(workdir),
            time_left=time_left,
            models=models,
            doing=self.said.append,
        )

    @property
    def flags(self) -> set[str]:
        """The flags that the slices of the last run raised."""
        return {flag for outcome in self.outcomes for flag in outcome.flags}

    def notes(self, kind: str) -> list[dict[str, Json]]:
        """What the slices of the last run told of one kind."""
        return [note.detail for outcome in self.outcomes for note in outcome.notes if note.kind == kind]

    def check_citations(self, package: ResearchEvidencePackage) -> None:
        """Invariant 5: every quote stands at its offsets in the stored text, whose digest is the recorded one."""
        import hashlib

        sources = {source.id: source for source in package.sources}
        for evidence in package.evidence:
            source = sources[evidence.source_id]
            data = self.artifacts.get(source.text_uri)
            assert hashlib.sha256(data).hexdigest() == source.text_sha256 == evidence.text_sha256
            assert data.decode()[evidence.start : evidence.end] == evidence.quote
        quotes = {evidence.id: evidence.quote for evidence in package.evidence}
        for claim in package.claims:
            assert claim.evidence_ids
            if claim.prompt_version is None:
                assert claim.support in ("verbatim", "unchecked")
                assert all(claim.text in quotes[i] for i in claim.evidence_ids)


class NoSandbox:
    """A sandbox for runs that must not need one: everything is in the cache."""

    reads_artifacts = False

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        raise AssertionError("nothing may be parsed here")

    def check(self) -> None:
        raise AssertionError("nothing may be parsed here")

    def expect(self) -> None:
        raise AssertionError("nothing may be parsed here")
