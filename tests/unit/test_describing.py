"""A file that a model's script describes, and what is kept of it for all missions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from functions.ds_star.describing import describe_with_model
from functions.ds_star.roles.analyzer import AnalyzerAnswer
from functions.ds_star.state import DataFile
from schemas.analysis import FileDescription
from schemas.mission import MissionRequest, Track
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.clock import SystemClock
from shared.models.asking import Models
from shared.models.prompts import PromptValue
from shared.sandbox import CodeSandbox
from shared.scratch import Scratch
from shared.tracks import SliceContext
from tests.support.artifacts import damage
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]


class Scripted:
    """A model that answers with one script after the other."""

    def __init__(self, *said: str) -> None:
        self.left = list(said)

    def ask(self, role: object, variables: Mapping[str, PromptValue], *, check: Any = None) -> AnalyzerAnswer:
        answer = AnalyzerAnswer(code=f'emit({{"description": {self.left.pop(0)!r}}})')
        assert check is None or not check(answer)
        return answer


def describe(sandbox: CodeSandbox, store: FolderArtifacts, work: Path, mission_id: str, *said: str) -> str | None:
    """What a mission is told of a picture, where a model would say ``said``."""
    work.mkdir(exist_ok=True)
    stored = store.put("inputs/x/plan.bmp", b"BM" + bytes(300))
    file = DataFile(name="plan.bmp", uri=stored.uri, sha256=stored.sha256)
    unread = FileDescription(
        file=file.name, sha256=file.sha256, format="binary", tables=(), analyzer="analyze.py", analyzer_version="1", error="It is binary."
    )
    request = MissionRequest(question="What is drawn?")
    context = SliceContext(mission_id, "o", Track.DS_STAR, 1, 0, 1, request, store, SystemClock(), Scratch(work), lambda: 9.0)
    return describe_with_model(sandbox, context, cast("Models", Scripted(*said)), file, unread).text


@pytest.mark.bubblewrap
def test_a_file_is_described_once_for_all_missions(sandbox: CodeSandbox, tmp_path: Path) -> None:
    store = FolderArtifacts(tmp_path / "store")
    assert describe(sandbox, store, tmp_path / "work", "m1", "a plan") == "a plan"
    assert describe(sandbox, store, tmp_path / "work", "m2") == "a plan", "no model is asked"


@pytest.mark.bubblewrap
def test_a_kept_description_that_was_damaged_ends_no_track_and_is_made_anew(
    sandbox: CodeSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = FolderArtifacts(tmp_path / "store")
    describe(sandbox, store, tmp_path / "work", "m1", "a plan")
    (at,) = store.list("cache/analyze/")
    damage(tmp_path / "store", at.key)
    assert describe(sandbox, store, tmp_path / "work", "m2", "a plan of a house") == "a plan of a house"
    assert "is damaged, and made anew" in caplog.text and at.key in caplog.text
    assert describe(sandbox, store, tmp_path / "work", "m3") == "a plan of a house", "it is kept again"


@pytest.mark.bubblewrap
def test_a_slice_that_is_run_again_over_a_damaged_description_sees_what_its_model_said(sandbox: CodeSandbox, tmp_path: Path) -> None:
    """The journal gives the same answer once more, and its run is kept by its place: the prompts that follow are the same."""
    store = FolderArtifacts(tmp_path / "store")
    first = describe(sandbox, store, tmp_path / "work", "m1", "a plan")
    (at,) = store.list("cache/analyze/")
    damage(tmp_path / "store", at.key)
    assert describe(sandbox, store, tmp_path / "work", "m1", "a plan") == first
