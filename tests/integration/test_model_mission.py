"""A mission that a model works on, from the command line to the report, over real HTTP to a server that speaks the provider's protocol."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import JsonValue

from infra.local.drills.standin import Fault, Reply, StandIn
from infra.local.drills.standin.playing import METHOD, QUESTION, TABLE, ids, plan, read
from infra.local.drills.standin.requests import Asked
from schemas.outcome import MissionOutcomePackage
from shared.models.calls import CallUsage, Price
from tests.support import forked
from tests.support.forked import Ended

BROKEN = "frame = load(inputs['heights.csv'], 'heights')\nrecord('mean height', float(frame['heigth'].mean()))\n"
WRONG = """from tables import load
frame = load(inputs["heights.csv"], "heights")
record("mean height", float(frame["height"].mean()), unit="cm", n=len(frame), filters="all players")
"""
RIGHT = """from tables import load
frame = load(inputs["heights.csv"], "heights")
for team, group in frame.groupby("team"):
    record(f"mean height, {team}", float(group["height"].mean()), unit="cm", n=len(group), filters=f"team {team}")
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "heights.csv").write_text(TABLE)
    (folder / "method.md").write_text(f"# Method\n\n{METHOD}\n")
    return folder


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def plays(standin: StandIn) -> None:
    """A model that makes mistakes on the way: code that fails, code that misses the point, and a plan that has to be begun again."""
    steps = iter(["Calculate the mean height.", "Calculate the mean height of each team."])

    def planner(asked: Asked) -> Reply:
        if "research" in asked.system.casefold():
            return plan(asked)
        return Reply({"step": next(steps), "question_ids": ["q1"], "impossible": ""})

    standin.always("PlannerAnswer", planner)
    standin.answers("CoderAnswer", Reply({"code": BROKEN}), Reply({"code": RIGHT}))
    standin.answers("DebuggerAnswer", Reply({"code": WRONG}))
    standin.answers(
        "VerifierAnswer",
        Reply({"verdict": "insufficient", "missing": "The means are not by team.", "answered": []}),
        Reply({"verdict": "sufficient", "missing": "", "answered": ["q1"]}),
    )
    standin.answers("RouterAnswer", Reply({"route": "truncate", "step": 1, "why": "The first step aggregates over all teams."}))
    findings: list[JsonValue] = [{"question_id": "q1", "statement": "The mean height is {v1} for blue and {v2} for red."}]
    answered: list[JsonValue] = [{"question_id": "q1", "status": "answered"}, {"question_id": "q2", "status": "not_answered"}]
    standin.answers("FinalizerAnswer", Reply({"findings": findings, "answers": answered}))
    standin.always("ReaderAnswer", read)
    standin.always("AuditorAnswer", lambda asked: Reply({"verdicts": [{"claim": c, "verdict": "entailed"} for c in ids(asked, "c")]}))
    standin.always("SynthesizerAnswer", lambda asked: Reply({"status": "answered", "claims": [], "hypotheses": []}))
    standin.always("FillerAnswer", lambda asked: Reply({"fillings": []}))
    standin.always("PairerAnswer", lambda asked: Reply({"different": []}))
    worded: list[JsonValue] = [{"text": "Blue players are {v1} tall on average, red ones {v2}.", "claim_ids": [], "finding_ids": ["f1"]}]
    standin.answers("WriterAnswer", Reply({"sentences": worded}))
    standin.answers("CheckerAnswer", Reply({"checks": [{"number": 1, "verdict": "supported"}]}))


def kimera(tmp_path: Path, *arguments: str, standin: StandIn | None = None, **more: str) -> Ended:
    names = ("GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL")
    clean = {name: value for name, value in os.environ.items() if name not in names}
    environment = {**clean, "KIMERA_HOME": str(tmp_path / "home"), **(standin.environment() if standin else {}), **more}
    return forked.kimera(arguments, environment, within_s=110)


def asked(files: Path, tmp_path: Path, *more: str, provider: str = "openai") -> list[str]:
    data = ["--data", str(files / "heights.csv"), "--docs", str(files / "method.md")]
    return ["run", QUESTION, *data, "--model", f"{provider}:stand-in", "--price", "1/4", "--out", str(tmp_path / "out"), "--json", *more]


def outcome(tmp_path: Path) -> MissionOutcomePackage:
    return MissionOutcomePackage.model_validate_json((tmp_path / "out" / "report.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("provider", ["openai", "google"])
def test_a_model_plays_every_role_and_its_mistakes_are_mended(
    standin: StandIn, files: Path, tmp_path: Path, bubblewrap: Path, provider: str
) -> None:
    plays(standin)
    ran = kimera(tmp_path, *asked(files, tmp_path, provider=provider), standin=standin)
    assert ran.code == 0, ran.err
    result = ran.json
    report = outcome(tmp_path)
    assert report.answer[0] == "Blue players are 182\u202fcm tall on average, red ones 172\u202fcm."
    assert "stadiometer" in report.model_dump_json()
    assert standin.refused == []

    costs = kimera(tmp_path, "costs", "--mission", result["mission_id"], "--json").json
    inspected = kimera(tmp_path, "inspect", result["mission_id"], "--json").json
    paid = sum(CallUsage(taken, given).cost_micro_usd(Price(Decimal(1), Decimal(4))) for taken, given in standin.counted)
    assert round(result["cost_usd"] * 1_000_000) == costs["whole"]["settled_micro_usd"] == paid > 0
    assert {share["name"] for share in costs["shares"]} == {"deep_research", "ds_star", "fusion"}
    told = json.dumps(inspected["timeline"])
    for word in ("repair", "truncate", "insufficient", "sufficient"):
        assert word in told, word


@pytest.mark.slow
def test_without_money_the_mission_ends_with_a_report_that_says_so(standin: StandIn, files: Path, tmp_path: Path, bubblewrap: Path) -> None:
    plays(standin)
    ran = kimera(tmp_path, *asked(files, tmp_path, "--budget", "0.01"), standin=standin)
    result = ran.json
    assert (ran.code, result["status"]) == (0, "DONE"), ran.err
    assert result["cost_usd"] <= 0.01
    assert {"tier_extractive", "budget_exhausted"} <= set(result["flags"])


@pytest.mark.slow
def test_a_provider_that_is_down_leaves_an_extractive_report(standin: StandIn, files: Path, tmp_path: Path, bubblewrap: Path) -> None:
    standin.faults.extend([Fault.BAD_KEY] * 50)
    ran = kimera(tmp_path, *asked(files, tmp_path), standin=standin)
    result = ran.json
    assert (ran.code, result["status"], result["cost_usd"]) == (0, "DONE", 0), ran.err
    assert "model_unavailable" in result["flags"]
    assert any("mean" in line for line in outcome(tmp_path).answer)
