"""The analysis track, slice by slice, over the real sandbox."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from functions.ds_star.state import DsStarState
from functions.ds_star.tables import tables_of
from functions.ds_star.track import DsStarTrack
from schemas.analysis import AnalyticalReportPackage
from schemas.mission import InputKind, MissionInput, MissionRequest, Track
from shared.adapters.bubblewrap_sandbox import BubblewrapSandbox
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.adapters.sandbox_python import find_sandbox_python
from shared.artifacts import ArtifactStore
from shared.clock import SystemClock
from shared.errors import SandboxUnavailable
from shared.reading.document import ExtractedDocument, ExtractedTable
from shared.sandbox import CodeSandbox
from shared.scratch import Scratch
from shared.tracks import SliceContext, SliceOutcome
from tests.support.components import missing

ROOT = Path(__file__).resolve().parents[2]
HEIGHTS = "name,team,height_cm\n" + "".join(f"P{i},{'red' if i % 2 else 'blue'},{150 + (i * 7) % 40}\n" for i in range(30))
Slice = Callable[[DsStarState, int], SliceOutcome[DsStarState]]


@pytest.fixture(scope="module")
def sandbox() -> CodeSandbox:
    """A sandbox that works."""
    try:
        adapter = BubblewrapSandbox(find_sandbox_python(os.environ, ROOT))
        adapter.check()
    except SandboxUnavailable as unavailable:
        missing("bubblewrap", str(unavailable))
    return adapter


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    return FolderArtifacts(tmp_path_factory.mktemp("artifacts"))


def given(store: ArtifactStore, name: str, data: bytes, kind: InputKind = "data") -> MissionInput:
    digest = hashlib.sha256(data).hexdigest()
    return MissionInput(uri=store.put(f"inputs/{digest}/{name}", data).uri, kind=kind, name=name, sha256=digest)


class Mission:
    """One mission's analysis: ``slices`` are its outcomes, with the state going through JSON between them."""

    def __init__(
        self, sandbox: CodeSandbox, store: ArtifactStore, workdir: Path, request: MissionRequest, *, hurried: bool = False
    ) -> None:
        self.track, self.store, self.workdir, self.request, self.hurried = DsStarTrack(sandbox), store, workdir, request, hurried
        self.state = self.track.state_type()
        self.slices: list[SliceOutcome[DsStarState]] = []
        self.said: list[str] = []

    def context(self) -> SliceContext:
        folder = self.workdir / "slice"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        left = 0.0 if self.hurried else 30.0
        clock, scratch, doing = SystemClock(), Scratch(folder), self.said.append
        seq = len(self.slices)
        return SliceContext("m", "o", Track.DS_STAR, 1, seq, 1, self.request, self.store, clock, scratch, lambda: left, doing=doing)

    def step(self) -> SliceOutcome[DsStarState]:
        outcome = self.track.step(self.context(), self.state)
        self.slices.append(outcome)
        self.state = DsStarState.model_validate_json(outcome.state.model_dump_json())
        return outcome

    def close(self, reason: str) -> AnalyticalReportPackage:
        package = self.track.close(self.context(), self.state, reason).package
        assert isinstance(package, AnalyticalReportPackage)
        return package

    def package(self) -> AnalyticalReportPackage:
        while not self.slices or self.slices[-1].package is None:
            self.step()
        package = self.slices[-1].package
        assert isinstance(package, AnalyticalReportPackage)
        return package


def test_without_data_files_nothing_is_calculated_and_nothing_fails(sandbox: CodeSandbox, store: ArtifactStore, tmp_path: Path) -> None:
    package = Mission(sandbox, store, tmp_path, MissionRequest(question="What is the mean height? And why?")).package()
    assert [(a.question_id, a.status) for a in package.answers] == [("q1", "not_answered"), ("q2", "not_answered")]
    assert "no data files" in package.answers[0].note


def test_a_language_without_a_lexicon_is_refused_by_name(sandbox: CodeSandbox, store: ArtifactStore, tmp_path: Path) -> None:
    request = MissionRequest(question="Wie hoch ist der Mittelwert?", inputs=(given(store, "heights.csv", HEIGHTS.encode()),))
    package = Mission(sandbox, store, tmp_path, request).package()
    assert [a.status for a in package.answers] == ["not_understood"]
    assert "English" in package.answers[0].note


