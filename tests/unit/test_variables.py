"""A variable called like ours that nothing reads is told; every one that something reads is known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cli.main import main
from infra.local.doctor import examine
from shared.settings import Settings
from shared.variables import known_variables, unknown_variables

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("cli", "docs", "functions", "infra", "schemas", "scripts", "shared", "tests", "workflows")
SUFFIXES = ("", ".py", ".md", ".yaml")
NOT_READ = {"KIMERA_PROFIL", "KIMERA_BUDGET", "KIMERA_MAX_RUNNERS", "KIMERA_FUSION_URL", "KIMERA_NEO4J", "KIMERA_COLOUR"}
"""Misspelled in tests; an address that is asked for and not read; the beginning of several."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KIMERA_HOME", str(tmp_path / "data"))
    return tmp_path


def test_every_variable_that_the_repository_names_is_known() -> None:
    texts = (
        file.read_text(errors="replace")
        for folder in FOLDERS
        for file in (ROOT / folder).rglob("*")
        if file.suffix in SUFFIXES and file.is_file()
    )
    named = {name for text in texts for name in re.findall(r"KIMERA_[A-Z0-9_]*[A-Z0-9](?![A-Z0-9_{])", text)}
    assert "KIMERA_BUDGET_USD" in named
    assert named - NOT_READ - known_variables() == set()


def test_one_that_nothing_reads_is_told_in_one_line_on_stderr(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIMERA_BUDGET", "2")
    monkeypatch.setenv("KIMERA_COLOUR", "red")
    assert main(["list", "--json"]) == 0
    told = capsys.readouterr()
    assert told.err.splitlines() == ["warning: nothing reads KIMERA_BUDGET (did you mean KIMERA_BUDGET_USD?), KIMERA_COLOUR."]
    assert told.out == '{"missions": []}\n'


def test_those_that_are_read_are_not_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("KIMERA_TOKEN", "kimera_tier", "KIMERA_GEMINI_API_KEY", "KIMERA_VERTEX_LOCATION"):
        monkeypatch.setenv(name, "extractive")
    assert main(["list", "--json"]) == 0
    assert capsys.readouterr().err == ""


def test_one_in_the_file_of_variables_is_told_too(folder: Path) -> None:
    folder.joinpath(".env").write_text("KIMERA_MAX_RUNNERS=3\nOTHER=1\n")
    assert [str(unknown) for unknown in unknown_variables(())] == ["KIMERA_MAX_RUNNERS (did you mean KIMERA_MAX_RUNNING?)"]


def test_the_doctor_notes_it_with_the_near_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMERA_BUDGET", "2")
    findings = examine(Settings(), None)
    (found,) = (finding for finding in (next(findings) for _ in range(4)) if finding.name == "KIMERA_BUDGET")
    assert (found.verdict, found.remedy) == ("note", "Did you mean KIMERA_BUDGET_USD?")
