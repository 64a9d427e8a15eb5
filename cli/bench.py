"""``kimera bench``: how good the answers are, how fast platform and Workflows runner are, and what a mission takes of the cloud."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import bench_speed
from cli.asking import Model, PriceOf, TierName, tier_named
from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from schemas.base import as_written
from shared.counted import counted
from shared.errors import BadInput

if TYPE_CHECKING:
    from infra.local.quality.bench import RunPlan
    from infra.local.quality.comparing import Difference
    from infra.local.quality.formats.load import Suite
    from infra.local.quality.results import SuiteResult, TaskResult
    from infra.local.workflows.measuring import Measure
    from shared.documents import Json
    from shared.settings import Settings

app = new_app("Measure the quality of answers, the speed of the platform and of the Workflows runner, or what a mission costs.")


@app.callback()
def bench() -> None:
    """Measure the quality of answers, the speed of the platform and of the Workflows runner, or what a mission costs."""


@app.command()
def quality(
    suite: Annotated[
        Path, typer.Argument(metavar="SUITE", help="A folder of task folders, each with a task.toml; or a benchmark (docs/benchmarks.md).")
    ],
    format_name: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="dabench, kramabench, tatqa, hotpotqa or kimera; else it is recognised.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="The first N tasks only.")] = None,
    model: Model = None,
    price: PriceOf = None,
    tier: TierName = None,
    pattern: Annotated[
        str, typer.Option("--pattern", metavar="P", help="independent (each track alone), serial (research first) or parallel.")
    ] = "parallel",
    repeat: Annotated[
        int, typer.Option("--repeat", min=1, max=100, help="Attempts at each task; without a model their reports have to be identical.")
    ] = 1,
    task_budget: Annotated[
        str | None, typer.Option("--task-budget", metavar="USD", help="The most that one attempt at a task may spend.")
    ] = None,
    run_budget: Annotated[
        str | None, typer.Option("--run-budget", metavar="USD", help="The most that all may spend: no task begins that could pass it.")
    ] = None,
    pass_share: Annotated[float, typer.Option("--pass-share", min=0, max=1, help="The share of tasks that has to pass.")] = 1.0,
    keep: Annotated[
        Path | None, typer.Option("--keep", metavar="DIR", help="Keep the missions in this data folder, to inspect them.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Keep missions and results there; a second call goes on with the run.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Compare with a stored run: its summary.json, or what --json printed.")
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run every task as a real mission and score it by its checks. Exit 1 if fewer passed than asked, tasks are left, or repeats differ."""
    from infra.local.quality.bench import bench_home, run_suite
    from infra.local.quality.comparing import compare, read_baseline, require_common
    from infra.local.quality.formats.load import load
    from infra.local.quality.results import SuiteResult, TaskResult
    from infra.local.quality.resuming import RunFolder
    from schemas.mission import Tier

    settings = load_settings()
    if not suite.exists():
        raise BadInput(f"There is no folder {suite}.", remedy="Name the folder of a suite, for instance tests/quality/frozen.")
    if keep is not None and out is not None:
        raise BadInput("--keep and --out exclude each other.", remedy="--out keeps the missions too.")
    plan = _plan(settings, model=model, price=price, tier=tier, pattern=pattern, repeat=repeat, task=task_budget, run=run_budget)
    before = read_baseline(baseline) if baseline is not None else {}
    results: list[TaskResult] = []
    left: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kimera-bench-", ignore_cleanup_errors=True) as folder:
        # And again when this process has nothing left to do: where it is interrupted, calls are under way that go on to write there.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        loaded = load(suite, Path(folder) / "suite", format_name=format_name, limit=limit)
        if baseline is not None:
            require_common([task.name for task in loaded.tasks], before)
        for skipped in loaded.skipped:
            note(f"left out: {skipped.name}: {skipped.why}")
        stored = RunFolder(out.absolute(), {"suite": suite.name, "format": loaded.format, **plan.identity()}) if out is not None else None
        home = stored.home if stored else keep.absolute() if keep is not None else Path(folder) / "missions"
        log_to(home)
        note(_about(loaded, plan))
        for result in run_suite(bench_home(settings, home), loaded.tasks, plan, token=os.environ.get("KIMERA_TOKEN"), stored=stored):
            if isinstance(result, TaskResult):
                results.append(result)
                _tell_task(result, alike=plan.selection.tier is Tier.EXTRACTIVE)
            else:
                left.append(result)
                note(f"not run        {result}: --run-budget could be passed")
        total = SuiteResult(suite.name, tuple(results), tuple(left))
        difference = compare(total.scores, before)
        told: dict[str, Json] = {
            **total.as_json(),
            **plan.identity(),
            "format": loaded.format,
            "left_out": [one.name for one in loaded.skipped],
        }
        if difference is not None:
            told["baseline"] = difference.as_json()
        if stored:
            note(f"written: {stored.finish(told)}")
    if as_json:
        print_json(told)
    else:
        _tell(total, difference)
    alike = plan.selection.tier is not Tier.EXTRACTIVE or all(result.identical for result in results)
    return 0 if total.share >= pass_share and alike and not left else 1


