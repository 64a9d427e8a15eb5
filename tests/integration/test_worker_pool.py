"""Missions in worker processes: they end as in one process; no death of a worker or of the platform, and no stop, loses any."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.benchmarks.idle_functions import idle_functions
from infra.local.benchmarks.orchestration import idle_mission
from infra.local.benchmarks.usage import children, cpu_s
from infra.local.lock import DataFolderLock
from infra.local.platform import OneMission, Platform
from schemas.mission import MissionInput, MissionRequest, MissionStatus
from shared.inputs import store_input
from shared.settings import Settings
from tests.support.command import ROOT, Kimera
from tests.support.waiting import until, until_ended

pytestmark = pytest.mark.timeout(180)
WORKERS = 2


def settings(tmp_path: Path, **more: object) -> Settings:
    return Settings(home=tmp_path / "home", workers=WORKERS).model_copy(update=more)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """With idle tracks."""
    with Platform(settings(tmp_path), command="test", functions=idle_functions) as running:
        yield running


def submit(platform: Platform, *, question: str = "How long does the orchestration of a mission take?") -> str:
    """A mission of the platform's API."""
    folder = platform.runtime.home
    (folder / "idle.csv").write_text("nothing\n0\n")
    stored = store_input(platform.runtime.artifacts, owner="local", name="idle.csv", source=folder / "idle.csv")
    body = {**idle_mission(stored.uri), "question": question}
    with httpx.Client(transport=httpx.WSGITransport(app=platform.public), base_url="http://localhost") as client:
        answer = client.post("/missions", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["mission_id"])


def workers(platform: Platform) -> tuple[int, ...]:
    pool = platform.pool
    assert pool is not None
    return pool.processes


def loaded(pid: int) -> bool:
    """Whether a worker has what it begins with: it has started its scheduler's thread, the last of four."""
    return len([*Path(f"/proc/{pid}/task").iterdir()]) >= 4


def taken(pid: int) -> int:
    """The address space of a process, in bytes (proc(5): the first of ``statm``, in pages)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def slices(platform: Platform, mission_id: str) -> Counter[tuple[str, object]]:
    events = platform.runtime.audit.events(mission_id)
    return Counter((e.writer, e.detail["seq"]) for e in events if e.kind == "slice.committed")


def test_missions_run_in_the_workers_and_end_as_in_one_process(platform: Platform) -> None:
    ids = [submit(platform) for _ in range(8)]
    ended = [until_ended(platform, mission_id) for mission_id in ids]
    assert {(m.status, m.epoch) for m in ended} == {(MissionStatus.DONE, 1)}
    assert all(set(slices(platform, mission_id).values()) == {1} for mission_id in ids)
    assert platform.runtime.audit.verify().breaks == ()
    assert len(workers(platform)) == WORKERS and os.getpid() not in workers(platform)
    spent = [sum(os.times()[:2]), *(cpu_s(pid) for pid in workers(platform))]
    assert min(spent[1:]) > 0.1, f"a worker had nothing to do: {spent}"


def test_a_real_mission_reads_its_inputs_in_a_worker(tmp_path: Path, bubblewrap: Path) -> None:
    table = tmp_path / "temp.csv"
    table.write_text("station,temp\n" + "".join(f"{s},{n % 7 + k}\n" for n in range(30) for k, s in enumerate(["Bern", "Basel"])))
    with Platform(settings(tmp_path), command="test") as running:
        stored = store_input(running.runtime.artifacts, owner="local", name=table.name, source=table)
        request = MissionRequest(
            question="What is the mean temp by station?", inputs=(MissionInput(uri=stored.uri, kind="data", name=table.name),)
        )
        with httpx.Client(transport=httpx.WSGITransport(app=running.public), base_url="http://localhost") as client:
            body = request.model_dump_json()
            mission_id = client.post("/missions", content=body, headers={"Content-Type": "application/json"}).json()["mission_id"]
            assert until_ended(running, mission_id).status is MissionStatus.DONE
            assert "Basel" in client.get(f"/missions/{mission_id}/report?format=md").text


def test_missions_of_a_worker_that_died_go_on_at_once_and_repeat_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each worker dies at its fourth slice, and so does each that takes its place."""
    monkeypatch.setenv("KIMERA_CRASH_AT", "slice.worked:4")
    with Platform(settings(tmp_path), command="test", functions=idle_functions) as running:
        ended = until_ended(running, submit(running), seconds=90)
        deaths = capfd.readouterr().err.count("killed at slice.worked:4")
        assert ended.status is MissionStatus.DONE
        assert ended.epoch == deaths + 1 > 2
        assert set(slices(running, ended.mission_id).values()) == {1}
        assert running.runtime.audit.verify().breaks == ()


