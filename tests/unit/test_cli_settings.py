"""Settings and paths that cannot be what they are to be: said in one line, with what to do, and exit code 2."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cli.main import main
from infra.local.doctor import settings_with_origin
from infra.local.emulated import hosting
from shared.settings import Settings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KIMERA_HOME", "KIMERA_TIER", "KIMERA_BUDGET_USD", "KIMERA_DEBUG", "OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("budjet_usd = 0.10\n", "kimera.toml sets 'budjet_usd', which is no setting. (Did you mean budget_usd?)"),
        ("colour = 'red'\n", "kimera.toml sets 'colour', which is no setting. (docs/operating.md lists the settings.)"),
        ("budget_usd = -1\n", "budget_usd: Input should be greater than or equal to 0"),
        ("budget_usd = 1001\n", "budget_usd: Input should be less than or equal to 1000"),
        ('budget_usd = "0.0000001"\n', "budget_usd: Decimal input should have no more than 6 decimal places"),
        ("answer_timeout_s = 151\n", "answer_timeout_s: Input should be less than or equal to 150"),
        ("endpoint_parallel = 0\n", "endpoint_parallel: Input should be greater than or equal to 1"),
        ("profile = 'cloud'\nendpoint_parallel = 1\n", "endpoint_parallel: the profile cloud has no such limit"),
        ("profile = 'cloud'\nanswer_timeout_s = 76\n", "answer_timeout_s: on the profile cloud it is 75 seconds at the most"),
    ],
)
def test_a_setting_that_would_not_hold_is_named(folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder.joinpath("kimera.toml").write_text(text)
    assert main(["list"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("endpoint_parallel = 4\n", "endpoint_parallel: the profile cloud has no such limit, since its functions share nothing"),
        ("answer_timeout_s = 100\n", "answer_timeout_s: on the profile cloud it is 75 seconds at the most"),
    ],
)
def test_what_the_emulated_functions_would_not_start_with_is_told_before(
    folder: Path, text: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "serve_emulated", lambda *_, **__: pytest.fail("it starts"))
    folder.joinpath("kimera.toml").write_text(text)
    before = signal.getsignal(signal.SIGINT)
    try:
        assert main(["serve", "--profile", "emulated"]) == 2
    finally:
        signal.signal(signal.SIGINT, before)
    told = capsys.readouterr().err
    assert said in told and "Leave them out for this command." in told


def test_the_users_own_file_is_checked_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = folder / "home" / ".config" / "kimera" / "kimera.toml"
    own.parent.mkdir(parents=True)
    own.write_text("max_runing = 2\n")
    assert main(["list"]) == 2
    assert "Did you mean max_running?" in capsys.readouterr().err


def test_settings_that_there_are_are_taken(folder: Path) -> None:
    folder.joinpath("kimera.toml").write_text("budget_usd = 0.5\nday_budget_usd = 3\n")
    assert main(["list"]) == 0


def test_a_path_that_cannot_be_a_folder_is_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.joinpath("taken").write_text("a file\n")
    assert main(["package", "dead_letter", "--out", "taken"]) == 2
    assert "error: taken: File exists. (Give another path.)" in capsys.readouterr().err


def test_a_model_whose_price_nobody_said_is_bad_input(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.joinpath("a.csv").write_text("city,temp\nBern,12\n")
    assert main(["run", "What is the mean temp by city?", "--data", "a.csv", "--model", "openai:somebodys"]) == 2
    assert "--price" in capsys.readouterr().err


def test_owners_that_nobody_set_are_nobody_and_secrets_are_none() -> None:
    shown = {setting.name: setting.value for setting in settings_with_origin(Settings(), lambda _: None)}
    assert (shown["owners"], shown["secrets"]) == ("nobody", "none")