def _plan(
    settings: Settings,
    *,
    model: str | None,
    price: str | None,
    tier: str | None,
    pattern: str,
    repeat: int,
    task: str | None,
    run: str | None,
) -> RunPlan:
    """What the options ask for. Nothing is spent unless a model or a tier was named, here or in the settings."""
    from infra.local.quality.bench import Pattern, RunPlan
    from schemas.mission import Tier
    from shared.models.credentials import ModelEndpoints
    from shared.models.selection import select

    wanted = tier_named(tier) or (None if model is not None else settings.tier or Tier.EXTRACTIVE)
    selection = select(settings, ModelEndpoints(), tier=wanted, model=model, price=price)
    try:
        chosen = Pattern(pattern)
    except ValueError as error:
        raise BadInput(f"--pattern: {pattern!r} is none.", remedy=f"Patterns: {', '.join(Pattern)}.") from error
    task_usd = _amount("--task-budget", task) if task is not None else settings.budget_usd
    run_usd = _amount("--run-budget", run) if run is not None else None
    if run_usd is not None and selection.tier is not Tier.EXTRACTIVE and run_usd < task_usd:
        raise BadInput(
            f"--run-budget ${run_usd} is less than what one attempt may spend (${task_usd}), so none could begin.",
            remedy="Raise it, or lower --task-budget.",
        )
    return RunPlan(selection, task_usd, chosen, repeat, run_usd)


def _amount(option: str, text: str) -> Decimal:
    try:
        as_written(text)
        amount = Decimal(text.removeprefix("$"))
    except (InvalidOperation, ValueError):
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0 or amount > 1_000_000:
        raise BadInput(f"{option}: {text[:40]!r} is no amount of US dollars.", remedy="Write it like 0.50.")
    return amount


def _about(loaded: Suite, plan: RunPlan) -> str:
    """What is going to run, and what it can cost."""
    attempts = len(loaded.tasks) * plan.repeat
    on = plan.selection.model.name if plan.selection.model else str(plan.selection.tier)
    most = plan.task_usd * attempts if plan.task_micro_usd else Decimal(0)
    if plan.run_usd is not None:
        most = min(most, plan.run_usd)
    size = f"{counted(len(loaded.tasks), 'task')}, {counted(attempts, 'attempt')}"
    return f"{loaded.format}: {size}, {plan.pattern}, {on}; at most ${most:.2f}"


def _tell_task(result: TaskResult, *, alike: bool) -> None:
    first = result.attempts[0]
    waited = f"{first.first_usable_s:6.1f}s" if first.first_usable_s is not None else "      -"
    calls, tokens = sum(a.calls for a in result.attempts), sum(a.input_tokens + a.output_tokens for a in result.attempts)
    cost = sum(a.cost_micro_usd for a in result.attempts) / 1_000_000
    spent = f"  {calls} calls, {tokens:,} tokens, ${cost:.4f}" if calls else ""
    note(f"{'passed' if result.passed else 'FAILED'} {waited}  {result.name}{spent}")
    for failure in dict.fromkeys(failure for attempt in result.attempts for failure in attempt.failures):
        note(f"                 {failure}")
    if alike and not result.identical:
        note("                 the reports of the repeats differ")


def _tell(total: SuiteResult, difference: Difference | None) -> None:
    told = total.as_json()
    print(f"{total.passed} of {len(total.tasks)} passed ({total.share:.0%}); first usable result after {told['first_usable_p50_s']} s")
    print(f"(median); cost ${told['cost_usd']:.2f}; repeats {'identical' if told['identical'] else 'DIFFER'}")
    if told["calls"]:
        print(f"{told['calls']:,} calls, {told['input_tokens']:,} tokens in, {told['output_tokens']:,} out")
    if total.not_run:
        left = counted(len(total.not_run), "task was", "tasks were")
        print(f"{left} not run: --run-budget could have been passed. Raise it, and call again with the same --out.")
    if difference is not None:
        print(f"mean score {difference.now:.3f}, baseline {difference.before:.3f} over {counted(difference.tasks, 'common task')}:")
        print(f"difference {difference.mean:+.3f}, 95 % interval {difference.low:+.3f} to {difference.high:+.3f} (paired bootstrap)")


