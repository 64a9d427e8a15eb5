"""Data for a sandbox that reads the store by itself: none of it lies where the track runs, and what is wrong is told by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from functions.ds_star.execute import run_operation
from functions.ds_star.generated import run_generated
from functions.ds_star.roles.analyzer import AnalyzerInput, analyze, sandbox_input
from functions.ds_star.state import DataFile
from infra.local.emulated.sandbox import SandboxService
from schemas.mission import MissionRequest, Track
from shared.adapters.artifact_keys import key_of
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.artifacts import Artifact
from shared.clock import SystemClock
from shared.errors import InputUnreadable
from shared.sandbox import CodeSandbox, ScopedSandbox
from shared.scratch import Scratch
from shared.tracks import SliceContext
from tests.support.artifacts import damage
from tests.support.link_server import linked_artifacts
from tests.support.operations import spec
from tests.support.sandbox_service import GROUP, SCOPE, remote, sandbox_service

__all__ = ["sandbox_service"]
pytestmark = [pytest.mark.bubblewrap, GROUP]
TABLE = b"station,temp\nBern,1.5\nBasel,2.5\n"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FolderArtifacts]:
    with linked_artifacts(tmp_path / "store") as linked:
        yield linked


@pytest.fixture
def elsewhere(sandbox_service: SandboxService, store: FolderArtifacts) -> CodeSandbox:
    return ScopedSandbox(remote(sandbox_service, store), SCOPE)


def given(store: FolderArtifacts, name: str = "temps.csv", data: bytes = TABLE) -> DataFile:
    stored = store.put(f"inputs/o/{name}", data)
    return DataFile(name=name, uri=stored.uri, sha256=stored.sha256)


def test_a_file_is_described_and_calculated_with_and_no_copy_is_made(
    elsewhere: CodeSandbox, store: FolderArtifacts, tmp_path: Path
) -> None:
    work = tmp_path / "work"
    work.mkdir()
    file = given(store)
    description = analyze(elsewhere, store, AnalyzerInput(file, work))
    assert description.error is None and [table.rows for table in description.tables] == [2]
    data = sandbox_input(elsewhere, store, file, work)
    run = run_operation(elsewhere, spec(file.name, "mean", measure="temp"), {file.name: description}, [data], work / "out")
    assert ("mean_temp", 2.0) in [(value.name, value.value) for value in run.values]
    assert [path.name for path in work.rglob("*") if path.is_file() and path.stat().st_size == len(TABLE)] == []


def test_a_damaged_file_is_named_and_ends_nothing(elsewhere: CodeSandbox, store: FolderArtifacts, tmp_path: Path) -> None:
    file = given(store)
    damage(tmp_path / "store", key_of(file.uri))
    assert "it is damaged" in (analyze(elsewhere, store, AnalyzerInput(file, tmp_path)).error or "")
    with pytest.raises(InputUnreadable, match=r"temps\.csv: it is damaged"):
        sandbox_input(elsewhere, store, file, tmp_path)
    store.delete_prefix("inputs/")
    with pytest.raises(InputUnreadable, match=r"temps\.csv: it is not stored any more"):
        sandbox_input(elsewhere, store, file, tmp_path)


def test_a_file_that_the_sandbox_has_no_room_for_is_named_and_ends_nothing(
    elsewhere: CodeSandbox, store: FolderArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = given(store)
    data = sandbox_input(elsewhere, store, file, tmp_path)
    stat = store.stat
    monkeypatch.setattr(store, "stat", lambda uri: _larger(stat(uri)))
    assert "the sandbox takes 1,073,741,824" in (analyze(elsewhere, store, AnalyzerInput(file, tmp_path)).error or "")
    with pytest.raises(InputUnreadable, match=r"temps\.csv: it has 2,147,483,648 bytes"):  # a model's code goes without it, too
        sandbox_input(elsewhere, store, file, tmp_path)
    run = run_operation(elsewhere, spec(file.name, "count"), {}, [data], tmp_path / "out")
    assert run.refusal == "its files together are larger than the sandbox takes"


def test_code_goes_without_the_files_that_are_too_much_together_and_says_so(
    elsewhere: CodeSandbox, store: FolderArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("functions.ds_star.generated.MAX_INPUT_BYTES", 2 * len(TABLE))
    files = [given(store, "a.csv"), given(store, "b.csv", 2 * TABLE), given(store, "c.csv")]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    context = SliceContext(
        "m", "o", Track.DS_STAR, 1, 0, 1, MissionRequest(question="What is the mean?"), store, SystemClock(), Scratch(scratch), lambda: 9.0
    )
    run = run_generated(elsewhere, context, files, 'record("files", " ".join(sorted(inputs)))\n', place="01-0", number=1)
    assert ([value.value for value in run.values], len(run.warnings)) == (["a.csv c.csv"], 1)
    assert run.warnings[0].startswith("b.csv: the code went without it")


def _larger(artifact: Artifact) -> Artifact:
    return replace(artifact, size=1 << 31)
