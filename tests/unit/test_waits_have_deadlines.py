"""Nothing hangs: whatever waits for another thread, process or machine says how long, or stands here with the reason why it needs not."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.command import ROOT

FOLDERS = ("cli", "functions", "infra/local", "shared")
MEASURING = ("infra/local/benchmarks/", "infra/local/drills/", "cli/bench_speed.py")
"""What measures and attacks the platform, and is no part of it."""
WAITS = {"wait", "join", "acquire", "get", "result", "exception", "communicate", "shutdown_default_executor"}
PROCESSES = {"run", "call", "check_call", "check_output"}
READS = {"select", "poll"}
"""Calls that wait for ever without an argument (or, for a process, without ``timeout``)."""

JUSTIFIED = {
    "cli/serving_workflows.py: stopped.wait()": "a server's main thread, until a signal",
    "functions/ds_star/sandbox_scripts/operating.py: job.report.result()": "no future: a report's content",
    "infra/local/emulated/hosting.py: stopped.wait()": "a server's main thread, until a signal",
    "infra/local/emulated/supervising.py: self._up.wait()": "each component that is waited for has a deadline of its own",
    "infra/local/emulated/tasks_server.py: stopped.wait()": "a server's main thread, until a signal",
    "infra/local/emulated/workflow_server.py: stopped.wait()": "a server's main thread, until a signal",
    "infra/local/pool/__main__.py: select.poll()": "a thread of a worker that waits for the end of its platform, and ends it then",
    "infra/local/pool/__main__.py: unraisable.get()": "a thread of a worker that waits for the death of another one",
    "infra/local/quality/spending.py: self._changed.wait()": "for running attempts, which end by their mission's deadlines",
    "infra/local/workflows/clock.py: wake.wait()": "the scheduler has nothing to do; whatever comes wakes it",
    "shared/adapters/gemini_research.py: interactions.get()": "a request, with the deadline of its client",
    "shared/http.py: _hosted.get()": "a context variable",
    "shared/models/desk.py: future.result()": "each is a request with its own deadline and a bounded number of tries",
    "shared/models/retry.py: state.outcome.exception()": "of a try that has ended",
    "shared/telemetry/context.py: _current.get()": "a context variable",
}


def unbounded(tree: ast.AST) -> Iterator[str]:
    """The calls in ``tree`` that wait without saying how long."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name, given = node.func.attr, {keyword.arg for keyword in node.keywords}
        endless = any(k.arg == "timeout" and isinstance(k.value, ast.Constant) and k.value.value is None for k in node.keywords)
        is_process = name in PROCESSES and ast.unparse(node.func.value) == "subprocess"
        waits = name in WAITS and not node.args and not given & {"timeout", "blocking", "block"}
        selects = name in READS and ast.unparse(node.func.value) == "select" and len(node.args) < 4
        if endless or waits or selects or (is_process and "timeout" not in given):
            yield f"{ast.unparse(node.func)}()"


def found() -> set[str]:
    files = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    calls = {f"{path.relative_to(ROOT)}: {call}" for path in files for call in unbounded(ast.parse(Path(path).read_text()))}
    return {call for call in calls if not call.startswith(MEASURING)}


def test_every_wait_has_a_deadline_or_a_reason() -> None:
    assert found() - JUSTIFIED.keys() == set()


def test_no_reason_outlives_its_wait() -> None:
    assert JUSTIFIED.keys() - found() == set()


def test_waits_without_a_deadline_are_seen() -> None:
    source = """
event.wait(); thread.join(); lock.acquire(); queue.get(); future.result(); process.communicate()
subprocess.run(["x"]); select.select([a], [], []); httpx.Client(timeout=None)
event.wait(1); thread.join(timeout=2); lock.acquire(timeout=3); queue.get(timeout=4); ", ".join(parts); mapping.get("x")
subprocess.run(["x"], timeout=5); select.select([a], [], [], 6); httpx.Client(timeout=7); lock.acquire(blocking=False)
"""
    assert len(list(unbounded(ast.parse(source)))) == 9
