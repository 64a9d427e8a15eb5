"""Missions in worker processes: they end as in one process; no death of a worker or of the platform, and no stop, loses any."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from infra.local.benchmarks.idle_functions import idle_functions
from infra.local.benchmarks.orchestration import idle_mission
from infra.local.functions import internal_app
from infra.local.lock import DataFolderLock
from infra.local.platform import OneMission, Platform
from infra.local.pool.messages import Channel, Setup, Start, Stop, Wake, pair
from infra.local.pool.pool import Lost
from schemas.mission import MissionInput, MissionRequest, MissionStatus
from shared.errors import Unavailable
from shared.executions import ExecutionState
from shared.inputs import store_input
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.command import ROOT, Kimera
from tests.support.waiting import until, until_ended
from tests.support.worker_pool import worker_pool

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.runtime import Runtime

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
    spent = [sum(os.times()[:2]), *(_cpu_s(pid) for pid in workers(platform))]
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


def test_a_platform_that_is_started_right_after_one_was_killed_waits_for_the_end_of_its_workers(tmp_path: Path) -> None:
    """As whatever supervises it would start it. A worker that has just begun notices only once it has imported everything."""
    kimera = Kimera(tmp_path)
    with kimera.started("serve", "--port", "0", "--workers", str(WORKERS)) as serving:
        serving.line_with("KIMERA is at")
        serving.process.kill()
        serving.process.wait(30)
        assert DataFolderLock(kimera.home).holder() is not None, "its workers live on for a moment"
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


def broken_functions(runtime: Runtime) -> WSGIApplication:
    raise RuntimeError("these functions cannot be made")


def test_workers_that_cannot_begin_are_told_of_and_tried_again_ever_more_seldom(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with worker_pool(settings(tmp_path), functions=broken_functions) as pool:
        until(lambda: caplog.text.count("died (exit 1)") >= 2 * WORKERS or None)
        until(lambda: True if not pool.processes else None)  # between two tries there is none
        with pytest.raises(Unavailable, match="No worker process is alive"):
            pool.start({"mission_id": "m", "epoch": 1}, {})
    assert "these functions cannot be made" in capfd.readouterr().err


def test_a_platform_without_file_descriptors_puts_a_worker_in_the_place_of_a_dead_one_once_it_has_some(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _, most = limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with worker_pool(settings(tmp_path)) as pool:
        dead, _ = pool.processes
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
        try:
            os.kill(dead, signal.SIGKILL)
            until(lambda: "Too many open files" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        until(lambda: len(pool.processes) == WORKERS)


def babbling_functions(runtime: Runtime) -> WSGIApplication:
    os.write(int(sys.argv[1]), b"nothing that a message is\n")
    return idle_functions(runtime)


def test_a_worker_whose_words_make_no_sense_is_ended_and_another_one_takes_its_place(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with worker_pool(settings(tmp_path), functions=babbling_functions) as pool:
        first = pool.processes
        until(lambda: len(pool.processes) == WORKERS and not set(pool.processes) & set(first))
    assert "what it said could not be dealt with" in caplog.text


def test_a_defect_of_who_hears_of_lost_executions_takes_no_worker_along(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def defect(_: Sequence[Lost]) -> None:
        raise RuntimeError("nobody thought of this")

    flow = tmp_path / "flow.yaml"
    flow.write_text("main: {params: [a], steps: [{wait: {call: sys.sleep, args: {seconds: 3600}}}]}")
    with worker_pool(settings(tmp_path), workflow=flow, lost=defect) as pool:
        for n in range(WORKERS):
            pool.start({"n": n}, {})
        dead, _ = pool.processes
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(pool.processes) == WORKERS and dead not in pool.processes)
    assert "nobody thought of this" in caplog.text


def test_what_a_dead_worker_was_to_run_is_lost_and_told(tmp_path: Path) -> None:
    lost: list[str] = []
    flow = tmp_path / "flow.yaml"
    flow.write_text("main: {params: [a], steps: [{wait: {call: sys.sleep, args: {seconds: 3600}}}]}")
    told = worker_pool(settings(tmp_path), workflow=flow, lost=lambda them: lost.extend(one.execution for one in them))
    with told as pool:
        names = [pool.start({"n": n}, {}) for n in range(4)]
        dead, _ = pool.processes
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(lost) == 2 or None)
        states = {name: pool.state(name) for name in names}
    assert {states[name] for name in lost} == {ExecutionState.FAILED}
    assert {states[name] for name in names if name not in lost} == {ExecutionState.ACTIVE}, "each worker had two of the four"


def test_a_worker_that_hangs_is_killed_and_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with worker_pool(settings(tmp_path), silent_s=10) as pool:
        hangs, other = pool.processes
        os.kill(hangs, signal.SIGSTOP)
        again = until(lambda: now if len(now := pool.processes) == WORKERS and hangs not in now else None)
    assert other in again
    assert f"process {hangs}) has not answered" in caplog.text


def test_a_platform_that_stood_still_itself_takes_no_worker_for_one_that_hangs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By Ctrl-Z and ``fg``, say: time went by, and nobody was asked anything."""
    clock = FrozenClock()
    with worker_pool(settings(tmp_path), clock=clock, silent_s=6) as pool:
        before = pool.processes
        clock.advance(3600)
        time.sleep(3)
        assert pool.processes == before
    assert caplog.text == ""


