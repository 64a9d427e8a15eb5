"""``doctor``, ``space``, ``bench quality``, ``schemas check`` and ``run --plan`` in real processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import LIMIT_S, ROOT, Kimera

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240)]


@pytest.fixture
def kimera(bubblewrap: object, tmp_path: Path) -> Kimera:
    tmp_path.joinpath("a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\n")
    tmp_path.joinpath("history.md").write_text("# Stations\n\nThe station in Bern was moved to the hill in 1994, where it is colder.\n")
    return Kimera(tmp_path)


def test_doctor_finds_everything_here_and_says_what_is_missing_there(kimera: Kimera) -> None:
    well = kimera("doctor", "--json")
    assert (well.code, well.json["ok"]) == (0, True), well.out
    assert not kimera.home.exists()
    ill = kimera("doctor", KIMERA_SANDBOX_PYTHON=str(kimera.folder / "nowhere"))
    assert ill.code == 3
    assert "MISSING  sandbox" in ill.out
    assert "make setup" in ill.out


def test_a_space_is_filled_listed_searched_and_exported(kimera: Kimera) -> None:
    kimera.folder.joinpath("broken.pdf").write_bytes(b"no pdf")
    added = kimera("space", "add", "climate", "history.md", "broken.pdf", "--json")
    assert [f["status"] for f in added.json["files"]] == ["added", "unreadable"]
    assert kimera("space", "list", "--json").json["spaces"][0]["documents"] == 1
    assert kimera("space", "list").out.split() == ["climate", "1", "document", str(added.json["files"][0]["passages"]), "passage"]
    found = kimera("space", "search", "climate", "when was the station moved", "--json").json["passages"]
    assert "1994" in found[0]["text"]
    assert {json.loads(line)["type"] for line in kimera("space", "export", "climate").out.splitlines()} >= {"document", "passage"}
    assert kimera("space", "search", "nothing", "x").code == 2
    listed = kimera("space", "list", "climate").out
    taken_out = kimera("space", "remove", "climate", listed.split()[0], "--json").json["removed"]
    assert taken_out["name"] == "history.md" and kimera("space", "list", "--json").json == {"spaces": []}
    assert kimera("space", "remove", "climate", "history.md").code == 2


def test_documents_that_say_nothing_about_it_are_the_reason_and_not_that_there_are_no_data(kimera: Kimera) -> None:
    asked = kimera("run", "Why did the bananas ripen?", "--docs", "history.md")
    assert "Not answered: Nothing found in these documents" in asked.out and "calculated" not in asked.out


def test_a_plan_shows_the_reading_and_starts_no_mission(kimera: Kimera) -> None:
    plan = kimera("run", "What is the mean temp by city, and why?", "--data", "a.csv", "--docs", "history.md", "--plan", "--json").json
    assert [q["status"] for q in plan["sub_questions"]] == ["read", "not_read"]
    assert "mean(temp) by city" in plan["sub_questions"][0]["reading"]
    assert plan["sub_questions"][1]["suggestions"]
    assert plan["cost_bound_usd"] == 0
    assert [f["name"] for f in plan["files"]] == ["a.csv", "history.md"]
    assert kimera("list", "--json").json == {"missions": []}


def test_an_empty_file_of_a_folder_is_named_and_left_out(kimera: Kimera, tmp_path: Path) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "a.txt").write_text("The population of Bern is 134,000 people.")
    (folder / "b.txt").write_text("")
    plan = kimera("run", "What is the population of Bern?", "--docs", str(folder), "--plan", "--json")
    assert [f["name"] for f in plan.json["files"]] == ["a.txt"]
    assert "b.txt is empty, and left out." in plan.err


def test_a_question_from_a_file_is_read_without_the_file_s_mark(kimera: Kimera) -> None:
    plan = kimera("run", "-", "--data", "a.csv", "--plan", "--json", question="\ufeffWhat is the mean temp by city?\r\n").json
    assert [q["question"] for q in plan["sub_questions"]] == ["What is the mean temp by city?"]


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("exec kimera run - --data a.csv <&-", "The question is empty."),
        ("mkdir gone && cd gone && rmdir ../gone && exec kimera list", "The folder in which the command was started is gone."),
    ],
    ids=["stdin is closed", "no folder"],
)
def test_what_a_process_may_lack_is_told(kimera: Kimera, start: str, said: str) -> None:
    command = start.replace("kimera", f"{sys.executable} -m cli.main")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=kimera.folder, env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    assert (done.returncode, said in done.stderr) == (2, True), done.stderr


def test_a_suite_is_scored_and_repeats_are_compared(kimera: Kimera) -> None:
    for name, number in (("right", 14.5), ("wrong", 99)):
        task = kimera.folder / "suite" / name
        task.mkdir(parents=True)
        checks = f'[[checks]]\ntype = "value"\nnumber = {number}\n'
        (task / "task.toml").write_text(f'question = "What is the mean temp by city?"\ninputs = ["../../a.csv"]\n{checks}')
    scored = kimera("bench", "quality", "suite", "--repeat", "2", "--json")
    assert scored.code == 1
    assert (scored.json["passed"], scored.json["failed"], scored.json["identical"]) == (1, 1, True)
    assert [(t["name"], t["passed"], len(t["missions"])) for t in scored.json["tasks"]] == [("right", True, 2), ("wrong", False, 2)]
    assert kimera("bench", "quality", "suite/right").code == 0


def test_the_released_contracts_are_current(kimera: Kimera) -> None:
    assert kimera("schemas", "check", "--json").json == {"ok": True, "breaking": False, "stale": []}