@app.command()
def workflows(as_json: AsJson = False) -> int:
    """Measure the Workflows runner: a loop, 1,000 executions at once, memory. Exit 1 if a limit is not kept."""
    from infra.local.workflows.measuring import measure

    return _tell_measures(measure([sys.executable, "-m", "cli.main", "workflows", "run"]), as_json)


@app.command()
def sandbox(
    repeat: Annotated[int, typer.Option("--repeat", min=1, max=100, help="Starts of each kind; the median counts.")] = 7,
    as_json: AsJson = False,
) -> int:
    """Measure how long a script that imports pandas, numpy and matplotlib waits for its sandbox. Exit 1 if a limit is not kept."""
    from infra.local.benchmarks.sandbox_starts import measure
    from shared.runtime import sandbox_python

    settings = load_settings()
    return _tell_measures(measure(sandbox_python(settings), Path(tempfile.gettempdir()), repeat), as_json)


def _tell_measures(found: list[Measure], as_json: bool) -> int:
    """Print them, each with its limit; 1 if one is not kept."""
    kept = all(one.kept for one in found)
    if as_json:
        print_json({"kept": kept, "measures": [one.as_json() for one in found]})
    else:
        for one in found:
            limit = f"  (at most {one.limit:g})" if one.limit is not None else ""
            print(f"{one.name:<52} {one.value:10.3f} {one.unit:<4}{limit}{'' if one.kept else '  NOT KEPT'}")
    return 0 if kept else 1


@app.command()
def cost(
    mission: Annotated[str, typer.Argument(metavar="MISSION", help="A mission that ran on the emulated cloud, on this data folder.")],
    as_json: AsJson = False,
) -> int:
    """Count what a mission took of Google Cloud: steps, writes, reads, invocations, dollars. Exit 1 if a limit is not kept."""
    from infra.local import mission_bill
    from shared.errors import NotFound
    from shared.telemetry.reading import mission_spans

    settings = load_settings()
    spans = mission_spans(settings.home / "telemetry" / "traces.jsonl", mission)
    if not any(span.attributes.get("kimera.steps") for span in spans):
        raise NotFound(
            f"There are no spans of a workflow of {mission} in {settings.home}.",
            remedy="Run it under `kimera serve --profile emulated` with the same KIMERA_HOME.",
        )
    counted = mission_bill.bill(spans)
    rows: list[tuple[str, int, Decimal]] = [
        ("workflow steps", counted.steps, mission_bill.STEP.of(counted.steps)),
        ("orchestration writes", counted.orchestration_writes, mission_bill.WRITE.of(counted.orchestration_writes)),
        ("writes of paid calls", counted.call_writes, mission_bill.WRITE.of(counted.call_writes)),
        ("reads", counted.reads, mission_bill.READ.of(counted.reads)),
        ("invocations", counted.invocations.total(), mission_bill.INVOCATION.of(counted.invocations.total())),
        ("function seconds", round(sum(counted.seconds.values())), counted.compute_usd),
    ]
    if as_json:
        costs: dict[str, Json] = {name: {"count": count, "usd": str(round(usd, 6))} for name, count, usd in rows}
        invocations: dict[str, Json] = dict(counted.invocations)
        slices: dict[str, Json] = dict(counted.slices)
        commits: dict[str, Json] = {"orchestration": counted.orchestration_commits, "paid calls": counted.call_commits}
        exceeded: list[Json] = list(counted.exceeded)
        print_json(
            {
                "counted": costs,
                "usd": str(round(counted.usd, 6)),
                "paid_calls": counted.calls,
                "commits": commits,
                "invocations": invocations,
                "slices": slices,
                "exceeded": exceeded,
            }
        )
    else:
        for name, count, usd in rows:
            print(f"{name:<28} {count:>7,}   ${usd:.6f}")
        print(f"{'all, models apart':<28} {'':>7}   ${counted.usd:.6f}")
        print("invocations: " + ", ".join(f"{name} {n}" for name, n in sorted(counted.invocations.items())))
        print(f"paid calls: {counted.calls}; commits: orchestration {counted.orchestration_commits}, paid calls {counted.call_commits}")
        print("slices: " + ", ".join(f"{name} {n}" for name, n in sorted(counted.slices.items())))
        for line in counted.exceeded:
            print(f"NOT KEPT: {line}")
    return 1 if counted.exceeded else 0


app.command()(bench_speed.orchestration)
app.command()(bench_speed.load)
app.command()(bench_speed.audit)
app.command("cold-start")(bench_speed.cold_start)