def test_workers_that_hang_hold_a_stop_up_together_not_one_after_the_other(tmp_path: Path) -> None:
    with worker_pool(settings(tmp_path, workers=3), stop_s=5) as pool:
        for pid in pool.processes:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert pool.processes == ()


def test_a_file_that_was_spoilt_meanwhile_keeps_no_worker_from_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kimera.toml").write_text("budget_usd = 2")
    (tmp_path / "json.py").write_text("raise RuntimeError('this is not the json of the library')")
    flow = tmp_path / "flow.yaml"
    flow.write_text("main: {params: [a], steps: [{done: {return: 1}}]}")
    with worker_pool(Settings(home=tmp_path / "home", workers=WORKERS), workflow=flow) as pool:
        before = pool.processes
        (tmp_path / "kimera.toml").write_text("budget_usd = [")
        os.kill(before[0], signal.SIGKILL)
        until(lambda: (len(pool.processes) == WORKERS and before[0] not in pool.processes) or None)
        names = [pool.start({"n": n}, {}) for n in range(4)]
        until(lambda: {pool.state(name) for name in names} == {ExecutionState.SUCCEEDED} or None)
    assert caplog.text.count("died") == 1


def stuck_functions(runtime: Runtime) -> WSGIApplication:
    """A call that does not come back."""

    def stuck(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        (runtime.home / "stuck").touch()
        time.sleep(3600)
        return []

    return stuck


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Channel]]:
    """A worker process in the middle of a call that does not come back, and its platform's end."""
    flow = tmp_path / "flow.yaml"
    flow.write_text('main: {params: [a], steps: [{call: {call: http.post, args: {url: "http://localhost/", timeout: 1800}}}]}')
    own = settings(tmp_path)
    own.home.mkdir()
    ours, theirs = pair()
    with theirs:
        command = [sys.executable, "-P", "-m", "infra.local.pool.worker", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    try:
        functions = f"{stuck_functions.__module__}:{stuck_functions.__qualname__}"
        ours.send(Setup(settings=own.model_dump(mode="json"), functions=functions, workflow=str(flow)))
        ours.send(Start(execution="x", argument={}, labels={}))
        until((own.home / "stuck").exists)
        yield process, ours
    finally:
        process.kill()
        process.wait()
        ours.close()


def test_a_worker_that_ends_dies_with_its_platform_too(stuck: tuple[subprocess.Popen[bytes], Channel]) -> None:
    """By a second SIGTERM to the platform: else it would keep the next one from the data folder for as long as the call takes."""
    process, platforms = stuck
    platforms.send(Stop())
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(3)  # by itself it waits for the call
    platforms.close()
    assert process.wait(10) == 1


def test_a_defect_ends_a_worker_in_the_middle_of_a_call(stuck: tuple[subprocess.Popen[bytes], Channel]) -> None:
    process, platforms = stuck
    platforms.send(Wake())
    assert process.wait(10) == 1


def test_half_a_message_of_a_process_that_died_is_none(tmp_path: Path) -> None:
    ours, theirs = pair()
    theirs.sendall(Wake().model_dump_json().encode() + b"\n" + b'{"kind": "en')
    theirs.close()
    assert ours.receive() == Wake()
    assert ours.receive() is None
    assert not ours.send(Start(execution="x", argument={}, labels={}))
    ours.close()


def test_functions_that_a_worker_could_not_import_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="is no function of a module"):
        Platform(settings(tmp_path), command="test", functions=lambda runtime: internal_app(runtime))


def _workers_of(pid: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (thread / "children").read_text().split()]
    return [child for child in found if b"infra.local.pool.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
