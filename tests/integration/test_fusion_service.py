# ruff: noqa: E501 - a sentence of a source or a report is one line
"""The fusion service on a real artifact store: stored before rendered, once, quotes looked up, partial to final to upgrade."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest

from functions.fusion.bundle import report_folder, report_zip
from functions.fusion.service import Fusion, FusionInputs
from schemas.evidence import ResearchEvidencePackage
from schemas.fusion import TrackHandoff
from schemas.mission import FusionMode, TrackStatus
from schemas.outcome import MissionOutcomePackage
from shared.adapters.folder_artifacts import FolderArtifacts
from shared.artifacts import ArtifactStore
from shared.errors import AlreadyExists
from tests.support.packages import DONE, FILES, MISSION, NOW, SOURCE_TEXTS, analysis, request, research

RUNNING = TrackHandoff(status=TrackStatus.RUNNING, missing_because="it is still running")


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactStore:
    store = FolderArtifacts(tmp_path / "artifacts")
    for source in research().sources:
        store.put(source.text_uri.removeprefix("artifact:"), SOURCE_TEXTS[source.id].encode())
    for artifact in analysis().artifacts:
        store.put(artifact.uri.removeprefix("artifact:"), FILES[artifact.name])
    return store


def inputs(
    mode: FusionMode = "final", version: int = 1, *, documents: ResearchEvidencePackage | None = None, previous: str | None = None
) -> FusionInputs:
    return FusionInputs(
        mission_id=MISSION,
        request=request(),
        mode=mode,
        version=version,
        research=documents,
        research_handoff=DONE if documents else RUNNING,
        analysis=analysis(),
        analysis_handoff=DONE,
        previous_outcome_uri=previous,
        created_at=NOW,
    )


def test_a_report_is_stored_in_three_formats_with_what_it_was_made_from(artifacts: ArtifactStore) -> None:
    made = Fusion(artifacts).fuse(inputs(documents=research()))
    folder = f"missions/{MISSION}/reports/v1/"
    names = {a.key.removeprefix(folder) for a in artifacts.list(folder)}
    assert names == {"fusion-input.json", "alignment.json", "report.json", "report.md", "report.html"}
    assert MissionOutcomePackage.model_validate_json(artifacts.get(made.report.outcome_uri)) == made.outcome
    assert b"data:image/svg+xml" in artifacts.get(made.report.html_uri)
    assert (len(made.outcome.conflicts), len(made.outcome.agreements)) == (1, 1)
    assert made.outcome.trust.unverified == 1


def test_a_repeat_gives_the_same_publication_and_writes_nothing(artifacts: ArtifactStore) -> None:
    fusion = Fusion(artifacts)
    first = fusion.fuse(inputs(documents=research()))
    later = inputs(documents=research()).model_copy(update={"created_at": NOW + timedelta(hours=1), "flags": ("late",)})
    again = fusion.fuse(later)
    assert (again.report, again.outcome) == (first.report, first.outcome)
    assert (first.published, again.published) == (True, False)


def test_a_call_that_died_after_storing_its_inputs_is_finished_from_them(artifacts: ArtifactStore) -> None:
    whole = Fusion(artifacts).fuse(inputs(documents=research()))
    html = artifacts.get(whole.report.html_uri)
    package = artifacts.get(whole.package_uri)
    artifacts.delete_prefix(f"missions/{MISSION}/reports/")
    artifacts.put(f"missions/{MISSION}/reports/v1/fusion-input.json", package)
    resumed = Fusion(artifacts).fuse(inputs(documents=research()).model_copy(update={"created_at": NOW + timedelta(hours=1)}))
    assert artifacts.get(resumed.report.html_uri) == html
    assert resumed.report.created_at == NOW


def test_the_report_tells_what_the_ledger_holds_and_keeps_telling_it(artifacts: ArtifactStore) -> None:
    spent = {"deep_research": 420_000, "fusion": 30_000}
    made = Fusion(artifacts, spent=lambda mission_id: spent if mission_id == MISSION else {}).fuse(inputs(documents=research()))
    assert made.outcome.cost_per_track == {"deep_research": 420_000, "ds_star": 0, "fusion": 30_000}
    assert made.outcome.trust.cost_micro_usd == 450_000
    assert b"$0.45" in artifacts.get(made.report.markdown_uri)
    again = Fusion(artifacts, spent=lambda _: {"fusion": 99_000}).fuse(inputs(documents=research()))
    assert again.outcome == made.outcome


def test_a_version_belongs_to_one_mode(artifacts: ArtifactStore) -> None:
    fusion = Fusion(artifacts)
    fusion.fuse(inputs("partial"))
    with pytest.raises(AlreadyExists):
        fusion.fuse(inputs("final", documents=research()))


def test_partial_says_what_is_missing_and_the_final_report_says_what_changed(artifacts: ArtifactStore) -> None:
    fusion = Fusion(artifacts)
    partial = fusion.fuse(inputs("partial"))
    assert partial.outcome.notices == (
        "The research is still running. The report holds nothing of it yet. This report will be replaced when it has ended.",
    )
    assert {"partial", "research_running"} <= set(partial.outcome.flags)
    assert partial.outcome.answer[-1] == "Not answered yet: What do the reports give as the cause?"
    second = inputs("final", 2, documents=research(), previous=partial.report.outcome_uri)
    final = fusion.fuse(second.model_copy(update={"flags": partial.outcome.flags}))
    assert final.outcome.notices == ()
    assert not {"partial", "research_running"} & set(final.outcome.flags)
    assert final.outcome.changes[0] == "It replaces a partial report."
    assert "There are new passages from documents." in final.outcome.changes
    third = fusion.fuse(inputs("upgrade", 3, documents=research(), previous=final.report.outcome_uri))
    assert third.outcome.changes[-1] == "Nothing of substance has changed."


def test_a_quote_that_is_not_at_its_offsets_is_not_shown(artifacts: ArtifactStore) -> None:
    documents = research()
    moved = documents.evidence[0].model_copy(update={"start": 0, "end": len(documents.evidence[0].quote)})
    documents = documents.model_copy(update={"evidence": (moved, *documents.evidence[1:])})
    made = Fusion(artifacts).fuse(inputs(documents=documents))
    assert moved.quote not in artifacts.get(made.report.html_uri).decode()
    assert "quotes_unverified" in made.outcome.flags
    assert made.outcome.agreements == ()


def test_a_chart_that_is_gone_does_not_take_the_report_with_it(artifacts: ArtifactStore) -> None:
    artifacts.delete_prefix(f"missions/{MISSION}/ds_star/1/aa/")
    made = Fusion(artifacts).fuse(inputs(documents=research()))
    assert "This chart cannot be shown" in artifacts.get(made.report.html_uri).decode()


def test_the_reader_gets_a_folder_whose_scripts_run_again(artifacts: ArtifactStore, tmp_path: Path) -> None:
    made = Fusion(artifacts).fuse(inputs(documents=research()))
    script = "record('rows', len(open(inputs['stations.csv']).readlines()), unit='rows', n=2)\nemit({'done': True})\n"
    folder = report_folder(made.outcome, artifacts)
    assert set(folder) == {
        "README.txt", "charts/trend.svg", "report.html", "report.json", "report.md", "scripts/rerun.py", "scripts/trends.py", "tables/groups.csv",
    }  # fmt: skip
    assert b"DOCTYPE" not in folder["charts/trend.svg"]
    assert zipfile.ZipFile(io.BytesIO(report_zip(folder))).namelist() == sorted(folder)
    assert report_zip(folder) == report_zip(dict(reversed(folder.items())))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "stations.csv").write_text("a\n1\n")
    (tmp_path / "small.py").write_text(script)
    (tmp_path / "rerun.py").write_bytes(folder["scripts/rerun.py"])
    ran = subprocess.run(
        [sys.executable, "rerun.py", "small.py", "--data", "data"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "rows = 2 rows (n = 2)\n"
    assert (tmp_path / "outputs" / "result.json").exists()
