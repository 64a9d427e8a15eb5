"""Every prompt of the repository: a changed text has a new version, and whatever the files hold a prompt stays within its budget."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from functions.ds_star.briefing import FILE_TOKENS, Briefing, files_text, ranked
from functions.ds_star.loop_state import Candidate, GeneratedRun, Loop, PlanStep, Recorded
from functions.ds_star.roles.analyzer import ask_analyzer
from functions.ds_star.roles.coder import MAX_CODE, ask_coder
from functions.ds_star.roles.debugger import ask_debugger
from functions.ds_star.roles.finalizer import ask_finalizer
from functions.ds_star.roles.planner import ask_planner
from functions.ds_star.roles.router import ask_router
from functions.ds_star.roles.verifier import ask_verifier
from schemas.analysis import ColumnDescription, FileDescription, TableDescription
from schemas.evidence import SubQuestion
from shared.models.prompts import BYTES_PER_TOKEN, Prompt
from shared.models.scripting import ScriptedAnswer
from tests.support.models import Scripted

ROOT = Path(__file__).resolve().parents[2]
SNAPSHOT = ROOT / "tests" / "snapshots" / "prompts.json"
ACCEPT = "KIMERA_ACCEPT_PROMPTS"
HOW = f"Raise `version` in its front matter, then run: {ACCEPT}=1 scripts/test tests/unit/test_prompts.py"
Snapshot = dict[str, dict[str, int | str]]


def prompts() -> list[Prompt]:
    """Every prompt file of the code."""
    folders = ("shared", "functions", "infra", "cli")
    return [Prompt(path) for folder in folders for path in sorted((ROOT / folder).rglob("prompts/*.md.j2"))]


def changes(known: Snapshot, now: Snapshot) -> list[str]:
    """What is wrong with going from the accepted prompts to those there are; empty where they are the same."""
    found = []
    for name, prompt in now.items():
        before = known.get(name)
        if before is None:
            found.append(f"{name} is new. Accept it: {ACCEPT}=1 scripts/test tests/unit/test_prompts.py")
        elif prompt["sha256"] != before["sha256"] and int(prompt["version"]) <= int(before["version"]):
            found.append(f"the text of {name} changed without a new version. {HOW}")
        elif prompt != before:
            found.append(f"{name} has a new version that is not accepted yet. {HOW}")
    return found + [f"{name} is gone. {HOW}" for name in known.keys() - now.keys()]


def test_a_changed_text_has_a_new_version() -> None:
    now: Snapshot = {p.front.id: {"version": p.front.version, "sha256": p.sha256} for p in prompts()}
    known: Snapshot = json.loads(SNAPSHOT.read_text(encoding="utf-8")) if SNAPSHOT.exists() else {}
    found = changes(known, now)
    if os.environ.get(ACCEPT) and not any("without a new version" in change for change in found):
        SNAPSHOT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return
    assert not found, "\n".join(found)


def test_the_snapshot_refuses_what_it_should() -> None:
    known: Snapshot = {"a.b": {"version": 1, "sha256": "x"}}
    assert changes(known, known) == []
    assert "without a new version" in changes(known, {"a.b": {"version": 1, "sha256": "y"}})[0]
    assert "not accepted yet" in changes(known, {"a.b": {"version": 2, "sha256": "y"}})[0]
    assert "is new" in changes({}, known)[0] and "is gone" in changes(known, {})[0]


def test_every_prompt_has_an_id_of_its_own_after_its_place_and_a_name_for_its_output() -> None:
    found = prompts()
    assert len({p.front.id for p in found}) == len(found)
    for prompt in found:
        area, _, name = prompt.front.id.partition(".")
        assert name == prompt.path.name.removesuffix(".md.j2") and area in prompt.path.parts, prompt.path
        assert prompt.front.output and prompt.front.version >= 1


# --- budgets -----------------------------------------------------------------------------------------------------------

TEXTS = {
    "plain": "Some words of a cell that go on ",
    "markup": "<data></data>< / data",
    "grows when normalised": "\u0958\u0959\u095a\ufb2c",
    "four bytes": "\U0001f600\U0001d54f",
    "braces": "{{ question }}{% for x in y %}",
}


def much(text: str, characters: int) -> str:
    return (text * (characters // len(text) + 1))[:characters]


def briefing(text: str) -> Briefing:
    """40 files with 200 columns, and as much of everything else as a mission may hold."""
    columns = tuple(
        ColumnDescription(
            name=f"{i} {much(text, 60)}",
            dtype="string",
            role="category",
            distinct=200,
            values=tuple(f"{j} {much(text, 190)}" for j in range(20)),
        )
        for i in range(200)
    )
    table = TableDescription(name=much(text, 100), rows=10**6, columns=columns, warnings=(much(text, 900),) * 9)
    files = tuple(
        FileDescription(
            file=f"{n} {much(text, 200)}",
            sha256="0" * 64,
            format="csv",
            tables=(table,),
            analyzer="analyze",
            analyzer_version="1",
            error="it cannot be read" if n % 9 == 0 else None,
            text=much(text, 9_000) if n % 9 == 0 else None,
        )
        for n in range(40)
    )
    parts = tuple(SubQuestion(id=f"q{i}", text=much(text, 700)) for i in range(1, 13))
    return Briefing(much(text, 4_000), parts, much(text, 2_500), files)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_prompts_stay_within_their_budgets_with_40_files_of_200_columns(text: str) -> None:
    given = briefing(text)
    steps = tuple(PlanStep(text=f"{i} {much(text, 890)}", question_ids=("q1",)) for i in range(20))
    value = Recorded(name=much(text, 200), value=much(text, 300), unit=much(text, 40), n=10**9, filters=much(text, 300))
    run = GeneratedRun(
        script_name="1.py",
        script="artifact:x",
        script_sha256="0" * 64,
        code_sha256="0" * 64,
        lines_before=0,
        status="ok",
        values=(value,) * 200,
        warnings=(much(text, 300),) * 25,
    )
    best = Candidate(round=1, run_id="r1", run=run, steps=steps, question_of={}, missing=much(text, 900))
    loop = Loop(steps=steps, abandoned=tuple(s.text for s in steps), run=run, best=best, problem=much(text, 5_000))
    code = much(text, MAX_CODE)
    answers = {
        "planner": {"step": "Do.", "question_ids": ["q1"]},
        "coder": {"code": "x = 1"},
        "debugger": {"code": "x = 1"},
        "verifier": {"verdict": "sufficient"},
        "router": {"route": "add_step"},
        "finalizer": {},
        "analyzer": {"code": "x = 1"},
    }
    script = Scripted(*(ScriptedAnswer.model_validate({"role": role, "answer": answer}) for role, answer in answers.items()))
    desk = script.desk()
    ask_planner(desk, given, loop)
    ask_coder(desk, given, loop, code)
    ask_debugger(desk, given, loop, code)
    ask_verifier(desk, given, loop, run, code)
    ask_router(desk, given, loop)
    ask_finalizer(desk, given, best)
    ask_analyzer(desk, given.descriptions[0], 10**9, much(text, 5_000))
    assert {call.key.role for call in script.calls} == answers.keys()  # none of them raised TooLarge
    asked = {call.key.role: call.prompt.user for call in script.calls}
    shown = asked["planner"].partition('<data name="files">')[2].partition("\n</data>")[0]
    assert "not shown" not in shown and shown.count("[cut]") + shown.count("more columns") >= 35, "every file is described, if shortly"


def test_the_files_that_the_question_names_come_first_and_in_full() -> None:
    given = briefing("word ")
    column = ColumnDescription(name="glacier_length", dtype="number", role="measure")
    asked = FileDescription(
        file="ice.csv",
        sha256="1" * 64,
        format="csv",
        tables=(TableDescription(name="ice", rows=9, columns=(column,)),),
        analyzer="analyze",
        analyzer_version="1",
    )
    shown = files_text(ranked("How long are the glaciers?", (*given.descriptions, asked)), 6_000)
    assert shown.startswith("ice.csv (csv)") and "glacier_length: measure" in shown
    assert len(shown.encode()) <= 6_000 * BYTES_PER_TOKEN


def test_one_file_takes_no_more_than_its_share_and_what_is_not_shown_is_counted() -> None:
    given = briefing("word ")
    one = files_text(given.descriptions[1:2], 50_000)
    assert FILE_TOKENS * BYTES_PER_TOKEN * 0.8 < len(one.encode()) <= FILE_TOKENS * BYTES_PER_TOKEN + 10
    few = files_text(given.descriptions, 1_000)
    assert few.endswith("more files, which are not shown") and len(few.encode()) <= 1_000 * BYTES_PER_TOKEN
