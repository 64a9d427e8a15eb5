"""``kimera models``, ``kimera doctor --model`` and the options that name a model, as a user meets them, against the stand-in server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import JsonValue

from infra.local.drills.standin import Fault, Reply, StandIn
from infra.local.drills.standin.playing import plays_well
from tests.support.command import Kimera

NAMES = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "KIMERA_VERTEX_PROJECT", "KIMERA_MODEL", "KIMERA_TIER")
HIDDEN = "hidden"
RIGHT: JsonValue = {"total": 42, "words": "forty-two"}


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def kimera(tmp_path: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in NAMES}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env={**clean, "KIMERA_HOME": str(tmp_path / "home"), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("model", ["openai:any", "google:any"])
def test_doctor_asks_a_model_three_questions(standin: StandIn, tmp_path: Path, model: str) -> None:
    standin.answers("Probe", Reply(RIGHT), Reply(RIGHT), Reply(RIGHT))
    looked = kimera(tmp_path, "doctor", "--model", model, "--price", "1/4", "--json", environment=standin.environment())
    assert looked.returncode == 0, looked.stderr
    findings = {f["name"]: f for f in json.loads(looked.stdout)["findings"]}
    assert {"structured call", "tool call", "forced repair", "cost"} <= findings.keys()
    assert [seen.asked.mode for seen in standin.seen] == ["native", "tool", "native"]
    assert standin.seen[2].asked.turns == 2
    assert findings["cost"]["detail"].startswith("$0.0")


def test_doctor_says_what_a_model_cannot_do(standin: StandIn, tmp_path: Path) -> None:
    standin.answers("Probe", Reply({"total": 41, "words": "x"}), Reply("no idea"), Reply(RIGHT))
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "1/4", environment=standin.environment())
    assert looked.returncode == 3
    assert "17 + 25 = 41" in looked.stdout and "does not fit" in looked.stdout


def test_doctor_asks_in_words_where_schemas_are_not_taken(standin: StandIn, tmp_path: Path) -> None:
    standin.faults.append(Fault.NO_SCHEMA)
    standin.answers("Probe", Reply(RIGHT), Reply(RIGHT), Reply(RIGHT))
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "1/4", environment=standin.environment())
    assert looked.returncode == 0, looked.stdout
    assert [seen.asked.mode for seen in standin.seen] == ["native", "prompted", "tool", "prompted"]


def test_doctor_reads_an_answer_as_the_roles_do(standin: StandIn, tmp_path: Path) -> None:
    standin.answers("Probe", *[Reply(f"Sure:\n```json\n{json.dumps(RIGHT)}\n```")] * 3)
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "1/4", environment=standin.environment())
    assert looked.returncode == 0, looked.stdout


def test_doctor_stops_at_a_bad_key_with_what_to_do(standin: StandIn, tmp_path: Path) -> None:
    standin.faults.append(Fault.BAD_KEY)
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "1/4", environment=standin.environment())
    assert looked.returncode == 3
    assert "Check the key" in looked.stdout
    assert len(standin.seen) == 1


def test_doctor_waits_for_an_answer_as_long_as_missions_do(standin: StandIn, tmp_path: Path) -> None:
    standin.faults.append(Fault.STALL)
    hasty = {**standin.environment(), "KIMERA_ANSWER_TIMEOUT_S": "1"}
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "1/4", environment=hasty)
    assert looked.returncode == 3
    assert "answer_timeout_s (KIMERA_ANSWER_TIMEOUT_S), up to 150 seconds" in looked.stdout


@pytest.mark.bubblewrap
@pytest.mark.timeout(240)
def test_a_mission_waits_for_an_answer_as_long_as_the_setting_says(standin: StandIn, tmp_path: Path) -> None:
    (tmp_path / "heights.csv").write_text("height\n1\n2\n")
    standin.faults.append(Fault.STALL)
    plays_well(standin)
    hasty = {**standin.environment(), "KIMERA_ANSWER_TIMEOUT_S": "1", "KIMERA_HOME": str(tmp_path / "home")}
    asked = ("How many rows are there?", "--data", str(tmp_path / "heights.csv"), "--model", "openai:any", "--price", "1/4", "--json")
    ran = kimera(tmp_path, "run", *asked, environment=hasty)  # at most a minute, where an answer usually may take longer
    assert ran.returncode == 0, ran.stderr
    costs = kimera(tmp_path, "costs", str(json.loads(ran.stdout)["mission_id"]), environment=hasty)
    assert "Charged at their bound, since no answer says what they cost (1)" in costs.stdout


def test_doctor_says_how_many_questions_an_endpoint_of_ones_own_is_asked_at_once(standin: StandIn, tmp_path: Path) -> None:
    own = {**standin.environment(), "KIMERA_MODEL": "openai:any", "KIMERA_PRICE": "0/0", "KIMERA_ENDPOINT_PARALLEL": "3"}
    findings = {f["name"]: f for f in json.loads(kimera(tmp_path, "doctor", "--json", environment=own).stdout)["findings"]}
    assert findings["endpoint"]["detail"].startswith(f"{standin.url}/v1: up to 3 questions at a time (endpoint_parallel)")
    with_gemini = {**own, "KIMERA_MODEL": "google:gemini-2.5-flash", "KIMERA_PRICE": ""}
    findings = {f["name"]: f for f in json.loads(kimera(tmp_path, "doctor", "--json", environment=with_gemini).stdout)["findings"]}
    assert "endpoint" not in findings


def test_doctor_does_not_ask_what_is_too_dear(standin: StandIn, tmp_path: Path) -> None:
    looked = kimera(tmp_path, "doctor", "--model", "openai:any", "--price", "900/900", environment=standin.environment())
    assert looked.returncode != 0 and "at most $0.02" in looked.stderr
    assert standin.seen == []


def test_models_are_listed_with_prices_and_what_can_be_asked(tmp_path: Path) -> None:
    listed = json.loads(kimera(tmp_path, "models", "--json", environment={"GEMINI_API_KEY": "x"}).stdout)
    by_name = {m["model"]: m for m in listed["models"]}
    assert by_name["google:gemini-2.5-flash"] == {
        "model": "google:gemini-2.5-flash",
        "tiers": [],
        "input_usd": 0.3,
        "output_usd": 2.5,
        "later": [],
        "reachable": True,
        "endpoint": None,
        "at_once": None,
    }
    assert not by_name["openai:gpt-5-mini"]["reachable"]
    assert listed["tier"] == "standard", "with a usable key missions run on standard"
    assert json.loads(kimera(tmp_path, "models", "--json").stdout)["tier"] == "extractive"


def test_what_models_an_endpoint_of_ones_own_has_is_not_said(tmp_path: Path) -> None:
    own = {"OPENAI_BASE_URL": f"http://{HIDDEN}@127.0.0.1:9/v1", "GEMINI_API_KEY": "x"}
    listed = kimera(tmp_path, "models", environment=own).stdout
    marks = {line.split()[0]: line for line in listed.splitlines() if line.startswith(("openai:", "google:"))}
    assert "if yours has it" in marks["openai:gpt-5-mini"] and " yes" not in marks["openai:gpt-5-mini"]
    assert " yes" in marks["google:gemini-2.5-flash"]
    assert "http://127.0.0.1:9/v1" in listed and HIDDEN not in listed
    told = json.loads(kimera(tmp_path, "models", "--json", environment=own).stdout)["models"]
    assert {m["endpoint"] for m in told if m["model"].startswith("openai:")} == {"http://127.0.0.1:9/v1"}
    assert {m["at_once"] for m in told if m["model"].startswith("openai:")} == {1}
    assert "one question at a time (endpoint_parallel), 75 s for each answer" in listed
    assert "up to 4 questions at a time" in kimera(tmp_path, "models", environment={**own, "KIMERA_ENDPOINT_PARALLEL": "4"}).stdout
    with_key = kimera(tmp_path, "models", environment={"OPENAI_API_KEY": "x"}).stdout
    assert "if yours has it" not in with_key and "OPENAI_BASE_URL)" not in with_key


def test_a_run_says_that_its_model_was_not_used_and_inspect_says_why(standin: StandIn, tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_text("team,height\nred,170\nblue,180\n")
    standin.storm = lambda asked: Fault.NO_SUCH_MODEL
    asked = ("What is the mean height by team?", "--data", str(data), "--model", "openai:org/any:8b", "--price", "0/0")
    ran = kimera(tmp_path, "run", *asked, "--out", str(tmp_path), environment=standin.environment())
    assert ran.returncode == 0, ran.stderr
    told = next(line for line in ran.stderr.splitlines() if "done without it" in line)
    story = kimera(tmp_path, *told.partition("kimera ")[2].split())
    assert "org/any:8b at " in story.stdout and ": 404: " in story.stdout


def test_who_watches_is_told_that_a_model_was_not_used_as_who_runs_is(standin: StandIn, tmp_path: Path) -> None:
    here = Kimera(tmp_path)
    (tmp_path / "a.csv").write_text("team,height\nred,170\nblue,180\n")
    standin.storm = lambda asked: Fault.NO_SUCH_MODEL
    with here.started("serve", "--port", "0", **standin.environment()) as served:
        url = served.line_with("KIMERA is at").split()[3]
        asked = ("What is the mean height by team?", "--data", "a.csv", "--model", "openai:any", "--price", "0/0")
        submitted = here("submit", *asked, "--endpoint", url, "--json", **standin.environment()).json["mission_id"]
        watched = here("watch", submitted, "--endpoint", url)
        as_json = here("watch", submitted, "--endpoint", url, "--json")
    assert (watched.code, "180" in watched.out) == (0, True), watched.err
    assert f"done without it. Why:  kimera inspect {submitted}" in watched.err
    assert "tier_extractive" in as_json.json["flags"] and "done without it" not in as_json.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "openai:mine"], "--price INPUT/OUTPUT"),
        (["--model", "mine"], "--model"),
        (["--price", "1/2"], "none is named"),
        (["--model", "openai:mine", "--price", "cheap"], "--price"),
        (["--tier", "extractive", "--model", "openai:mine"], "uses no model"),
        (["--tier", "best"], "--tier"),
        (["--tier", "premium"], "GEMINI_API_KEY"),
        (["--model", "openai:mine", "--price", "1/2"], "OPENAI_BASE_URL"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is_spent(tmp_path: Path, arguments: list[str], said: str) -> None:
    data = tmp_path / "a.csv"
    data.write_text("a\n1\n")
    ran = kimera(tmp_path, "run", "How many rows are there?", "--data", str(data), *arguments)
    assert ran.returncode in (1, 2) and said in ran.stderr, ran.stderr
    assert "Traceback" not in ran.stderr and ran.stderr.count("\n") <= 2
