"""``kimera bench``: how good the answers are, and how fast the Workflows runner is."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from shared.errors import BadInput

app = new_app("Measure the quality of answers on a suite of tasks, or the Workflows runner.")


@app.callback()
def bench() -> None:
    """Measure the quality of answers on a suite of tasks, or the Workflows runner."""


@app.command()
def quality(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="A folder of task folders, each with a task.toml.")],
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=100, help="Missions for each task; their reports have to be identical.")
    ] = 1,
    pass_share: Annotated[float, typer.Option("--pass-share", min=0, max=1, help="The share of tasks that has to pass.")] = 1.0,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the missions in this data folder, to inspect them.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run every task as a real mission and score it by its checks. Exit 1 if fewer passed than asked, or repeats differ."""
    from infra.local.quality.bench import SuiteResult, TaskResult, bench_home, run_suite
    from infra.local.quality.tasks import load_suite

    settings = load_settings()
    if not suite.is_dir():
        raise BadInput(f"There is no folder {suite}.", remedy="Name the folder of a suite, for instance tests/quality/extractive.")
    tasks = load_suite(suite)
    results: list[TaskResult] = []
    with tempfile.TemporaryDirectory(prefix="kimera-bench-") as folder:
        home = keep.absolute() if keep is not None else Path(folder)
        log_to(home)
        for result in run_suite(bench_home(settings, home), tasks, repeat=repeat, token=os.environ.get("KIMERA_TOKEN")):
            results.append(result)
            first = result.attempts[0]
            waited = f"{first.first_usable_s:6.1f}s" if first.first_usable_s is not None else "      -"
            note(f"{'passed' if result.passed else 'FAILED'} {waited}  {result.name}")
            for failure in dict.fromkeys(failure for attempt in result.attempts for failure in attempt.failures):
                note(f"                 {failure}")
            if not result.identical:
                note("                 the reports of the repeats differ")
    total = SuiteResult(suite.name, tuple(results))
    if as_json:
        print_json(total.as_json())
    else:
        told = total.as_json()
        print(f"{total.passed} of {len(results)} passed ({total.share:.0%}); first usable result after {told['first_usable_p50_s']} s")
        print(f"(median); cost ${told['cost_usd']:.2f}; repeats {'identical' if told['identical'] else 'DIFFER'}")
    return 0 if total.share >= pass_share and all(result.identical for result in results) else 1


@app.command()
def workflows(as_json: AsJson = False) -> int:
    """Measure the Workflows runner: a loop, 1,000 executions at once, memory. Exit 1 if a limit is not kept."""
    from infra.local.workflows.measuring import measure

    found = measure([sys.executable, "-m", "cli.main", "workflows", "run"])
    if as_json:
        print_json({"kept": all(one.kept for one in found), "measures": [one.as_json() for one in found]})
    else:
        for one in found:
            limit = f"  (at most {one.limit:g})" if one.limit is not None else ""
            print(f"{one.name:<52} {one.value:10.3f} {one.unit:<4}{limit}{'' if one.kept else '  NOT KEPT'}")
    return 0 if all(one.kept for one in found) else 1
