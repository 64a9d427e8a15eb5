"""Both tracks read the mission's documents at the same time, and each document once: from opposite ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest

from functions.ds_star.state import DsStarState
from schemas.mission import MissionInput, MissionRequest
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.reading.extract import Unfinished, extract_document, extract_within
from shared.sandbox import CodeSandbox, SandboxJob, SandboxResult
from tests.support.papers import write_pdf
from tests.support.research import NoSandbox, ResearchBench
from tests.support.sandboxes import sandbox
from tests.unit.test_ds_star_track import Mission, given

__all__ = ["sandbox"]
TABLE = "| year | visitors |\n|---|---|\n| 2019 | {} |\n| 2020 | 400 |\n"


class Counting:
    """The sandbox, and how often a document was read in it."""

    reads_artifacts = False

    def __init__(self, sandbox: CodeSandbox) -> None:
        self._sandbox, self._lock, self.read = sandbox, Lock(), 0

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        with self._lock:
            self.read += "first_page" in job.parameters
        return self._sandbox.run(job, outputs_to=outputs_to)

    def expect(self) -> None:
        self._sandbox.expect()

    def check(self) -> None:
        self._sandbox.check()


@pytest.fixture
def artifacts(tmp_path: Path) -> FolderArtifacts:
    return FolderArtifacts(tmp_path / "artifacts")


def documents(artifacts: FolderArtifacts, *names: str) -> tuple[MissionInput, ...]:
    texts = [f"# {name}\n\nIn the year {1900 + n} the hall was open.\n\n{TABLE.format(n)}" for n, name in enumerate(names)]
    return tuple(given(artifacts, name, text.encode(), "document") for name, text in zip(names, texts, strict=True))


def is_read(artifacts: FolderArtifacts, item: MissionInput, folder: Path) -> bool:
    try:
        extract_document(NoSandbox(), artifacts, item, folder)
    except AssertionError:
        return False
    return True


def test_no_document_is_read_twice_while_both_tracks_read_them(sandbox: CodeSandbox, tmp_path: Path) -> None:
    counting = Counting(sandbox)
    bench = ResearchBench(counting, tmp_path)
    given = documents(bench.artifacts, *(f"note-{n}.md" for n in range(8)))
    mission = Mission(counting, bench.artifacts, tmp_path / "analysis", MissionRequest(question="When was it open?", inputs=given))
    with ThreadPoolExecutor(2) as both:
        research = both.submit(lambda: bench.run("When was it open?", given))
        mission.package()
        research.result()
    assert counting.read <= len(given) + 1, "only where they meet may both begin the same one"


def test_the_analysis_begins_at_the_last_document_and_keeps_the_order_of_their_tables(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path
) -> None:
    given = documents(artifacts, "a/b.md", "c.md", "a b.md")
    mission = Mission(sandbox, artifacts, tmp_path, MissionRequest(question="How many visitors?", inputs=given), hurried=True)
    said = [mission.step().progress for _ in given]
    assert said == [f"{tables} found in {n} of 3 documents" for n, tables in ((1, "1 table"), (2, "2 tables"), (3, "2 tables"))]
    assert [file.name for file in mission.state.files] == ["a b.md table 1.csv", "c.md table 1.csv"]
    assert artifacts.get(mission.state.files[0].uri).startswith(b"year,visitors\n2019,0\n"), "of two with one name the first one stays"


def test_one_document_a_slice_leaves_the_first_ones_to_research(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    given = documents(artifacts, "a.md", "b.md", "c.md")
    mission = Mission(sandbox, artifacts, tmp_path / "m", MissionRequest(question="How many visitors?", inputs=given), hurried=True)
    mission.step()
    assert [is_read(artifacts, item, tmp_path / item.name) for item in given] == [False, False, True]


def test_a_mission_that_an_earlier_version_began_goes_on(sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path) -> None:
    given = documents(artifacts, "a.md", "b.md", "c.md")
    mission = Mission(sandbox, artifacts, tmp_path, MissionRequest(question="How many visitors?", inputs=given), hurried=True)
    mission.state = DsStarState(next_document=2)
    assert (mission.step().progress, mission.state.tables_read) == ("1 table found in 3 of 3 documents", True)


@pytest.mark.parametrize(("from_end", "second"), [(False, 3), (True, 7)])
def test_the_parts_of_a_long_document_are_read_from_either_end(
    sandbox: CodeSandbox, artifacts: FolderArtifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_end: bool, second: int
) -> None:
    monkeypatch.setattr("shared.reading.extract.PAGES_PER_PART", 2)
    path = write_pdf(tmp_path / "long.pdf", [(f"Chapter {i}", f"Text of chapter {i}.") for i in range(1, 8)])
    item = MissionInput(uri=artifacts.put_file("inputs/long.pdf", path).uri, kind="document", name="long.pdf")
    for slice_, pages in ((1, 2), (2, 4)):
        folder = tmp_path / f"slice-{slice_}"
        assert extract_within(sandbox, artifacts, item, folder, time_left=lambda: 0, from_end=from_end) == Unfinished(pages, 7)
    parts = [part.key.rpartition("/")[2] for part in artifacts.list("cache/")]
    assert parts == ["from-00001.json", f"from-{second:05}.json"]
    read = extract_document(sandbox, artifacts, item, tmp_path / "rest")
    chapters = [read.text.index(f"Text of chapter {i}.") for i in range(1, 8)]
    assert chapters == sorted(chapters)
