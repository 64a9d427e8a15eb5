"""The runner: cancelling, watching, the clocks, many executions at once, speed."""

from __future__ import annotations

import logging
import threading
from itertools import pairwise
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import pytest

from infra.local.workflows import FastClock, HttpRequest, HttpResponse, Runner, State, StepEvent, load

if TYPE_CHECKING:
    from tests.workflows.conftest import Bench

CALLING = """
- count: {assign: [{n: 0}]}
- call: {call: http.get, args: {url: "http://near/"}}
- next: {assign: [{n: "${n + 1}"}]}
- again: {switch: [{condition: "${n < 40}", next: call}]}
"""
SLOW = "- a: {call: sys.sleep, args: [3600]}\n- b: {return: 1}\n"


class Gate:
    """A transport that answers only when told to."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.open = threading.Event()

    def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.set()
        self.open.wait(10)
        return HttpResponse(200)


def test_a_sleeping_execution_can_be_cancelled() -> None:
    with Runner() as runner:
        execution = runner.start(load(SLOW), execution_id="x", labels={"k": "v"})
        with pytest.raises(TimeoutError):
            execution.wait(0.01)
        assert (execution.state, execution.labels["k"]) == (State.ACTIVE, "v")
        execution.cancel()
        assert execution.wait(5).state is State.CANCELLED
        execution.cancel()


class FailingClock(FastClock):
    """One that fails once where the scheduler's own thread asks for the time."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = threading.Event()

    def now(self) -> float:
        if self.fails.is_set() and threading.current_thread().name == "workflows":
            self.fails.clear()
            raise MemoryError
        return super().now()


def test_a_defect_of_who_drives_ends_what_runs_and_nothing_that_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread had died of it, and every execution waited for a step that nobody made."""
    heard: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", heard.append)
    clock, gate = FailingClock(), Gate()
    with Runner(transport=gate, clock=clock) as runner:
        waits = runner.start(load("- a: {call: http.get, args: {url: 'http://x'}}\n"), execution_id="1")
        assert gate.asked.wait(5)
        clock.fails.set()
        runner.once_driven(lambda: None)
        ended = waits.wait(5)
        assert ended.state is State.FAILED and ended.error is not None
        assert [died.exc_type for died in heard] == [MemoryError]
        gate.open.set()
        assert runner.start(load("- a: {return: 1}\n"), execution_id="2").wait(5).result == 1


def test_an_execution_waiting_for_a_response_can_be_cancelled() -> None:
    gate = Gate()
    with Runner(transport=gate) as runner:
        execution = runner.start(load("- a: {call: http.get, args: {url: 'http://x'}}\n"), execution_id="x")
        assert gate.asked.wait(5)
        execution.cancel()
        assert execution.wait(5).state is State.CANCELLED
        gate.open.set()


def test_closing_cancels_what_runs() -> None:
    runner = Runner()
    execution = runner.start(load(SLOW), execution_id="x")
    runner.close()
    assert execution.wait(5).state is State.CANCELLED


def test_the_fast_clock_stands_still_while_a_response_is_awaited() -> None:
    gate, clock = Gate(), FastClock(0.0)
    definition = load("""- p:
    parallel:
      branches:
        - a: {steps: [{s1: {call: http.get, args: {url: "http://x", timeout: 10}}}]}
        - b: {steps: [{s2: {call: sys.sleep, args: [60]}}]}
