"""Measures the runner: a loop, many executions at once, memory over a long execution. ``kimera bench workflows`` prints it."""

from __future__ import annotations

import gc
import resource
import subprocess
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from infra.local.workflows.clock import FastClock
from infra.local.workflows.definition import Definition, load
from infra.local.workflows.execution import State
from infra.local.workflows.runner import Runner
from infra.local.workflows.values import Json

ITERATIONS = 20_000
SUM = ITERATIONS * (ITERATIONS + 1) // 2
EXECUTIONS = 1_000
STEPS = 99_990
_LONGEST_S = 300
LOOP = f"""
- init: {{assign: [{{total: 0}}]}}
- loop:
    for:
      value: v
      range: [1, {ITERATIONS}]
      steps:
        - add: {{assign: [{{total: "${{total + v}}"}}]}}
- done: {{return: "${{total}}"}}
"""
TEN_STEPS = "- s1: {assign: [{n: 0}]}\n" + "".join(
    f"- s{number}: {{call: sys.sleep, args: {{seconds: 1}}}}\n" if number == 5 else f'- s{number}: {{assign: [{{n: "${{n + 1}}"}}]}}\n'
    for number in range(2, 10)
)
TEN_STEPS += '- s10: {return: "${n}"}\n'
LONG = f"""
- init: {{assign: [{{n: 0}}, {{kept: ""}}]}}
- more:
    assign:
      - n: ${{n + 1}}
      - kept: ${{"step " + string(n)}}
- again:
    switch:
      - condition: ${{n < {STEPS // 2}}}
        next: more
- done: {{return: "${{n}}"}}
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure, and what it may be at most. ``limit`` None: only told."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit is None or self.value <= self.limit

    def as_json(self) -> Json:
        return {"name": self.name, "value": round(self.value, 4), "unit": self.unit, "limit": self.limit, "kept": self.kept}


def measure(command: Sequence[str]) -> list[Measure]:
    """All figures. Takes a few seconds. ``command`` with a definition's file after it runs that definition."""
    return [loop(), *start_up(command), *at_once(), memory_growth()]


def loop(repeats: int = 3) -> Measure:
    """Seconds for a loop of 20,000 iterations: the best of ``repeats``, as other work on the machine only ever adds."""
    definition = load(LOOP, name="loop")
    return Measure(f"{ITERATIONS:,} loop iterations", min(_timed(lambda: _one(definition)) for _ in range(repeats)), "s", 0.5)


def start_up(command: Sequence[str], repeats: int = 5) -> list[Measure]:
    """Seconds for the same loop as a command of its own, from its start to its end, and the CPU time of that.

    On a busy machine the second is the steadier one. Raises RuntimeError where the command fails.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "loop.yaml"
        file.write_text(LOOP, "utf-8")
        took = [_alone([*command, str(file)]) for _ in range(repeats)]
    whole, cpu = min(seconds for seconds, _ in took), min(cpu for _, cpu in took)
    return [Measure("the same as a command, start-up included", whole, "s", 0.7), Measure("of that on a CPU", cpu, "s")]


def _alone(command: Sequence[str]) -> tuple[float, float]:
    """Seconds that a command took, and seconds on a CPU."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode or str(SUM) not in done.stdout:
        raise RuntimeError(f"{' '.join(command)} gave {done.stdout.strip() or done.stderr.strip()}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def at_once() -> list[Measure]:
    """1,000 executions of ten steps, one of them a sleep of a second on the clock, side by side in one process."""
    definition = load(TEN_STEPS, name="ten")
    began = time.perf_counter()
    with Runner(clock=FastClock()) as runner:
        executions = [runner.start(definition, execution_id=str(number)) for number in range(EXECUTIONS)]
        outcomes = [execution.wait(60) for execution in executions]
    took = time.perf_counter() - began
    failures = sum(outcome.state is not State.SUCCEEDED or outcome.result != 7 for outcome in outcomes)
    name = f"{EXECUTIONS:,} executions of 10 steps at once"
    return [Measure(name, took, "s"), Measure(f"{name}: failures", failures, "", 0)]


def memory_growth() -> Measure:
    """How much more memory is held at the end of an execution of 100,000 steps than after its first tenth."""
    definition = load(LONG, name="long")
    seen: list[int] = []

    def watch(_: object) -> None:
        watch_steps[0] += 1
        if watch_steps[0] % 10_000 == 0:
            gc.collect()
            seen.append(tracemalloc.get_traced_memory()[0])

    watch_steps = [0]
    tracemalloc.start()
    try:
        with Runner(clock=FastClock()) as runner:
            runner.start(definition, execution_id="long", on_step=watch).wait(120)
    finally:
        tracemalloc.stop()
    return Measure("memory growth over 100,000 steps", (max(seen[1:]) - seen[0]) / 1024, "KiB", 64)


def _one(definition: Definition) -> None:
    with Runner(clock=FastClock()) as runner:
        outcome = runner.start(definition, execution_id="x").wait(60)
    if outcome.result != SUM:
        raise AssertionError(f"the loop gave {outcome.result}")


def _timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began
