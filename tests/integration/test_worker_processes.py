"""Worker processes by themselves: those that cannot begin, hang, babble or die are replaced, and what they were to run is told."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from infra.local.benchmarks.idle_functions import idle_functions
from infra.local.functions import internal_app
from infra.local.platform import Platform
from infra.local.pool.messages import Channel, Ended, Ping, Setup, Start, Stop, Wake, pair
from infra.local.pool.pool import Lost
from infra.local.workflows.clock import RealClock
from infra.local.workflows.execution import State
from shared.errors import Unavailable
from shared.executions import ExecutionState
from shared.scratch import Scratch
from shared.settings import Settings
from tests.support.clock import FrozenClock
from tests.support.waiting import until
from tests.support.worker_pool import worker_pool

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from shared.runtime import Runtime

pytestmark = pytest.mark.timeout(180)
WORKERS = 2


def settings(tmp_path: Path, **more: object) -> Settings:
    return Settings(home=tmp_path / "home", workers=WORKERS).model_copy(update=more)


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


def filling_functions(runtime: Runtime) -> WSGIApplication:
    """A call that has something in its slice's folder and does not come back."""

    def fill(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        with Scratch(runtime.home / "scratch") as scratch:
            (scratch.path / "large.csv").touch()
            time.sleep(3600)
        return []

    return fill


def test_what_a_killed_worker_had_unpacked_is_removed_and_what_the_others_have_stays(tmp_path: Path) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text('main: {params: [a], steps: [{call: {call: http.post, args: {url: "http://localhost/", timeout: 1800}}}]}')
    scratch = tmp_path / "home" / "scratch"
    with worker_pool(settings(tmp_path), workflow=flow, functions=filling_functions) as pool:
        for n in range(WORKERS):
            pool.start({"n": n}, {})
        before = until(lambda: found if len(found := [*scratch.glob("*/large.csv")]) == WORKERS else None)
        dead, living = pool.processes
        os.kill(dead, signal.SIGKILL)
        left = until(lambda: found if len(found := [*scratch.glob("*/large.csv")]) < WORKERS else None)
        assert len(left) == 1 and left[0] in before and f"-{living}-" in str(left[0])
        assert len([*scratch.iterdir()]) == 1
        os.kill(living, signal.SIGKILL)


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
    with calling(tmp_path, stuck_functions) as (process, ours):
        until((tmp_path / "home" / "stuck").exists)
        yield process, ours


@contextmanager
def calling(tmp_path: Path, functions: Callable[[Runtime], WSGIApplication]) -> Iterator[tuple[subprocess.Popen[bytes], Channel]]:
    """A worker process that calls ``functions``, and its platform's end."""
    flow = tmp_path / "flow.yaml"
    flow.write_text('main: {params: [a], steps: [{call: {call: http.post, args: {url: "http://localhost/", timeout: 1800}}}]}')
    own = settings(tmp_path)
    own.home.mkdir()
    ours, theirs = pair()
    with theirs:
        command = [sys.executable, "-P", "-m", "infra.local.pool", str(theirs.fileno())]
        process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
    try:
        named = f"{functions.__module__}:{functions.__qualname__}"
        ours.send(Setup(settings=own.model_dump(mode="json"), functions=named, workflow=str(flow)))
        ours.send(Start(execution="x", argument={}, labels={}))
        yield process, ours
    finally:
        process.kill()
        process.wait()
        ours.close()


def dying_functions(runtime: Runtime) -> WSGIApplication:
    """A call that starts a thread which dies."""

    def die() -> None:
        raise RuntimeError("this thread cannot go on")

    def start(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        threading.Thread(target=die).start()
        time.sleep(3600)
        return []

    return start


def starving_functions(runtime: Runtime) -> WSGIApplication:
    """A call that starts a thread when there is room for its stack, and none for its first frame."""

    def start(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        for room in range(0, 12 * 1024 * 1024, resource.getpagesize()):  # a stack has 8 MiB, and something around it
            resource.setrlimit(resource.RLIMIT_AS, (taken + room, resource.RLIM_INFINITY))
            try:
                threading.Thread(target=time.sleep, args=(3600,)).start()
            except RuntimeError:
                continue
        raise AssertionError("no start of a thread came to nothing")

    return start


def hungry_functions(runtime: Runtime) -> WSGIApplication:
    """A call for which there is no memory."""

    def eat(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        raise MemoryError

    return eat


@pytest.mark.parametrize("functions", [dying_functions, starving_functions, hungry_functions])
def test_a_worker_ends_with_a_thread_that_dies_and_with_a_call_that_has_no_memory(
    tmp_path: Path, functions: Callable[[Runtime], WSGIApplication]
) -> None:
    """Else somebody would wait for it without an end, while the worker goes on to say that it hears."""
    with calling(tmp_path, functions) as (process, _):
        assert process.wait(30) == 1


def halting_functions(runtime: Runtime) -> WSGIApplication:
    """A call that holds up whoever drives the executions, for good."""

    def halt(_: WSGIEnvironment, __: StartResponse) -> list[bytes]:
        patch.object(RealClock, "now", lambda _: time.sleep(3600)).start()  # nothing that a workflow may do takes so long
        return []

    return halt


def test_a_worker_that_hears_and_drives_nothing_is_killed_and_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    flow = tmp_path / "flow.yaml"
    flow.write_text('main: {params: [a], steps: [{call: {call: http.post, args: {url: "http://localhost/"}}}]}')
    with worker_pool(settings(tmp_path), workflow=flow, functions=halting_functions, silent_s=10) as pool:
        halts, other = pool.processes
        pool.start({}, {})
        again = until(lambda: now if len(now := pool.processes) == WORKERS and halts not in now else None)
    assert other in again
    assert f"process {halts}) has not answered" in caplog.text


def slow_functions(runtime: Runtime) -> WSGIApplication:
    (runtime.home / "loading").touch()
    time.sleep(3600)
    raise AssertionError("nobody waits so long")


def test_a_worker_that_is_just_starting_dies_with_its_platform_too(tmp_path: Path) -> None:
    """Else many of them, on a busy machine, would keep the next platform from the data folder for longer than it waits."""
    own = settings(tmp_path)
    own.home.mkdir()
    ours, theirs = pair()
    with theirs:
        process = subprocess.Popen([sys.executable, "-P", "-m", "infra.local.pool", str(theirs.fileno())], pass_fds=[theirs.fileno()])
    try:
        functions = f"{slow_functions.__module__}:{slow_functions.__qualname__}"
        ours.send(Setup(settings=own.model_dump(mode="json"), functions=functions, workflow="flow.yaml"))
        until((own.home / "loading").exists)
        ours.close()
        assert process.wait(10) == 1
    finally:
        process.kill()
        process.wait()


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


def test_a_worker_whose_platform_takes_nothing_ends_instead_of_losing_what_it_says(stuck: tuple[subprocess.Popen[bytes], Channel]) -> None:
    """A platform that was stopped for long: once it goes on it learns of the end, and has the executions begun anew."""
    process, platforms = stuck
    while platforms.send(Ping()):
        continue  # nobody receives what is answered
    assert process.wait(60) == 1


@pytest.mark.parametrize(
    "message",
    [
        Setup(settings={"home": os.fsdecode(b"/data/caf\xe9"), "workers": 2}, functions="a:b", workflow="w.yaml"),
        Start(execution="e", argument={"question": 'How many "\u00e9"\n?', "n": [1, None, 2.5]}, labels={"mission": "m"}),
        Ended(execution="e", state=State.FAILED),
    ],
    ids=lambda message: message.kind,
)
def test_a_message_arrives_as_it_was_sent_also_with_a_path_that_is_no_utf_8(message: Setup | Start | Ended) -> None:
    ours, theirs = pair()
    other = Channel(theirs)
    assert ours.send(message) and other.receive() == message
    ours.close()
    other.close()
