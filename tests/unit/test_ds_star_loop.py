"""The model loop, slice by slice, with scripted models over the real sandbox: every role, every rule, and what happens without answers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.fusion.compose import compose
from schemas.analysis import AnalyticalReportPackage
from shared.errors import BudgetRefused, ModelUnavailable
from shared.sandbox import CodeSandbox
from tests.support.analysis import (
    COUNTS,
    HEIGHTS,
    INSUFFICIENT,
    MEANS,
    SUFFICIENT,
    WORDED,
    Mission,
    Refusing,
    code,
    ends_with_no_invented_figure,
    fix,
    say,
    step,
)
from tests.support.models import Scripted
from tests.support.packages import package as fusion_input
from tests.support.sandboxes import sandbox

__all__ = ["sandbox"]
pytestmark = pytest.mark.bubblewrap


def test_a_debug_repair_a_refusal_a_route_back_and_the_findings_in_one_mission(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(
        step("Calculate the mean of height_cm in heights.csv by team.", "q1"),
        code(MEANS.replace("height_cm", "height")),
        fix(MEANS),
        say("verifier", INSUFFICIENT),
        say("router", {"route": "add_step", "why": "counts are missing"}),
        step("Count the names in heights.csv.", "q2"),
        code(MEANS + 'record("people in all", len(rows), "people", n=len(rows))\n'),
        say("verifier", {**INSUFFICIENT, "missing": "The people are counted together, not by team."}),
        say("router", {"route": "truncate", "step": 2, "why": "it counts all teams together"}),
        step("Count the rows of heights.csv by team.", "q2"),
        code(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    mission = Mission(sandbox, tmp_path, script)
    package = mission.package()
    assert [(a.question_id, a.status) for a in package.answers] == [("q1", "answered"), ("q2", "answered")]
    assert all(f.verified and f.tier == "standard" and f.prompt_version == "ds_star.finalizer@4" for f in package.findings)
    means = {v.name: v for v in package.values}
    assert means["mean height, red team"].n == 15 and means["mean height, red team"].filters == "team is red"
    assert means["people, red team"].value == 15
    assert [(r.verdict, r.route, r.repairs) for r in package.rounds] == [
        ("insufficient", "add_step", 1),
        ("insufficient", "truncate_2", 0),
        ("sufficient", "finalize", 0),
    ]
    assert package.plan == ("Calculate the mean of height_cm in heights.csv by team.", "Count the rows of heights.csv by team.")
    assert [a.kind for a in package.artifacts] == ["script"] and len(package.runs) == 3
    assert (package.tier, package.usage.calls, package.dropped) == ("standard", 13, 0)
    assert {p.id for p in package.prompts} == {
        f"ds_star.{role}" for role in ("planner", "coder", "debugger", "verifier", "router", "finalizer")
    }
    assert len(mission.slices) == 5  # descriptions, three rounds, the wording
    outcome = compose(fusion_input(research=None, analysis=package).model_copy(update={"request": mission.request}))
    stated = [finding.text.replace("\u202f", " ") for section in outcome.sections for finding in section.findings]
    assert stated == [
        "The mean height is 168 cm in the blue team and 169.7 cm in the red team.",
        "There are 15 people in the blue team and 15 people in the red team.",
    ]
    ends_with_no_invented_figure(package)


def test_each_round_is_told_with_references_and_without_content(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(
        step("Calculate the mean of height_cm by team."),
        code("print(1)"),
        fix(MEANS),
        say("verifier", INSUFFICIENT),
        say("router", {"route": "truncate", "step": 1}),
        step("Calculate means and counts by team."),
        code(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    mission = Mission(sandbox, tmp_path, script)
    mission.package()
    assert [d["round"] for d in mission.told("round.planned")] == [1, 2]
    assert [(d["round"], d["repairs"], d["status"], d["values"]) for d in mission.told("round.ran")] == [
        (1, 0, "ok", 0),
        (1, 1, "ok", 2),
        (2, 0, "ok", 4),
    ]
    assert mission.told("round.repaired") == [{"round": 1, "repair": 1}]
    assert [d["verdict"] for d in mission.told("round.verified")] == ["insufficient", "sufficient"]
    assert mission.told("round.routed") == [{"round": 1, "route": "truncate", "step": 1}]
    assert [d["route"] for d in mission.told("round.finished")] == ["truncate_1", "finalize"]
    content = ("mean", "height", "Calculate", "number of people")
    details = [str(note.detail) for outcome in mission.slices for note in outcome.notes]
    assert not any(word in detail for detail in details for word in content)


def test_the_roles_see_what_they_need(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(
        step("Calculate the mean of height_cm by team."),
        code(MEANS.replace("height_cm", "height")),
        fix(MEANS),
        say("verifier", INSUFFICIENT),
        say("router", {"route": "add_step"}),
        step("Count the rows by team."),
        code(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    Mission(sandbox, tmp_path, script).package()
    asked = {call.key.role: call.prompt.user for call in script.calls}  # the last call of each role
    assert "table `heights`: 30 rows" in asked["debugger"] and "KeyError: 'height'" in asked["debugger"]
    assert "line 4: group" in asked["debugger"]
    assert "mean height, red team | 169" in asked["planner"] and "The number of people is not recorded." in asked["planner"]
    assert "n=15 | rows: team is red" in asked["verifier"] and "Count the rows by team." in asked["verifier"]
    assert "def " not in asked["finalizer"] and "v1 | mean height, blue team" in asked["finalizer"]
    assert MEANS.splitlines()[1] in asked["coder"]


def test_a_question_in_a_language_without_a_lexicon_is_the_models_to_answer(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(
        step("Berechne den Mittelwert.", "q1"),
        code(MEANS),
        say("verifier", {"verdict": "sufficient", "answered": ["q1"]}),
        say("finalizer", {"findings": [{"question_id": "q1", "statement": "Die Spieler sind im Mittel {v1} und {v2} hoch."}]}),
    )
    package = Mission(sandbox, tmp_path, script, question="Wie hoch ist der Mittelwert der Spieler?").package()
    assert [a.status for a in package.answers] == ["answered"]


def test_what_no_step_can_answer_is_asked_of_research(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(say("planner", {"impossible": "The file says nothing of training."}))
    package = Mission(sandbox, tmp_path, script, question="Which training works?").package()
    assert [(a.status, a.note) for a in package.answers] == [("not_answered", "Not answered: The file says nothing of training.")]
    assert [r.text for r in package.evidence_requests] == ["evidence for what the data lack: The file says nothing of training."]
    assert package.usage.calls == 1


def test_the_thing_that_a_planner_or_finalizer_names_is_what_research_looks_for(sandbox: CodeSandbox, tmp_path: Path) -> None:
    impossible = {"impossible": "The file says nothing of training.", "needed": "how the players were trained"}
    package = Mission(sandbox, tmp_path, Scripted(say("planner", impossible)), question="Which training works?").package()
    assert [(r.text, r.because) for r in package.evidence_requests] == [
        ("how the players were trained", "The file says nothing of training.")
    ]
    worded = {
        "findings": [{"question_id": "q1", "statement": "The means are {v1} and {v2}."}],
        "answers": [{"question_id": "q2", "status": "not_answered", "note": "Nothing is said.", "needed": "how the players were trained"}],
    }
    script = Scripted(
        step("Calculate the means.", "q1"),
        code(MEANS),
        say("verifier", {"verdict": "sufficient", "answered": ["q1"]}),
        say("finalizer", worded),
    )
    package = Mission(sandbox, tmp_path, script, question="What is the mean height by team? Which training works?").package()
    assert [(r.text, r.because, r.question_id) for r in package.evidence_requests] == [
        ("how the players were trained", "Nothing is said.", "q2")
    ]


@pytest.mark.parametrize(
    ("role", "answered", "findings", "verified"),
    [
        ("planner", 0, True, True),
        ("coder", 0, True, True),
        ("verifier", 0, True, False),
        ("router", 0, True, False),
        ("finalizer", 0, True, True),
    ],
)
def test_without_money_the_best_so_far_is_reported_and_the_rest_is_extractive(
    sandbox: CodeSandbox, tmp_path: Path, role: str, answered: int, findings: bool, verified: bool
) -> None:
    verdict = INSUFFICIENT if role == "router" else SUFFICIENT
    answers = (step("Calculate the means.", "q1"), code(MEANS), say("verifier", verdict))
    package = Mission(sandbox, tmp_path, Refusing(role, answered, BudgetRefused, *answers)).package()
    assert {"budget_exhausted", "tier_extractive"} <= set(package.flags)
    by_question = {q: [f for f in package.findings if f.question_id == q] for q in ("q1", "q2")}
    assert bool(by_question["q1"]) is findings and by_question["q2"], "what the loop left open is answered by the extractive roles"
    assert all(f.verified is verified for f in by_question["q1"])
    assert all(f.tier == "extractive" for f in package.findings)
    ends_with_no_invented_figure(package)


def test_a_tier_that_falls_to_extractive_between_two_rounds_reports_the_best_unverified(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(step("Calculate the means.", "q1"), code(MEANS), say("verifier", INSUFFICIENT), say("router", {"route": "add_step"}))
    mission = Mission(sandbox, tmp_path, script)
    while not mission.state.rounds:
        mission.step()
    mission.scripted = None
    package = mission.package()
    first = [f for f in package.findings if f.question_id == "q1"]
    assert len(first) == 2 and not any(f.verified for f in first)
    assert first[0].statement == "Mean height, blue team: {v1}"
    assert [a.status for a in package.answers] == ["partial", "answered"]
    assert {"tier_extractive", "analysis_unverified"} <= set(package.flags)


def test_a_verifier_that_does_not_answer_has_found_nothing_insufficient(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Refusing("verifier", 0, ModelUnavailable, step("Calculate the means.", "q1"), code(MEANS))
    package = Mission(sandbox, tmp_path, script).package()
    assert (package.rounds[0].verdict, package.rounds[0].route) == ("unchecked", "no_model")
    assert "analysis_unverified" in package.flags


def test_an_open_circuit_at_the_first_call_gives_the_extractive_mission(sandbox: CodeSandbox, tmp_path: Path) -> None:
    package = Mission(sandbox, tmp_path, Refusing("planner", 0, ModelUnavailable)).package()
    assert {"model_unavailable", "tier_extractive"} <= set(package.flags)
    assert [a.status for a in package.answers] == ["answered", "answered"] and package.tier == "extractive"


def test_a_closed_mission_reports_the_best_run_in_plain_lines(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(step("Calculate the means.", "q1"), code(MEANS), say("verifier", INSUFFICIENT), say("router", {"route": "add_step"}))
    mission = Mission(sandbox, tmp_path, script)
    while not mission.state.rounds:
        mission.step()
    calls = len(script.calls)
    package = mission.track.close(mission.context(), mission.state, "cancelled").package
    assert isinstance(package, AnalyticalReportPackage) and len(script.calls) == calls
    assert [a.status for a in package.answers] == ["partial", "not_answered"]
    assert not any(f.verified for f in package.findings) and package.lineage.closed_because == "cancelled"


def test_a_hurried_slice_leaves_its_checkpoint_between_two_calls_and_ends_the_same(sandbox: CodeSandbox, tmp_path: Path) -> None:
    answers = (
        step("Calculate the means."),
        code(MEANS.replace("height_cm", "height")),
        fix(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    calm, hurried = Mission(sandbox, tmp_path / "a", Scripted(*answers)), Mission(sandbox, tmp_path / "b", Scripted(*answers))
    hurried.left = 0.0
    first, second = calm.package(), hurried.package()
    assert (len(calm.slices), len(hurried.slices)) == (3, 9)
    first, second = (p.model_copy(update={"lineage": first.lineage, "artifacts": ()}) for p in (first, second))
    assert first == second


def test_a_slice_that_is_run_again_asks_the_same_though_its_code_is_never_the_same_twice(sandbox: CodeSandbox, tmp_path: Path) -> None:
    chance = "import secrets\nrecord('chance', secrets.randbelow(10**12), n=1)\nrecord('second', 1)\n"
    answers = (step("Draw."), code(chance), say("verifier", INSUFFICIENT), say("router", {"route": "add_step"}))
    mission = Mission(sandbox, tmp_path, Scripted(*answers))
    mission.step()
    before = mission.state
    asked = []
    for _ in range(2):  # a kill between the work and its commit: the same slice from the same state
        mission.state, mission.scripted = before, Scripted(*answers)
        mission.step()
        mission.slices.pop()
        asked.append([call.request_sha256 for call in mission.scripted.calls])
    assert asked[0] == asked[1] and len(asked[0]) == 4


def test_a_description_that_is_made_again_asks_the_same_though_its_script_fails_in_another_way(
    sandbox: CodeSandbox, tmp_path: Path
) -> None:
    failing = say("analyzer", {"code": "import secrets\nraise ValueError(secrets.token_hex())\n"})
    describing = say("analyzer", {"code": "1 / 0\n"})
    mission = Mission(sandbox, tmp_path, Scripted(), files={"odd.csv": b"\x1f\x8b\x08\x00" + b"\x02" * 50})
    mission.step()
    before = mission.state
    asked = []
    for _ in range(2):  # a kill between the second answer and the commit: the same slice from the same state
        mission.state, mission.scripted = before, Scripted(failing, describing)
        mission.step()
        mission.slices.pop()
        asked.append([call.request_sha256 for call in mission.scripted.calls])
    assert asked[0] == asked[1] and len(asked[0]) == 2


def test_a_file_that_the_analyzer_cannot_read_is_described_by_a_script_of_the_models(sandbox: CodeSandbox, tmp_path: Path) -> None:
    packed = b"\x1f\x8b\x08\x00" + b"\x00" * 6 + b"team;height\nred;170\nblue;160\n"
    reading = "text = open(inputs['odd.csv'], 'rb').read()[10:].decode()\nrows = text.splitlines()\n"
    describe = reading + "emit({'description': f'skip 10 bytes, then CSV with ;: columns {rows[0]}, {len(rows) - 1} rows'})\n"
    analysis = (
        step("Count the rows.", "q1"),
        code(reading + "record('rows', len(rows) - 1, 'rows', n=len(rows) - 1)\n"),
        say("verifier", {"verdict": "sufficient", "answered": ["q1"]}),
        say("finalizer", {"findings": [{"question_id": "q1", "statement": "There are {v1} in the file."}]}),
    )
    script = Scripted(say("analyzer", {"code": "1 / 0\n"}), say("analyzer", {"code": describe}), *analysis)
    mission = Mission(sandbox, tmp_path, script, question="How many rows are there?", files={"odd.csv": packed})
    package = mission.package()
    assert "ZeroDivisionError" in script.calls[1].prompt.user
    assert "170" not in script.calls[0].prompt.user, "nothing of the file but its description reaches a prompt"
    assert "columns team;height, 2 rows" in script.calls[2].prompt.user
    assert package.answers[0].status == "answered" and package.values[0].value == 2
    assert "data_unreadable" not in package.flags and any("generated code only" in limit for limit in package.limitations)

    again = Mission(sandbox, tmp_path, Scripted(*analysis), question="How many rows are there?", files={"odd.csv": packed})
    assert again.package().answers[0].status == "answered", "the description is remembered by the file's content"


def test_nothing_of_a_large_file_reaches_a_prompt_but_its_description(sandbox: CodeSandbox, tmp_path: Path) -> None:
    rows = "".join(f"person-{i:06}-hidden,{'red' if i % 2 else 'blue'},{150 + i % 40}\n" for i in range(30_000))
    script = Scripted(
        step("Calculate the means."),
        code(MEANS.replace("height_cm", "height")),
        fix(MEANS),
        say("verifier", INSUFFICIENT),
        say("router", {"route": "add_step"}),
        step("Count the people."),
        code(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    mission = Mission(sandbox, tmp_path, script, files={"heights.csv": f"name,team,height_cm\n{rows}"})
    assert mission.package().values[0].n == 15_000
    shown = "".join(call.prompt.system + call.prompt.user for call in script.calls)
    seen = set(re.findall(r"person-\d{6}", shown))
    assert seen <= {"person-000000", "person-000001", "person-000002"}, "the description's samples, and nothing else"
    assert max(call.size_bytes for call in script.calls) < 20_000


def test_models_that_come_back_do_not_begin_again_what_code_has_begun(sandbox: CodeSandbox, tmp_path: Path) -> None:
    mission = Mission(sandbox, tmp_path, None)
    while not mission.state.rounds:
        mission.step()
    mission.scripted = Scripted()
    package = mission.package()
    assert [a.status for a in package.answers] == ["answered", "answered"]
    assert package.tier == "extractive" and "tier_extractive" in package.flags and package.usage.calls == 0


def test_a_file_that_no_script_can_read_stops_nothing(sandbox: CodeSandbox, tmp_path: Path) -> None:
    script = Scripted(
        *[say("analyzer", {"code": ""})] * 3,
        step("Calculate the means."),
        code(COUNTS),
        say("verifier", SUFFICIENT),
        say("finalizer", WORDED),
    )
    mission = Mission(sandbox, tmp_path, script, files={"heights.csv": HEIGHTS, "odd.csv": b"\x1f\x8b\x08\x00" + b"\x01" * 50})
    package = mission.package()
    assert [a.status for a in package.answers] == ["answered", "answered"]
    assert "data_unreadable" in package.flags and any(limit.startswith("odd.csv: ") for limit in package.limitations)
    assert mission.told("file.retold") == [{"file": 2, "readable": False}]
