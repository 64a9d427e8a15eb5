"""The command line before any mission begins: help, mistakes, exit codes, one line for each error."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cli.commands import GROUPS, all_names
from cli.console import log_to
from cli.main import main
from infra.local.api import MissionsApi, bearer, error_of
from schemas.problem import Problem
from shared.errors import NotFound
from tests.support.command import ROOT

QUESTION = "What is the mean temp by city?"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder with one data file, and no settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in ("KIMERA_HOME", "KIMERA_TIER", "KIMERA_BUDGET_USD", "KIMERA_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    tmp_path.joinpath("a.csv").write_text("city,temp\nBern,12\n")
    return tmp_path


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from cli.main import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"typer", "rich", "pydantic", "httpx", "flask"}.isdisjoint(done.stderr.split())
    assert all(f"  {name} " in done.stdout for name in all_names())


def test_ctrl_c_while_the_command_is_imported_is_told_in_a_word() -> None:
    code = """if True:
        import sys

        class Impatient:
            def find_spec(self, name, *_):
                if name == "cli.commands":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Impatient())
        import cli.main
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


@pytest.mark.parametrize("name", all_names())
def test_every_command_of_the_table_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert f"kimera {name}" in capsys.readouterr().out


def test_the_table_names_each_command_once() -> None:
    assert len(all_names()) == len(set(all_names()))
    assert all(command.summary.endswith(".") for _, commands in GROUPS for command in commands)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["runn"], "Did you mean `kimera run`?"),
        (["run", QUESTION, "--bogus"], "--bogus"),
        (["run", ""], "empty"),
        (["run", "   "], "empty"),
        (["run", "x" * 100_000, "--data", "a.csv"], "100,000 characters"),
        (["run", "Wie hoch ist die mittlere Temperatur in der Stadt?", "--data", "a.csv"], "German"),
        (["run", "What is the mean temp in Z\udcfcrich?", "--data", "a.csv"], "Z\\udcfcrich?' is not UTF-8 text"),
        (["run", QUESTION, "--data", "a.csv", "--by", "st\udce4dt"], "'st\\udce4dt' is not UTF-8 text"),
        (["run", QUESTION, "--measure", "temp"], "--measure names a column, and there is no data"),
        (["submit", QUESTION, "--by", "city", "--time", "day"], "--by, --time name columns, and there is no data"),
        (["run", QUESTION, "--data", "a.csv", "--tier", "extractive", "--guidelines", "Be short."], "--guidelines are for a model"),
        (["submit", QUESTION, "--tier", "extractive", "--guidelines", "Be short."], "the tier extractive uses none"),
        (["run", QUESTION, "--data", "missing.csv"], "no file missing.csv"),
        (["run", QUESTION, "--docs", "empty"], "holds no documents"),
        (["run", QUESTION, "--data", "a.csv", "--tier", "golden"], "--tier"),
        (["run", QUESTION, "--data", "a.csv", "--model", "acme:huge"], "acme:huge"),
        (["run", QUESTION, "--data", "a.csv", "--budget", "-1"], "--budget"),
        (["run", QUESTION, "--data", "a.csv", "--budget", "1e9"], "--budget"),
        (["run", QUESTION, "--data", "a.csv", "--budget", "lots"], "--budget"),
        (["run", QUESTION, "--data", "a.csv", "--budget", "1_5"], "--budget: '1_5' is no amount"),
        (["run", QUESTION, "--data", "a.csv", "--price", "1_0/2", "--model", "openai:m"], "--price: '1_0/2' is no pair"),
        (["run", QUESTION, "--data", "a.csv", "--plan", "--out", "x"], "--plan runs nothing, so there is no report for --out"),
        (["run", QUESTION, "--research", "acme"], "builtin, gemini, gemini-max"),
        (["run", QUESTION, "--research", "gemini"], "--budget 6"),
        (["run", QUESTION, "--web", "altavista"], "--web"),
        (["run", QUESTION, "--data", "a.csv", "--space", "No Space!"], "--space"),
        (["run", QUESTION, "--data", "a.csv", "--soft", "100", "--hard", "10"], "--soft, --hard, --late: deadlines have to be in order"),
        (["run", QUESTION, "--data", "a.csv", "--out", "a.csv"], "a.csv is no folder. (Name another folder with --out.)"),
        (["run", QUESTION, "--data", "a.csv", "--out", "a.csv/deep/down"], "a.csv is no folder. (Name another folder with --out.)"),
        (["run", "--resume", "m_x", "--out", "a.csv/deep"], "a.csv is no folder"),
        (["run", QUESTION, "--data", "missing.csv", "--out", "new"], "no file missing.csv"),
        (["run", "--resume", "m_x", "--data", "a.csv"], "--resume"),
        (["run", QUESTION, "--resume", "m_x", "--docs", "empty", "--plan"], "Leave out the question, --docs, --plan."),
        (["run", "--resume", "m_x", "--budget", "9", "--tier", "standard", "--soft", "3"], "Leave out --budget, --tier, --soft."),
        (["run", "--resume", "m_x", "--by", "city", "--guidelines", "Be short."], "Leave out --by, --guidelines."),
        (["doctor", "--price", "1/4"], "--price is the price of a model, and none is asked"),
        (["run", "--resume", "m_x"], "no missions"),
        (["status", "m_x"], "no missions"),
        (["report", "m_x", "--diff", "--format", "html"], "--diff prints none"),
        (["report", "m_x", "--versions", "--format", "json"], "--versions prints none"),
        (["report", "m_x", "--out", "new", "--format", "md"], "--out writes a folder with every format"),
        (["delete", "../../etc"], "no missions"),
        (["bench", "quality", "nowhere"], "no folder nowhere"),
        (["bench", "quality", "empty"], "task.toml"),
        (["bench", "quality", "empty", "--format", "squad"], "Formats: kimera, dabench, kramabench, tatqa, hotpotqa"),
        (["bench", "quality", "empty", "--pattern", "round"], "independent, serial, parallel"),
        (["bench", "quality", "empty", "--price", "1/2"], "--model"),
        (["bench", "quality", "empty", "--task-budget", "much"], "--task-budget: 'much'"),
        (["bench", "quality", "empty", "--model", "openai:m", "--price", "1/2", "--run-budget", "0.1"], "none could begin"),
        (["bench", "quality", "empty", "--keep", "a", "--out", "b"], "exclude each other"),
        (["bench", "quality", "empty", "--baseline", "gone.json"], "gone.json cannot be read"),
        (["bench", "audit", "--events", "-5"], "`kimera bench audit --help` shows"),
        (["bench", "load", "--missions", "2", "--keep", "a.csv/data"], "--keep"),
        (["drill", "run", "--all", "kill"], "--all and kill exclude each other"),
        (["dead-letters", "discard", "d_1", "--why", " "], "--why is empty"),
        (["costs", "--day", "2999-01-01"], "has not begun"),
        (["space", "add", "s", "missing"], "no file missing"),
        (["serve", "--host", "0.0.0.0"], "owners"),
        (["list", "--endpoint", "nowhere"], "no address"),
        (["list", "--endpoint", "http://[::"], "no address"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(
    arguments: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty").mkdir()
    code = main(arguments)
    told = capsys.readouterr()
    assert (code, told.out) == (2, ""), told.err
    assert said in told.err
    assert told.err.startswith("error: ") and told.err.count("\n") == 1
    assert "Traceback" not in told.err
    assert {path.name for path in folder.iterdir()} <= {"a.csv", "empty", ".kimera"}, "what is refused leaves nothing behind"


def test_the_usual_folder_of_reports_is_looked_at_before_the_mission_begins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.joinpath("kimera-report").write_text("a file\n")
    assert main(["run", QUESTION, "--data", "a.csv"]) == 2
    assert capsys.readouterr().err.endswith("/kimera-report is no folder. (Name another folder with --out.)\n")
    assert main(["run", QUESTION, "--data", "a.csv", "--plan"]) == 0, "a plan writes no report"


def test_a_key_that_no_request_can_carry_is_told_before_the_mission_begins(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "schl\u00fcssel")
    assert main(["run", QUESTION, "--data", "a.csv", "--model", "openai:m", "--price", "1/2"]) == 2
    told = capsys.readouterr().err
    assert "OPENAI_API_KEY" in told and "schl" not in told


@pytest.mark.parametrize("asked", [["--model", "openai:m", "--price", "1/2"], ["--tier", "extractive", "--web", "brave"]])
def test_certificates_that_cannot_be_read_are_told_before_the_mission_begins(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    for name, value in (("OPENAI_BASE_URL", "https://127.0.0.1:9/v1"), ("BRAVE_API_KEY", "local"), ("SSL_CERT_FILE", "none.pem")):
        monkeypatch.setenv(name, value)
    assert main(["run", QUESTION, "--data", "a.csv", *asked]) == 2
    assert "SSL_CERT_FILE: no certificates can be read from 'none.pem' (No such file or directory)." in capsys.readouterr().err
    assert main(["list", "--endpoint", "http://127.0.0.1:9"]) == 2
    assert "SSL_CERT_FILE" in capsys.readouterr().err


def test_a_plan_says_no_bound_of_what_would_be_refused_for_want_of_a_price(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["run", QUESTION, "--data", "a.csv", "--plan", "--model", "openai:m"]
    assert main(asked) == 2
    told = capsys.readouterr()
    assert (told.out, "The price of openai:m is not known" in told.err) == ("", True)
    assert main([*asked, "--price", "1/2", "--budget", "0.004"]) == 0
    assert "It costs at most $0.004. Nothing was run" in capsys.readouterr().out, "to the last digit"


@pytest.mark.parametrize(
    "command", [["submit", QUESTION, "--data", "a.csv"], ["watch", "m_x"], ["list", "--endpoint", "http://127.0.0.1:1"]]
)
def test_a_platform_that_is_not_there_is_exit_code_3(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == 3
    assert "kimera serve" in capsys.readouterr().err


def test_the_price_of_a_model_that_the_tier_does_not_use_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIMERA_MODEL", "openai:m")
    assert main(["run", QUESTION, "--data", "a.csv", "--tier", "extractive", "--price", "1/4"]) == 2
    assert "--price is the price of a model, and the tier extractive uses none" in capsys.readouterr().err


def test_json_takes_the_format_that_it_prints_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "m_x", "--json", "--format", "html"]) == 2
    assert "--json prints the JSON format, and --format html another one" in capsys.readouterr().err
    assert main(["report", "m_x", "--json", "--format", "json"]) == 2
    assert "no missions" in capsys.readouterr().err


def test_with_json_an_error_is_one_object_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "m_x", "--json"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out)["error"]["code"] == "not_found"
    assert told.err.startswith("error: ")


def test_no_missions_is_an_answer_to_list_and_leaves_no_folder_behind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"missions": []}
    assert not (folder / ".kimera").exists()


@pytest.mark.parametrize("place", ["a.csv", "a.csv/below/it"])
@pytest.mark.parametrize("command", [["list"], ["status", "m_x"], ["costs"], ["dead-letters", "list"], ["audit", "verify"]])
def test_a_data_folder_that_cannot_be_one_is_named(
    command: list[str], place: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIMERA_HOME", place)
    assert main(command) == 2
    told = capsys.readouterr()
    assert f"{folder / place} is no data folder: {folder / 'a.csv'} is not a folder" in told.err.replace("~", str(Path.home()))
    assert (told.out, told.err.count("\n"), (folder / "a.csv").read_text()) == ("", 1, "city,temp\nBern,12\n")


@pytest.mark.parametrize("imported", ["typer", "infra.local.access"], ids=["before the command", "in the command"])
def test_an_interruption_while_something_is_imported_is_told_in_a_word(imported: str) -> None:
    code = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background, which ignores it
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "{imported}":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from cli.main import main
sys.exit(main(["list"]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_damaged_database_is_named_and_left_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / ".kimera").mkdir()
    database = folder / ".kimera" / "kimera.sqlite3"
    database.write_text("this is no database")
    for command in (["list"], ["run", QUESTION, "--data", "a.csv"], ["audit", "verify"], ["serve", "--port", "0"]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert "kimera.sqlite3 is damaged" in said and str(database) in said
    assert database.read_text() == "this is no database"


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIMERA_TIER", "golden")
    assert main(["list"]) == 2
    assert "tier" in capsys.readouterr().err


def test_a_setting_that_has_to_be_json_and_is_not_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIMERA_OWNERS", "{alice")
    assert main(["list"]) == 2
    told = capsys.readouterr().err
    assert "owners" in told
    assert "JSON" in told


def test_where_nothing_can_run_files_no_mission_begins(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIMERA_SANDBOX_PYTHON", str(folder / "nowhere"))
    assert main(["run", QUESTION, "--data", "a.csv", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)["error"]
    assert (told["code"], "make setup" in told["remedy"]) == ("sandbox_unavailable", True)
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"missions": []}


@pytest.mark.parametrize("command", [["run", QUESTION, "--data", "a.csv"], ["run", QUESTION, "--data", "a.csv", "--plan"], ["serve"]])
def test_a_data_folder_that_cannot_be_made_is_said_with_what_to_do(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KIMERA_HOME", "/proc/kimera")  # nobody can make a folder there, root included
    assert main(command) == 3
    told = capsys.readouterr().err
    assert "The data folder /proc/kimera cannot be used: No such file or directory." in told and "KIMERA_HOME.)" in told


def test_a_token_that_no_header_can_carry_is_named_and_a_line_s_end_is_none_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["list", "--endpoint", "http://127.0.0.1:1"]
    for token in ("schlüssel", "two words", "a\nb"):
        monkeypatch.setenv("KIMERA_TOKEN", token)
        assert main(command) == 2
        told = capsys.readouterr().err
        assert "KIMERA_TOKEN is no token" in told and token not in told
    assert bearer("abc\n") == {"Authorization": "Bearer abc"} and bearer("\n") == bearer(None) == {}


def test_doctor_says_that_the_data_folder_is_a_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KIMERA_HOME", "a.csv")
    assert main(["doctor"]) == 3
    assert "a.csv is a file, not a folder" in capsys.readouterr().out


@pytest.mark.parametrize("mission", ["", "m\nx", "m\x1b[31m", "../../etc", "m/x", ".", ".."])
def test_an_id_that_no_address_can_carry_is_an_unknown_mission(mission: str) -> None:
    with pytest.raises(NotFound, match="There is no mission"):
        MissionsApi.over_http("http://127.0.0.1:1", None).state(mission)
    with pytest.raises(NotFound, match="There is no dead letter"):
        MissionsApi.over_http("http://127.0.0.1:1", None).dead_letter(mission)


def test_what_a_platform_refuses_as_contradicting_what_it_holds_is_bad_input_too() -> None:
    for code in ("idempotency_mismatch", "conflict", "already_exists"):
        problem = Problem(type="about:blank", title="Conflict", status=409, code=code, detail="no", request_id="r_1")
        assert error_of(httpx.Response(409, content=problem.model_dump_json())).exit_code == 2


def test_a_defect_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise ZeroDivisionError("ouch")

    monkeypatch.setattr("cli.list.load_settings", broken)
    assert main(["list"]) == 1
    told = capsys.readouterr().err
    assert told.startswith("error: ZeroDivisionError: ouch")
    assert told.count("\n") == 1


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raised out of a handler, it would end whichever thread wanted to log: the workflow's own, for one."""
    (tmp_path / "file").write_text("not a folder")
    root = logging.getLogger()
    before = root.handlers
    monkeypatch.delenv("KIMERA_DEBUG", raising=False)
    try:
        log_to(tmp_path / "file" / "home")
        root.warning("nowhere to go")
    finally:
        root.handlers = before
