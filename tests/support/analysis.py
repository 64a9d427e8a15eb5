"""A mission's analysis with models: the real track, sandbox and store over a script of answers."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import lru_cache
from itertools import count
from pathlib import Path

from functions.ds_star.state import DsStarState
from functions.ds_star.track import DsStarTrack
from schemas.analysis import AnalyticalReportPackage
from schemas.mission import MissionInput, MissionRequest, Tier, Track, TrackOptions, Tracks
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.artifacts import ArtifactStore
from shared.clock import SystemClock
from shared.errors import BudgetRefused, ModelUnavailable
from shared.models.calls import ModelAnswer, ModelCall
from shared.models.desk import Desk
from shared.models.scripting import ScriptedAnswer
from shared.sandbox import CodeSandbox
from shared.scratch import Scratch
from shared.tracks import SliceContext, SliceOutcome
from tests.support.models import Scripted

HEIGHTS = "name,team,height_cm\n" + "".join(f"P{i},{'red' if i % 2 else 'blue'},{150 + (i * 7) % 40}\n" for i in range(30))
QUESTION = "What is the mean height by team? How many people are in each team?"
READ = """import csv, statistics
rows = list(csv.DictReader(open(inputs["heights.csv"])))
for team in sorted({row["team"] for row in rows if row["team"]}):
    group = [float(row["height_cm"]) for row in rows if row["team"] == team]
"""
MEANS = READ + '    record(f"mean height, {team} team", statistics.mean(group), "cm", n=len(group), filters=f"team is {team}")\n'
COUNTS = MEANS + '    record(f"people, {team} team", len(group), "people", n=len(group), filters=f"team is {team}")\n'
"""What a model might write; the standard library only, since an import of pandas takes longer than all the rest of a mission."""
SUFFICIENT = {"verdict": "sufficient", "answered": ["q1", "q2"]}
INSUFFICIENT = {"verdict": "insufficient", "missing": "The number of people is not recorded.", "answered": ["q1"]}
WORDED = {
    "findings": [
        {"question_id": "q1", "statement": "The mean height is {v1} in the blue team and {v3} in the red team."},
        {"question_id": "q2", "statement": "There are {v2} in the blue team and {v4} in the red team."},
    ],
    "answers": [{"question_id": "q1", "status": "answered"}, {"question_id": "q2", "status": "answered"}],
}


def say(role: str, answer: object, **more: object) -> ScriptedAnswer:
    return ScriptedAnswer.model_validate({"role": role, "answer": answer, **more})


def step(text: str, *questions: str) -> ScriptedAnswer:
    return say("planner", {"step": text, "question_ids": [*(questions or ("q1", "q2"))]})


def code(text: str) -> ScriptedAnswer:
    return say("coder", {"code": text})


def fix(text: str) -> ScriptedAnswer:
    return say("debugger", {"code": text})


_NUMBERS = count()


@lru_cache(maxsize=1)
def _described() -> Path:
    """One store for all missions of a test process: a file is described once."""
    folder = Path(tempfile.mkdtemp(prefix="kimera-analysis-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Refusing(Scripted):
    """Answers from its script, until this many calls of a role were answered; then it refuses as the chain would."""

    def __init__(self, role: str, answered: int, error: type[BudgetRefused | ModelUnavailable], *answers: ScriptedAnswer) -> None:
        super().__init__(*answers)
        self._refused, self._answered, self._error = role, answered, error

    def send(self, call: ModelCall) -> ModelAnswer:
        if call.key.role == self._refused and self._given[call.key.role] >= self._answered:
            raise self._error("there is no more")
        return super().send(call)


class Mission:
    """One mission's analysis with models; the state goes through JSON between its slices."""

    def __init__(
        self,
        sandbox: CodeSandbox,
        folder: Path,
        scripted: Scripted | None,
        *,
        question: str = QUESTION,
        files: dict[str, str | bytes] | None = None,
        max_rounds: int = 10,
    ) -> None:
        self.store: ArtifactStore = FolderArtifacts(_described())
        self.id = f"m{next(_NUMBERS)}"
        inputs = []
        for name, text in (files or {"heights.csv": HEIGHTS}).items():
            stored = self.store.put(f"inputs/{self.id}/{name}", text.encode() if isinstance(text, str) else text)
            inputs.append(MissionInput(uri=stored.uri, kind="data", name=name, sha256=stored.sha256))
        tracks = Tracks(ds_star=TrackOptions(max_rounds=max_rounds))
        self.request = MissionRequest(question=question, inputs=tuple(inputs), tracks=tracks, tier=Tier.STANDARD)
        self.track, self.scripted, self.folder = DsStarTrack(sandbox), scripted, folder / "slice"
        self.left = 30.0
        self.state = DsStarState()
        self.slices: list[SliceOutcome[DsStarState]] = []
        self.said: list[str] = []

    def context(self) -> SliceContext:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        seq = len(self.slices)
        desk: Desk | None = self.scripted.desk(seq) if self.scripted is not None else None
        clock, scratch, doing = SystemClock(), Scratch(self.folder), self.said.append
        return SliceContext(
            self.id, "o", Track.DS_STAR, 1, seq, 1, self.request, self.store, clock, scratch, lambda: self.left, desk, doing=doing
        )

    def step(self) -> SliceOutcome[DsStarState]:
        outcome = self.track.step(self.context(), self.state)
        self.slices.append(outcome)
        self.state = DsStarState.model_validate_json(outcome.state.model_dump_json())
        return outcome

    def package(self) -> AnalyticalReportPackage:
        while not self.slices or self.slices[-1].package is None:
            assert len(self.slices) < 60, "the mission does not end"
            self.step()
        package = self.slices[-1].package
        assert isinstance(package, AnalyticalReportPackage)
        return package

    def told(self, kind: str) -> list[dict[str, object]]:
        return [dict(note.detail) for outcome in self.slices for note in outcome.notes if note.kind == kind]

    def roles(self) -> list[str]:
        assert self.scripted is not None
        return [call.key.role for call in self.scripted.calls]


def ends_with_no_invented_figure(package: AnalyticalReportPackage) -> None:
    """Invariant 6: no finding holds a digit but in its slots and names that were recorded or asked for."""
    values = {v.id: v for v in package.values}
    for finding in package.findings:
        assert finding.value_ids and set(finding.value_ids) <= values.keys()
        assert any("{" + i + "}" in finding.statement for i in finding.value_ids)