@pytest.mark.parametrize("more", [0, 9 * 1024 * 1024], ids=["nothing", "the stack of one thread"])
def test_missions_of_a_worker_that_may_take_no_more_memory_go_on_in_others(platform: Platform, more: int) -> None:
    """In it each call would fail by itself, and be made again for minutes."""
    poor, other = workers(platform)
    until(lambda: loaded(poor))
    limit = taken(poor) + more
    resource.prlimit(poor, resource.RLIMIT_AS, (limit, limit))
    ended = [until_ended(platform, mission_id) for mission_id in [submit(platform) for _ in range(8)]]
    assert {m.status for m in ended} == {MissionStatus.DONE}
    assert all(set(slices(platform, m.mission_id).values()) == {1} for m in ended)
    again = until(lambda: now if len(now := workers(platform)) == WORKERS and poor not in now else None)
    assert other in again


def test_another_worker_takes_the_place_of_a_dead_one(platform: Platform) -> None:
    dead, living = workers(platform)
    os.kill(dead, signal.SIGKILL)
    again = until(lambda: now if len(now := workers(platform)) == WORKERS and dead not in now else None)
    assert living in again
    assert until_ended(platform, submit(platform)).status is MissionStatus.DONE


def test_a_stop_leaves_missions_where_they_are_and_one_process_goes_on_with_them(tmp_path: Path) -> None:
    with Platform(settings(tmp_path), command="test", functions=idle_functions) as running:
        ids = [submit(running) for _ in range(6)]
        pids = workers(running)
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids), "a worker has outlived its platform"
    with Platform(settings(tmp_path, workers=1), command="test", functions=idle_functions) as alone:
        assert alone.pool is None
        ended = [until_ended(alone, mission_id) for mission_id in ids]
        assert {m.status for m in ended} == {MissionStatus.DONE}
        assert all(set(slices(alone, mission_id).values()) == {1} for mission_id in ids)


def test_workers_end_with_a_platform_that_was_killed_and_keep_nobody_from_its_data_folder(tmp_path: Path) -> None:
    kimera = Kimera(tmp_path)
    with kimera.started("serve", "--port", "0", "--workers", str(WORKERS)) as serving:
        serving.line_with("KIMERA is at")
        orphans = until(lambda: found if len(found := _workers_of(serving.process.pid)) == WORKERS else None)
        serving.process.kill()
        serving.process.wait(30)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    DataFolderLock(kimera.home).require_free()


@pytest.mark.parametrize("next_command", ["serve", "run"])
def test_a_platform_that_is_started_right_after_one_was_killed_waits_for_the_end_of_its_workers(tmp_path: Path, next_command: str) -> None:
    """As whatever supervises it would start it. On a busy machine a worker may take a moment to notice."""
    kimera = Kimera(tmp_path)
    (tmp_path / "note.md").write_text("The pump was serviced on 3 May 2024.\n")
    with kimera.started("serve", "--port", "0", "--workers", str(WORKERS)) as serving:
        serving.line_with("KIMERA is at")
        slow, _ = until(lambda: found if len(found := _workers_of(serving.process.pid)) == WORKERS else None)
        os.kill(slow, signal.SIGSTOP)
        serving.process.kill()
        serving.process.wait(30)
        assert DataFolderLock(kimera.home).holder() is not None
        threading.Timer(2, os.kill, (slow, signal.SIGKILL)).start()
        if next_command == "run":
            done = kimera.afresh("run", "When was the pump serviced?", "--docs", "note.md", "--json")
            assert done.code == 0, done.err
            return
        with kimera.started("serve", "--port", "0") as again:
            again.line_with("KIMERA is at")


