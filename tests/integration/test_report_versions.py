"""The versions of a report, and what they differ in, on the console: a mission whose track was late, then upgraded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from infra.local.platform import Platform
from schemas.mission import Track, TrackStatus
from shared.settings import Settings
from tests.integration.test_late_upgrade import DEADLINES, begun_mission, late_mission
from tests.support.clock import ShiftedClock
from tests.support.waiting import until, until_over

MANY = " ".join(f"What is the {statistic} temp by station?" for statistic in ("mean", "median", "maximum", "minimum")) + (
    " What is the distribution of temp? How was the temperature measured?"
)
"""Work for several slices of the analysis, while research has read the one document at once."""


@pytest.fixture
def upgraded(tmp_path: Path, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mission whose report was upgraded, on the data folder that commands use."""
    clock = ShiftedClock()
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    settings = Settings(home=tmp_path / "home")
    mission = late_mission(settings, clock, tmp_path)
    with Platform(settings, command="test", clock=clock) as platform:
        return until_over(platform, mission.mission_id).mission_id


@pytest.fixture
def completed(tmp_path: Path, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mission with a partial report, a final one, and the one that its late track upgraded."""
    clock = ShiftedClock()
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Platform(Settings(home=tmp_path / "home"), command="test", clock=clock) as platform:
        mission_id = begun_mission(platform, clock, tmp_path, MANY)
        missions = platform.runtime.missions
        until(lambda: missions.tracks(missions.get(mission_id))[Track.DEEP_RESEARCH].status is TrackStatus.DONE)
        clock.advance(DEADLINES.soft_s)
        until(lambda: missions.get(mission_id).reports)
        clock.advance(DEADLINES.hard_s - DEADLINES.soft_s)
        return until_over(platform, mission_id, seconds=120).mission_id


@pytest.mark.timeout(300)
def test_a_partial_report_and_what_replaced_it_differ_in_what_the_late_track_brought(
    completed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", completed, "--versions", "--json"]) == 0
    kinds = [version["kind"] for version in json.loads(capsys.readouterr().out)["versions"]]
    assert (kinds[0], kinds[-2:]) == ("partial", ["final", "upgrade"])

    assert main(["report", completed, "--diff", f"1..{len(kinds)}"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("version 1 (partial, ") and f"version {len(kinds)} (upgrade, " in told
    assert "\n  ~ report: partial -> upgrade\n" in told
    assert "\n  ~ question / What is the mean temp by station?: not answered -> answered\n" in told
    assert "\nflag\n  - partial\n" in told and "\n  - The data analysis is still running." in told

    assert main(["report", completed, "--diff", f"1..{len(kinds)}", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["old"]["kind"], found["new"]["kind"]) == ("partial", "upgrade")
    changes = [(change["what"], change["change"], change["before"], change["after"]) for change in found["changes"]]
    assert ("status", "changed", "partial", "upgrade") in changes and ("flag", "removed", "partial", None) in changes
    assert any(what == "finding" and change == "added" and "Bern" in after for what, change, _, after in changes)


def test_versions_and_their_difference_are_readable_and_for_programs(upgraded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", upgraded, "--versions", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [version["kind"] for version in versions][-2:] == ["final", "upgrade"]

    newest = versions[-1]["version"]
    assert main(["report", upgraded, "--diff"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"version {newest - 1} (final, ") and f"version {newest} (upgrade, " in told
    assert "platinum resistance" in told and "\npassage\n  + " in told

    assert main(["report", upgraded, "--diff", f"{newest - 1}..{newest}", "--json"]) == 0
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert any(change["what"] == "passage" and change["change"] == "added" for change in changes)

    assert main(["report", upgraded, "--diff", f"{newest}..{newest}"]) == 0
    assert "They say the same." in capsys.readouterr().out

    for wrong, said in (
        (["--diff", "1...2"], "names no versions"),
        (["--diff", "1..99"], "no report version '99'"),
        (["--diff", "--versions"], "exclude each other"),
        (["1..2"], "Use --diff with it"),
    ):
        assert main(["report", upgraded, *wrong]) == 2
        assert said in capsys.readouterr().err
