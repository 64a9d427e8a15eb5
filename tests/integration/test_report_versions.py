"""The versions of a report, and what they differ in, on the console: a mission whose track was late, then upgraded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.main import main
from infra.local.platform import Platform
from schemas.steps import ReconcileRequest
from shared.settings import Settings
from tests.integration.test_late_upgrade import late_mission
from tests.support.clock import ShiftedClock
from tests.support.waiting import until_over


@pytest.fixture
def upgraded(tmp_path: Path, bubblewrap: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A mission whose report was upgraded, on the data folder that commands use."""
    clock = ShiftedClock()
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with Platform(Settings(home=tmp_path / "home"), command="test", clock=clock) as platform:
        mission = late_mission(platform, clock, tmp_path)
        platform.reconcile(ReconcileRequest(none_alive=True))
        return until_over(platform, mission.mission_id).mission_id


def test_versions_and_their_difference_are_readable_and_for_programs(upgraded: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", upgraded, "--versions", "--json"]) == 0
    versions = json.loads(capsys.readouterr().out)["versions"]
    assert [version["kind"] for version in versions][-2:] == ["final", "upgrade"]

    newest = versions[-1]["version"]
    assert main(["report", upgraded, "--diff"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"version {newest - 1} (final, ") and f"version {newest} (upgraded, " in told
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