def test_the_lock_lasts_as_long_as_a_worker_lives(tmp_path: Path) -> None:
    """Else another platform would begin on missions that a worker, which has not noticed yet, still works on."""
    kimera = Kimera(tmp_path)
    with kimera.started("serve", "--port", "0", "--workers", "1000") as serving:
        assert serving.ended().code == 2
    with kimera.started("serve", "--port", "0", "--workers", str(WORKERS)) as serving:
        serving.line_with("KIMERA is at")
        worker, other = until(lambda: found if len(found := _workers_of(serving.process.pid)) == WORKERS else None)
        os.kill(worker, signal.SIGSTOP)
        serving.process.kill()
        serving.process.wait(30)
        until(lambda: not Path(f"/proc/{other}").exists())
        try:
            assert DataFolderLock(kimera.home).holder() is not None
        finally:
            os.kill(worker, signal.SIGKILL)
    until(lambda: DataFolderLock(kimera.home).holder() is None)


@pytest.mark.parametrize("later_s", [0, 1], ids=["while they start", "when they work"])
def test_ctrl_c_reaches_the_whole_group_and_the_platform_still_stops_in_good_order(tmp_path: Path, later_s: float) -> None:
    command = [sys.executable, "-m", "cli.main", "serve", "--port", "0", "--workers", str(WORKERS)]
    environment = os.environ | {"KIMERA_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert process.stderr is not None
        assert "KIMERA is at" in process.stderr.readline()
        pids = until(lambda: found if len(found := _workers_of(process.pid)) == WORKERS else None)
        time.sleep(later_s)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode in (0, 130), said
    assert said == "Stopped. Open missions go on with the next start.\n", "no traceback and no warning of a worker meets the user"
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    log = tmp_path / "home" / "kimera.log"
    assert not log.exists() or "died" not in log.read_text()


def test_closed_standard_streams_are_no_place_for_the_data_folders_files(tmp_path: Path) -> None:
    """What a worker says on stderr would go into the lock's file, and nobody would find the platform."""
    command = f"exec {sys.executable} -m cli.main serve --port 0 --workers {WORKERS} <&- >&- 2>&-"
    environment = os.environ | {"KIMERA_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(["/bin/sh", "-c", command], cwd=tmp_path, env=environment)
    try:
        pids = until(lambda: found if len(found := _workers_of(process.pid)) == WORKERS else None)
        for pid in (process.pid, *pids):
            assert {Path(f"/proc/{pid}/fd/{number}").readlink() for number in range(3)} == {Path(os.devnull)}
        holder = DataFolderLock(tmp_path / "home").holder()
        assert holder is not None and holder.pid == process.pid
        assert httpx.get(f"{holder.url}/missions", timeout=60).status_code == 200
        process.terminate()
        assert process.wait(60) == 0
    finally:
        process.kill()


def test_one_mission_has_the_machine_to_itself_however_many_workers_are_set(tmp_path: Path) -> None:
    alone = Platform(settings(tmp_path), command="test", only=OneMission())
    assert alone.pool is None
    assert alone.runtime.settings.workers == 1, "its sandbox would have a part of the processors only"


def _workers_of(pid: int) -> list[int]:
    return [child for child in children(pid) if "infra.local.pool" in _command(child)]


def _command(pid: int) -> str:
    """The command line of a process; none where it has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
