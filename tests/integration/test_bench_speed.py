"""``kimera bench orchestration``, ``load``, ``audit`` and ``cold-start``, small: that they measure what they say. docs/performance.md."""

from __future__ import annotations

import os
import signal
import sqlite3
from pathlib import Path

import pytest

from functions.manifest import MANIFEST, Dependencies
from infra.local.benchmarks.first_calls import CALLED
from infra.local.benchmarks.load import LoadPlan, run_load
from infra.local.benchmarks.load_result import Ended, LoadResult
from infra.local.drills.processes import processes
from shared.clock import SystemClock
from tests.support.command import Kimera, eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def kimera(tmp_path: Path) -> Kimera:
    return Kimera(tmp_path)


def test_orchestration_runs_every_mission_to_done_and_prints_one_object(kimera: Kimera) -> None:
    done = kimera.afresh("bench", "orchestration", "--missions", "3", "--serial", "1", "--concurrency", "3", "--json")
    assert done.code == 0, done.err
    told = done.json
    assert {"missions_per_s", "p50_ms", "p95_ms", "cpu_ms_per_mission", "flushes_per_mission", "peak_mb"} <= told.keys()
    assert (told["serial"]["missions"], told["at_once"]["missions"], told["at_once"]["concurrency"]) == (1, 3, 3)
    assert told["missions_per_s"] > 0 and told["p95_ms"] >= told["p50_ms"] > 0
    assert not list((kimera.folder / ".kimera").glob("bench-*")), "the missions that were measured are left behind"


def test_audit_finds_every_forgery_and_holds_no_more_for_more_missions(kimera: Kimera) -> None:
    done = kimera.afresh("bench", "audit", "--events", "5000", "--json")
    assert done.code == 0, done.out + done.err
    told = done.json
    assert (told["all"]["events"], told["all"]["missions"]) == (5000, 200)
    assert told["forgeries_found"] == {"changed": True, "reordered": True, "removed": True, "cut off": True, "asked otherwise": True}
    assert told["memory_kept"] is True


def test_cold_start_tells_the_first_answer_of_every_control_function_whatever_the_settings_here_are(kimera: Kimera) -> None:
    kimera.folder.joinpath("kimera.toml").write_text('workflow_account = "somebody@example.com"\n')
    done = kimera.afresh("bench", "cold-start", "--repeat", "1", "--json", KIMERA_TRACES="otlp")
    assert done.code in (0, 1), done.err  # how fast this machine is now is not what is tested
    told = {one["name"]: one for one in done.json["measures"]}
    assert told.keys() == {*(row.name for row in MANIFEST), "kimera --help"}
    answered = {name for name, one in told.items() if one["first_answer_ms"] is not None}
    assert answered == set(CALLED) == {row.name for row in MANIFEST if row.dependencies is Dependencies.CONTROL}
    assert all(0 < one["fastest_ms"] <= one["ms"] for one in told.values())


def test_a_load_with_a_kill_loses_nothing_and_does_nothing_twice(tmp_path: Path) -> None:
    result = run_load(tmp_path, LoadPlan(missions=8, concurrency=4, kill_every_s=200), SystemClock(), lambda _: None)
    assert result.kills == 1, "nothing was killed, so nothing was shown"
    assert result.sound, result.as_json()
    assert len({one.mission_id for one in result.ended}) == 8


def test_ctrl_c_ends_a_load_though_it_ends_the_server_as_well(kimera: Kimera) -> None:
    with kimera.started("bench", "load", "--missions", "5000") as running:
        eventually(lambda: any(missions_in(data) for data in kimera.home.glob("bench-*")), "missions are submitted")
        (server,) = processes("infra.local.benchmarks.served", kimera.home)
        running.interrupt()
        os.kill(server, signal.SIGINT)
        assert running.ended().code == 130
    assert processes("infra.local.benchmarks.served", kimera.home) == []
    assert not list(kimera.home.glob("bench-*")), "the missions that were measured are left behind"


def test_a_load_whose_server_dies_by_itself_says_so_at_once(kimera: Kimera) -> None:
    with kimera.started("bench", "load", "--missions", "5000", "--json") as running:
        eventually(lambda: any(missions_in(data) for data in kimera.home.glob("bench-*")), "missions are submitted")
        (server,) = processes("infra.local.benchmarks.served", kimera.home)
        died = SystemClock().monotonic()
        os.kill(server, signal.SIGKILL)
        ended = running.ended()
    assert ended.code == 3
    assert SystemClock().monotonic() - died < 30
    assert "The server has ended by itself (signal 9)" in ended.err and "--keep DIR" in ended.err
    assert not list(kimera.home.glob("bench-*")), "the missions that were measured are left behind"


def missions_in(data: Path) -> int:
    """How many a data folder holds; none where there is no store yet."""
    try:
        with sqlite3.connect(f"file:{data / 'kimera.sqlite3'}?mode=ro", uri=True) as store:
            count: int = store.execute("SELECT count(*) FROM documents WHERE collection = 'missions'").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    return count


def test_what_was_lost_or_done_twice_is_counted() -> None:
    ended = (Ended(0, "m_1", "DONE", 1.0, SystemClock().now()), Ended(1, "m_2", "FAILED", 1.0, SystemClock().now()))
    result = LoadResult(plan_missions=3, concurrency=1, seconds=1.0, ended=ended, samples=(), kills=0, twice=("m_1: slice 1:0",))
    assert (result.lost, result.not_done, result.sound) == (1, 1, False)
    assert result.as_json()["twice"] == 1
