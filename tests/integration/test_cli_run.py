"""``kimera run`` as a person and a program meet it: real processes on real stores."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.command import Ended, Kimera

pytestmark = [pytest.mark.bubblewrap, pytest.mark.timeout(240), pytest.mark.xdist_group("cli-run")]
QUESTION = "What is the mean temp by city?"
THREE = "What is the mean temp by city? What is the median temp? How many rows are there by city?"


@pytest.fixture(scope="module")
def kimera(bubblewrap: object, tmp_path_factory: pytest.TempPathFactory) -> Kimera:
    folder = tmp_path_factory.mktemp("cli")
    folder.joinpath("a.csv").write_text("city,temp\nBern,12\nBern,13\nBasel,15\nBasel,14\nBern,12.5\nBasel,14.5\n")
    return Kimera(folder, ahead=True)


@pytest.fixture(scope="module")
def done(kimera: Kimera) -> Ended:
    """One mission that ended well, from the very start; the tests below look at it from all sides."""
    return kimera.afresh("run", QUESTION, "--data", "a.csv", "--json")


def test_run_ends_with_one_json_object_and_the_report_on_disk(done: Ended) -> None:
    assert done.code == 0, done.err
    assert set(done.json) == {"mission_id", "status", "fusion_status", "cost_usd", "flags", "reports"}
    assert (done.json["status"], done.json["fusion_status"], done.json["cost_usd"]) == ("DONE", "FINAL", 0)
    assert all(Path(done.json["reports"][form]).is_file() for form in ("md", "html", "json"))


def test_the_first_line_says_the_tier_and_what_it_costs(done: Ended) -> None:
    assert done.err.splitlines()[0] == "extractive: no model, $0"


def test_progress_tells_of_both_tracks_on_stderr(done: Ended) -> None:
    assert "Deep Research" in done.err
    assert "DS-STAR" in done.err


def test_a_sandbox_gets_ready_for_data_while_the_platform_does(bubblewrap: object, tmp_path: Path) -> None:
    kimera = Kimera(tmp_path, ahead=True)
    tmp_path.joinpath("a.csv").write_text("city,temp\nBern,12\nBasel,15\n")
    shim, log = tmp_path / "bwrap", tmp_path / "started"
    shim.write_text(f'#!/bin/sh\necho "$(date +%s.%N) $*" >> {log}\nexec {shutil.which("bwrap")} "$@"\n')
    shim.chmod(0o755)
    ended = kimera.afresh("run", QUESTION, "--data", "a.csv", "--json", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert ended.code == 0, ended.err
    ahead = next(line for line in log.read_text().splitlines() if "pandas" in line)
    story = kimera("inspect", ended.json["mission_id"], "--json").json["timeline"]
    work = next(moment for moment in story if moment["what"] == "ds_star.slice")
    assert float(ahead.split()[0]) < datetime.fromisoformat(work["at"]).timestamp()
    log.unlink()
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert kimera.afresh("run", QUESTION, "--data", "a.csv", "--json", PATH=path, KIMERA_SANDBOXES_AHEAD="0").code == 0
    assert "pandas" not in log.read_text(), "each sandbox is started for its job"


def test_the_mission_is_read_without_a_running_platform(kimera: Kimera, done: Ended) -> None:
    mission = done.json["mission_id"]
    assert kimera("status", mission, "--json").json["status"] == "DONE"
    assert [m["mission_id"] for m in kimera("list", "--json").json["missions"]] == [mission]
    created = datetime.fromisoformat(kimera("status", mission, "--json").json["created_at"]).astimezone(UTC)
    assert f"{mission}  DONE       {created:%Y-%m-%d %H:%M} UTC  " in kimera("list").out
    assert mission in kimera("list", "--status", "done").out and kimera("list", "--status", "FAILED", "--json").json == {"missions": []}
    assert "14.5" in kimera("report", mission).out
    assert kimera("audit", "verify", mission, "--json").json["ok"] is True


def test_inspect_tells_events_and_spans_in_time_order(kimera: Kimera, done: Ended) -> None:
    story = kimera("inspect", done.json["mission_id"], "--json").json
    times = [moment["at"] for moment in story["timeline"]]
    assert times == sorted(times)
    told = {moment["what"] for moment in story["timeline"]}
    assert {"mission.created", "slice.committed", "report.published", "mission.done", "ds_star.slice", "sandbox.run"} <= told
    assert {phase["phase"] for phase in story["phases"]} >= {"sandbox.run", "fusion.final"}


def test_a_question_from_stdin_and_an_out_folder(kimera: Kimera) -> None:
    ended = kimera("run", "-", "--data", "a.csv", "--out", "here", question=QUESTION)
    assert ended.code == 0, ended.err
    assert "14.5" in ended.out
    assert ended.out.rstrip().endswith("folder: here/")
    assert {"README.txt", "report.html", "report.json", "report.md"} <= {p.name for p in (kimera.folder / "here").iterdir()}


def test_the_first_ctrl_c_fuses_what_there_is(kimera: Kimera) -> None:
    with kimera.started("run", THREE, "--data", "a.csv", "--json") as running:
        running.line_with("answered")
        running.interrupt()
        ended = running.ended()
    assert ended.code == 1
    assert ended.json["status"] == "CANCELLED"
    assert Path(ended.json["reports"]["html"]).is_file()


def test_the_second_ctrl_c_leaves_at_once_and_the_printed_command_goes_on(kimera: Kimera) -> None:
    with kimera.started("run", THREE, "--data", "a.csv") as running:
        running.line_with("answered")
        running.interrupt()
        running.line_with("Ctrl-C again leaves at once")
        running.interrupt()
        left = running.ended()
    assert left.code == 130
    command = left.err.strip().splitlines()[-1].partition("go on with:")[2].split()
    assert command[:3] == ["kimera", "run", "--resume"]
    resumed = kimera(*command[1:], "--json")
    assert resumed.json["status"] == "DONE", resumed.err
    assert "The cancel is withdrawn" in resumed.err
    assert kimera("audit", "verify").code == 0


def test_a_mission_that_nobody_runs_is_cancelled_all_the_same(kimera: Kimera) -> None:
    with kimera.started("run", THREE, "--data", "a.csv", KIMERA_CRASH_AT="slice.worked:4") as running:
        mission = running.line_with("mission m_").split()[1]
        running.ended()
    cancelled = kimera("cancel", mission, "--json")
    assert (cancelled.code, cancelled.json["status"]) == (0, "CANCELLED"), cancelled.err


@pytest.mark.parametrize("point", ["slice.worked:3", "report.stored"])
def test_a_killed_run_is_resumed_and_repeats_no_finished_slice(kimera: Kimera, point: str) -> None:
    with kimera.started("run", THREE, "--data", "a.csv", KIMERA_CRASH_AT=point) as running:
        mission = running.line_with("mission m_").split()[1]
        assert running.ended().code == -9
    before = kimera("inspect", mission, "--json").json
    assert before["mission"]["status"] in ("RUNNING", "FUSION")
    resumed = kimera("run", "--resume", mission, "--json")
    assert resumed.code == 0, resumed.err
    timeline = kimera("inspect", mission, "--json").json["timeline"]
    slices = [(m["who"], m["detail"]["seq"]) for m in timeline if m["what"] == "slice.committed"]
    assert len(slices) == len(set(slices))
    assert any(m["what"] == "mission.restarted" for m in timeline)


def test_resuming_a_mission_that_ended_only_reports(kimera: Kimera, done: Ended) -> None:
    again = kimera("run", "--resume", done.json["mission_id"], "--json")
    assert (again.code, json.loads(again.out)) == (0, done.json)


def test_a_deleted_mission_is_gone_and_its_audit_chain_stays(kimera: Kimera) -> None:
    mission = kimera("run", "How many rows are there?", "--data", "a.csv", "--json").json["mission_id"]
    assert kimera("delete", mission).code == 0
    assert kimera("status", mission).code == 2
    assert kimera("audit", "verify", mission, "--json").json["events"] > 0


def test_inputs_stay_until_no_mission_uses_them_and_they_are_asked_to_go(kimera: Kimera, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (kimera.folder / "twice.csv").write_text("city,temp\nBern,1\nBasel,2\n")
    (kimera.folder / "once.csv").write_text("city,temp\nBern,3\nBasel,4\n")

    def run(*files: str) -> str:
        data = [word for name in files for word in ("--data", name)]
        return str(kimera("run", "How many rows are there?", *data, "--json", KIMERA_HOME=str(home)).json["mission_id"])

    def stored() -> set[str]:
        return {path.name.removesuffix("@") for path in (home / "artifacts" / "objects").glob("inputs/*/*/*@")}

    both, other = run("twice.csv", "once.csv"), run("twice.csv")
    kept = kimera("delete", both, KIMERA_HOME=str(home))
    assert (kept.code, stored()) == (0, {"twice.csv", "once.csv"})
    assert "2 uploaded files (50 bytes) stay" in kept.err
    removed = kimera("delete", "--unused-inputs", "--json", KIMERA_HOME=str(home))
    assert removed.json == {"unused_inputs": 1, "unused_inputs_bytes": 25}
    assert stored() == {"twice.csv"}
    last = kimera("delete", other, "--unused-inputs", "--json", KIMERA_HOME=str(home)).json
    assert (last["mission_id"], last["unused_inputs"], stored()) == (other, 1, set())


def test_a_delete_of_nothing_says_what_it_wants(kimera: Kimera) -> None:
    assert (refused := kimera("delete")).code == 2 and "--unused-inputs" in refused.err
    assert (refused := kimera("delete", "--unused-inputs", "--endpoint", "http://127.0.0.1:1")).code == 2 and "--endpoint" in refused.err
