"""A whole mission whose analysis is a model's, through the real chain: a script stands in for the model, and nothing else is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.analysis import COUNTS, HEIGHTS, INSUFFICIENT, MEANS, QUESTION, SUFFICIENT, WORDED
from tests.support.command import Ended, Kimera

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240), pytest.mark.xdist_group("cli-run")]
ANSWERS: tuple[tuple[str, object], ...] = (
    ("planner", {"step": "Calculate the mean of height_cm in heights.csv by team.", "question_ids": ["q1"]}),
    ("coder", {"code": MEANS.replace("height_cm", "height")}),
    ("debugger", {"code": MEANS}),
    ("verifier", INSUFFICIENT),
    ("router", {"route": "add_step"}),
    ("planner", {"step": "Count all names.", "question_ids": ["q2"]}),
    ("coder", {"code": MEANS + 'record("people in all", len(rows), "people")\n'}),
    ("verifier", INSUFFICIENT),
    ("router", {"route": "truncate", "step": 2}),
    ("planner", {"step": "Count the rows by team.", "question_ids": ["q2"]}),
    ("coder", {"code": COUNTS}),
    ("verifier", SUFFICIENT),
    ("finalizer", WORDED),
    ("fusion_writer", {"sentences": []}),  # the findings stand as they are
)


@pytest.fixture(scope="module")
def kimera(bubblewrap: object, tmp_path_factory: pytest.TempPathFactory) -> Kimera:
    folder = tmp_path_factory.mktemp("ds-star")
    folder.joinpath("heights.csv").write_text(HEIGHTS)
    answers = [{"role": role, "answer": answer} for role, answer in ANSWERS]
    folder.joinpath("script.yaml").write_text(json.dumps({"scripted": "a repair, a refusal, a route back", "answers": answers}))
    return Kimera(folder, ahead=True)


@pytest.fixture(scope="module")
def done(kimera: Kimera) -> Ended:
    command = ("run", QUESTION, "--data", "heights.csv", "--model", "openai:trial", "--price", "1/4", "--json")
    return kimera(*command, KIMERA_MODEL_CASSETTE="script:script.yaml")


def test_the_report_states_what_the_last_run_recorded(done: Ended) -> None:
    assert done.code == 0, done.err
    report = Path(done.json["reports"]["md"]).read_text().replace("\u202f", " ")
    assert "The mean height is 168 cm in the blue team and 169.7 cm in the red team." in report
    assert "There are 15 people in the blue team and 15 people in the red team." in report
    assert done.json["flags"] == ["scripted"] and done.json["cost_usd"] > 0


def test_inspect_tells_each_round(kimera: Kimera, done: Ended) -> None:
    timeline = kimera("inspect", done.json["mission_id"], "--json").json["timeline"]
    told = [(m["what"].removeprefix("round."), m["detail"]) for m in timeline if m["what"].startswith("round.")]
    assert [what for what, _ in told] == [
        *("planned", "ran", "repaired", "ran", "verified", "routed", "finished"),
        *("planned", "ran", "verified", "routed", "finished"),
        *("planned", "ran", "verified", "finished"),
    ]
    assert [d["verdict"] for what, d in told if what == "verified"] == ["insufficient", "insufficient", "sufficient"]
    assert [d["route"] for what, d in told if what == "finished"] == ["add_step", "truncate_2", "finalize"]
