"""What the tracks say while a slice works: which document and file, how far they are, and what they calculate."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.mission import MissionInput, MissionRequest
from shared.sandbox import CodeSandbox
from tests.support.analysis import COUNTS, SUFFICIENT, WORDED, code, say, step
from tests.support.analysis import Mission as ModelMission
from tests.support.models import Scripted
from tests.support.papers import write_pdf
from tests.support.research import ResearchBench
from tests.support.sandboxes import sandbox
from tests.unit.test_ds_star_track import HEIGHTS, Mission, given

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap


def test_research_names_the_document_and_how_many_there_are(sandbox: CodeSandbox, tmp_path: Path) -> None:
    bench = ResearchBench(sandbox, tmp_path)
    documents = [given(bench.artifacts, f"{name}.md", f"# {name}\n\nThe hall opened.".encode(), "document") for name in "ab"]
    bench.run("When did it open?", documents)
    assert bench.said == ["reading a.md (1 of 2 documents)", "reading b.md (2 of 2 documents)"]


def test_a_long_document_is_told_by_its_pages(sandbox: CodeSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.reading.extract.PAGES_PER_PART", 2)
    bench = ResearchBench(sandbox, tmp_path)
    path = write_pdf(tmp_path / "long.pdf", [(f"Chapter {i}", f"Text of chapter {i}.") for i in range(1, 6)])
    item = MissionInput(uri=bench.artifacts.put_file("inputs/long.pdf", path).uri, kind="document", name="long.pdf")
    bench.run("When did it open?", [item])
    assert bench.said == ["reading long.pdf (1 of 1 document)", "reading long.pdf: 2 of 5 pages", "reading long.pdf: 4 of 5 pages"]


def test_the_analysis_names_documents_files_and_what_it_calculates(sandbox: CodeSandbox, tmp_path: Path) -> None:
    bench = ResearchBench(sandbox, tmp_path)
    inputs = (
        given(bench.artifacts, "a.md", b"# a\n\nThe hall opened.", "document"),
        given(bench.artifacts, "b.md", b"# b\n\nIt closed.", "document"),
        given(bench.artifacts, "heights.csv", HEIGHTS.encode()),
        given(bench.artifacts, "more.csv", HEIGHTS.replace("height", "weight").encode()),
    )
    mission = Mission(sandbox, bench.artifacts, tmp_path, MissionRequest(question="What is the mean height_cm by team?", inputs=inputs))
    mission.package()
    assert mission.said == [
        "looking for tables in b.md (1 of 2 documents)",
        "looking for tables in a.md (2 of 2 documents)",
        "describing heights.csv (1 of 2 files)",
        "describing more.csv (2 of 2 files)",
        "calculating: mean (1 of 1)",
    ]


def test_a_models_code_is_told_while_it_runs_and_no_longer(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(step("Means and counts by team."), code(COUNTS), say("verifier", SUFFICIENT), say("finalizer", WORDED))
    mission = ModelMission(sandbox, tmp_path, script)
    mission.package()
    assert mission.said[-2:] == ["running 01-analysis.py", ""]