""")
    with Runner(transport=gate, clock=clock) as runner:
        execution = runner.start(definition, execution_id="x")
        assert gate.asked.wait(5)
        assert clock.now() == 0.0
        gate.open.set()
        assert execution.wait(5).state is State.SUCCEEDED
        assert clock.now() == 60.0


class Wake(threading.Event):
    """Notes that it was waited for, and returns."""

    waited = False

    def wait(self, timeout: float | None = None) -> bool:
        self.waited = True
        return True


@pytest.mark.parametrize(("outside", "until", "now"), [(True, 60.0, 0.0), (False, 60.0, 60.0), (False, None, 0.0)])
def test_the_fast_clock_jumps_only_when_nothing_is_under_way(outside: bool, until: float | None, now: float) -> None:
    wake, clock = Wake(), FastClock(0.0)
    clock.idle(wake, until, outside)
    assert (clock.now(), wake.waited) == (now, now == 0.0)


def test_the_timeout_counts_on_the_real_clock_too() -> None:
    gate = Gate()
    with Runner(transport=gate) as runner:
        outcome = runner.start(load("- a: {call: http.get, args: {url: 'http://x', timeout: 0.05}}\n"), execution_id="x").wait(5)
        gate.open.set()
    assert outcome.error is not None and "TimeoutError" in str(outcome.error.payload)


def test_each_step_is_announced_with_its_time_and_branch(bench: Bench) -> None:
    bench.result(
        "- a: {call: sys.sleep, args: [5]}\n- p:\n    parallel: {branches: [{x: {steps: [{b: {next: end}}]}}]}\n- c: {return: 1}\n"
    )
    assert [(event.step, event.kind, event.time - 1_000_000, event.branch, event.line) for event in bench.events] == [
        ("a", "call", 0, "", 1),
        ("p", "parallel", 5, "", 3),
        ("b", "next", 5, "p/x", 3),
        ("c", "return", 5, "", 4),
    ]


def test_a_hook_can_be_set_later() -> None:
    seen: list[StepEvent] = []
    gate = Gate()
    with Runner(transport=gate) as runner:
        execution = runner.start(load("- a: {call: http.get, args: {url: 'http://x'}}\n- b: {return: 1}\n"), execution_id="x")
        assert gate.asked.wait(5)
        execution.on_step = seen.append
        gate.open.set()
        execution.wait(5)
    assert [event.step for event in seen] == ["b"]


def test_a_defect_of_a_port_fails_the_execution_and_not_the_runner() -> None:
    class Broken:
        def send(self, request: HttpRequest) -> HttpResponse:
            raise RuntimeError("oops")

    with Runner(transport=Broken()) as runner:
        outcome = runner.start(load("- a: {call: http.get, args: {url: 'http://x'}}\n"), execution_id="x").wait(5)
        assert outcome.error is not None and "SystemError" in str(outcome.error.payload)
        assert runner.start(load("- a: {return: 1}\n"), execution_id="y").wait(5).result == 1


def test_a_defect_of_a_port_that_nothing_waits_for_any_more_is_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Gate):
        def send(self, request: HttpRequest) -> HttpResponse:
            super().send(request)
            raise RuntimeError("oops")

    heard: SimpleQueue[logging.LogRecord] = SimpleQueue()
    monkeypatch.setattr(logging.getLogger("infra.local.workflows.scheduler"), "handlers", [QueueHandler(heard)])
    gate = Late()
    with Runner(transport=gate) as runner:
        execution = runner.start(load("- a: {call: http.get, args: {url: 'http://x'}}\n"), execution_id="x")
        assert gate.asked.wait(5)
        execution.cancel()
        assert execution.wait(5).state is State.CANCELLED
        gate.open.set()
        assert "RuntimeError: oops" in heard.get(timeout=5).getMessage()


def test_definitions_are_loaded_from_files_and_named_after_them(tmp_path: Path) -> None:
    path = tmp_path / "flow.yaml"
    path.write_text("- a: {return: '${sys.get_env(\"GOOGLE_CLOUD_WORKFLOW_ID\")}'}\n")
    with Runner() as runner:
        assert runner.start(load(path), execution_id="x").wait(5).result == "flow"
        assert load(str(path)).name == "flow"


def test_20_000_iterations_come_to_their_sum() -> None:
    definition = load(
        "- i: {assign: [{n: 0}]}\n"
        "- l: {for: {value: v, range: [1, 20000], steps: [{a: {assign: [{n: '${n + v}'}]}}]}}\n"
        "- r: {return: '${n}'}\n"
    )
    with Runner() as runner:
        assert runner.start(definition, execution_id="x").wait(20).result == 200_010_000


def test_1_000_executions_of_10_steps_at_once() -> None:
    steps = "".join(f"- s{i}: {{assign: [{{x: {i}}}]}}\n" for i in range(8))
    definition = load(f"{steps}- w: {{call: sys.sleep, args: [60]}}\n- r: {{return: '${{x}}'}}\n")
    with Runner(clock=FastClock()) as runner:
        executions = [runner.start(definition, execution_id=str(i)) for i in range(1000)]
        assert {execution.wait(20).result for execution in executions} == {7}


def test_memory_stays_flat_over_100_000_steps() -> None:
    import tracemalloc

    definition = load(
        "- i: {assign: [{m: {}}]}\n"
        "- l: {for: {value: v, range: [1, 99000], steps: [{a: {assign: [{m.k: '${v}'}]}}]}}\n"
        "- r: {return: '${m.k}'}\n"
    )
    with Runner() as runner:
        tracemalloc.start()
        assert runner.start(definition, execution_id="x").wait(60).result == 99000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 2_000_000


def test_an_endless_loop_does_not_hold_up_others(bench: Bench) -> None:
    endless, quick = load("- a: {next: b}\n- b: {next: a}\n"), load("- a: {return: 1}\n")
    with Runner() as runner:
        long = runner.start(endless, execution_id="x")
        short = runner.start(quick, execution_id="y")
        assert short.wait(5).result == 1
        assert long.wait(20).state is State.FAILED


def test_a_workflow_that_calls_one_thing_after_the_other_stays_on_one_thread() -> None:
    """A change of threads for each call is most of what the call costs where its answer is near."""
    threads: list[int] = []

    class Near:
        def send(self, request: HttpRequest) -> HttpResponse:
            threads.append(threading.get_ident())
            return HttpResponse(200, {}, b"")

    definition = load(CALLING)
    with Runner(transport=Near()) as runner:
        assert runner.start(definition, execution_id="x").wait(20).state is State.SUCCEEDED
    changes = sum(before != after for before, after in pairwise(threads))
    assert (len(threads), changes < 5) == (40, True)  # some at the beginning: who started the workflow may still be at it