@pytest.mark.bubblewrap
def test_a_mission_ends_with_values_findings_scripts_and_what_it_refused(
    sandbox: CodeSandbox, store: ArtifactStore, tmp_path: Path
) -> None:
    question = "What is the mean height by team, and why? Is height different between the teams?"
    request = MissionRequest(question=question, inputs=(given(store, "heights.csv", HEIGHTS.encode()),))
    package = Mission(sandbox, store, tmp_path, request).package()
    assert [a.status for a in package.answers] == ["answered", "not_answered", "answered"]
    assert package.answers[0].reading == "I read this as mean(height_cm) by team; change it with --measure, --by, --time"
    assert len(package.answers[1].suggestions) == 3
    assert package.evidence_requests == (), "why is a part of the question, which research looks for anyway"
    used = {i for f in package.findings for i in f.value_ids}
    assert used <= {v.id for v in package.values}
    assert all("{" + i + "}" in f.statement or f.test for f in package.findings for i in f.value_ids[:1])
    assert {a.kind for a in package.artifacts} == {"script", "chart", "table"}
    assert all(store.get(a.uri) for a in package.artifacts)
    assert [r.verdict for r in package.rounds] == ["sufficient", "refused", "sufficient"]
    tested = [f.test for f in package.findings if f.test is not None]
    assert tested
    assert all(t.p is not None and t.p_adjusted is not None and t.p_adjusted >= t.p for t in tested)


@pytest.mark.bubblewrap
def test_a_closed_mission_gives_what_there_is_and_says_why(sandbox: CodeSandbox, store: ArtifactStore, tmp_path: Path) -> None:
    question = "What is the mean height? What is the median height?"
    mission = Mission(sandbox, store, tmp_path, MissionRequest(question=question, inputs=(given(store, "heights.csv", HEIGHTS.encode()),)))
    assert mission.close("cancelled").lineage.closed_because == "cancelled"
    mission.step()
    mission.step()
    package = mission.close("the deadline has passed")
    assert [a.status for a in package.answers] == ["answered", "not_answered"]
    assert "the deadline has passed" in package.answers[1].note


@pytest.mark.bubblewrap
def test_without_time_left_each_slice_does_one_thing_and_the_result_is_the_same(
    sandbox: CodeSandbox, store: ArtifactStore, tmp_path: Path
) -> None:
    inputs = (given(store, "heights.csv", HEIGHTS.encode()), given(store, "bad.csv", b""))
    request = MissionRequest(question="What is the mean height?", inputs=inputs)
    hurried, calm = (Mission(sandbox, store, tmp_path, request, hurried=h) for h in (True, False))
    first, second = hurried.package(), calm.package()
    assert len(hurried.slices) > len(calm.slices)
    assert first.model_copy(update={"lineage": second.lineage}) == second
    assert first.answers[0].status == "answered"
    assert any("bad.csv" in limit for limit in first.limitations)
    assert "data_unreadable" in first.flags


@pytest.mark.bubblewrap
def test_a_file_that_is_damaged_once_it_was_described_is_named_and_the_rest_is_answered(sandbox: CodeSandbox, tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path / "own")
    scores = given(store, "scores.csv", b"player,score\nAnn,1\nBob,2\nCarl,6\n")
    heights = given(store, "heights.csv", HEIGHTS.encode())
    request = MissionRequest(question="What is the mean height? What is the mean score?", inputs=(heights, scores))
    mission = Mission(sandbox, store, tmp_path, request)
    mission.step()
    (stored,) = (tmp_path / "own" / "objects").rglob("heights.csv@/heights.csv")
    stored.chmod(0o644)
    stored.write_bytes(b"other")
    package = mission.package()
    assert [a.status for a in package.answers] == ["not_answered", "answered"]
    assert "heights.csv could not be read: it is damaged" in package.answers[0].note
    assert "data_unreadable" in package.flags
    assert str(tmp_path) not in package.model_dump_json()


def test_tables_of_a_document_become_data_files_and_layouts_do_not() -> None:
    rows = (("year", "visitors"), ("2019", "1200"), ("2020", "400"))
    document = ExtractedDocument(
        sha256="0" * 64,
        media_type="application/pdf",
        text="",
        text_sha256="0" * 64,
        tables=(ExtractedTable(rows=rows, page=3), ExtractedTable(rows=(("Contents", ""), ("Intro", "")), page=3)),
    )
    assert tables_of("report.pdf", document) == [("report.pdf p. 3 table 1.csv", b"year,visitors\n2019,1200\n2020,400\n")]
