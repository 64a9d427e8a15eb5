"""Runs tasks end to end through ``DsStarTrack`` and the real sandbox, and scores what comes back."""

from __future__ import annotations

import hashlib
import math
import re
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from functions.ds_star.analyzer import DataInput, analyze_file
from functions.ds_star.execute import run_operation
from functions.ds_star.reader.read import read_question
from functions.ds_star.reader.reading import Reading
from functions.ds_star.track import DsStarTrack
from schemas.analysis import AnalyticalReportPackage, FileDescription
from schemas.evidence import SubQuestion
from schemas.mission import MissionInput, MissionRequest, ReadingHints, Track
from shared.artifacts import ArtifactStore
from shared.clock import Clock
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from shared.scratch import Scratch
from shared.tracks import SliceContext
from tests.quality.extractive.shared_runs import SharedRuns
from tests.quality.extractive.tasks import Task

MAX_SLICES = 40


@dataclass(frozen=True)
class Bench:
    """What a run of the suite needs: the sandbox, the store, a clock, and the folder with the tables."""

    sandbox: CodeSandbox
    artifacts: ArtifactStore
    clock: Clock
    tables: Path
    workdir: Path


class _Catcher:
    """Keeps the jobs that it is asked to run, and runs none."""

    reads_artifacts = False

    def __init__(self) -> None:
        self.jobs: list[SandboxJob] = []

    def check(self) -> None:
        """Nothing to check."""

    def expect(self) -> None:
        """Nothing to begin."""

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """Keep the job."""
        self.jobs.append(job)
        return SandboxResult("error", 1, "", "", "", (), None, (), 0.0, 0.0, 0.0, ())


def prepared(bench: Bench, tasks: Sequence[Task]) -> SharedRuns:
    """A sandbox that has carried out the operations of all ``tasks`` already, those over the same files in one run."""
    shared = SharedRuns(bench.sandbox, bench.workdir)
    jobs: dict[tuple[str, ...], list[SandboxJob]] = {}
    for task in tasks:
        data = [DataInput.of(bench.tables / name) for name in task.inputs]
        described = [analyze_file(bench.sandbox, bench.artifacts, d, bench.workdir) for d in data]
        reading = read_question(SubQuestion(id="q1", text=task.question), described, ReadingHints())
        if not isinstance(reading, Reading):
            continue
        catcher = _Catcher()
        for spec in reading.specs:
            run_operation(catcher, spec, {d.file: d for d in described}, data, bench.workdir / "unused")
        for job in catcher.jobs:
            jobs.setdefault(tuple(i.name for i in job.inputs), []).append(job)
    with ThreadPoolExecutor(max_workers=2) as pool:
        list(pool.map(shared.prepare, sorted(jobs.values(), key=len, reverse=True)))
    return shared


def run_mission(bench: Bench, sandbox: CodeSandbox, question: str, names: Sequence[str]) -> AnalyticalReportPackage:
    """The package of the analysis track over ``names``, slice by slice, with the state going through JSON between them."""
    inputs = []
    for name in names:
        data = (bench.tables / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        stored = bench.artifacts.put(f"inputs/{digest}/{name}", data)
        inputs.append(MissionInput(uri=stored.uri, kind="data", name=name, sha256=digest))
    request = MissionRequest(question=question, inputs=tuple(inputs))
    track = DsStarTrack(sandbox)
    state = track.state_type()
    for seq in range(MAX_SLICES):
        folder = bench.workdir / "slice"
        folder.mkdir()
        try:
            context = SliceContext(
                "suite", "suite", Track.DS_STAR, 1, seq, 1, request, bench.artifacts, bench.clock, Scratch(folder), lambda: 60.0
            )
            outcome = track.step(context, state)
        finally:
            shutil.rmtree(folder)
        if isinstance(outcome.package, AnalyticalReportPackage):
            return outcome.package
        state = track.state_type.model_validate_json(outcome.state.model_dump_json())
    raise AssertionError(f"the track did not end within {MAX_SLICES} slices: {question}")


def failures(task: Task, package: AnalyticalReportPackage) -> list[str]:
    """What is wrong with the package, by the task's checks; empty where all is right."""
    answered = [a for a in package.answers if a.status in ("answered", "partial")]
    if task.refuse:
        return [f"answered: {a.reading}" for a in answered]
    if not answered:
        return [f"refused: {a.note}" for a in package.answers]
    wrong: list[str] = []
    operations = {run.script.split("-", 1)[-1].removesuffix(".py") for run in package.runs}
    if task.operation not in operations:
        wrong.append(f"operation {operations}, not {task.operation}")
    said = " ".join(a.reading for a in answered)
    named = {c for f in package.findings for c in f.columns} | set(re.findall(r"\w+", said))
    wrong += [f"column {c} is not used" for c in task.columns if c not in named]
    stated = [v.value for f in package.findings for i in f.value_ids for v in package.values if v.id == i]
    if isinstance(task.value, str) and not any(str(v) == task.value for v in stated):
        wrong.append(f"value {task.value} is not among {stated[:8]}")
    if isinstance(task.value, float | int) and not any(_near(v, float(task.value), task.tolerance) for v in stated):
        wrong.append(f"value {task.value} is not among {stated[:8]}")
    return wrong


def _near(found: object, wanted: float, tolerance: float) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isclose(found, wanted, rel_tol=1e-9, abs_tol=tolerance)


def descriptions_of(bench: Bench, names: Sequence[str]) -> list[FileDescription]:
    """What the analyzer says of the tables."""
    return [analyze_file(bench.sandbox, bench.artifacts, DataInput.of(bench.tables / name), bench.workdir) for name in names]
