"""``kimera drill``: starts the platform, hurts it on purpose, and says which promises held."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import INTERRUPTED
from cli.console import AsJson, new_app, note, print_json
from shared.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from infra.local.drills.drill import Drill, Result
    from shared.documents import Json

app = new_app("Start the platform, hurt it on purpose, and check that it keeps its promises (docs/drills.md).")


@app.callback()
def drill() -> None:
    """Start the platform, hurt it on purpose, and check that it keeps its promises (docs/drills.md)."""


@app.command("list")
def list_drills(as_json: AsJson = False) -> int:
    """List all drills: what each does to the platform. Every named crash point has one."""
    from infra.local.drills.registry import all_drills

    known = all_drills()
    if as_json:
        listed: list[Json] = [{"name": one.name, "kind": one.kind, "about": one.about} for one in known.values()]
        print_json({"drills": listed})
    else:
        width = max(map(len, known))
        for one in known.values():
            print(f"{one.name:<{width}}  {one.about}")
    return 0


@app.command()
def run(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Drills, or kinds of them: kill, provider, ...", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every drill. That takes many minutes.")] = False,
    repeat: Annotated[int, typer.Option("--repeat", metavar="N", min=1, max=100, help="So many rounds of all that was named.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the folder of a drill that failed, and say where it is.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run drills, each on a platform of its own in a temporary folder, with no real provider and no key.

    Exit 0: all passed; 1: one failed; 2: there is no such drill; 3: a component is missing on this machine; 130: interrupted. Ctrl-C ends
    the drill that runs with all that it started, and tells how those went that had ended.
    """
    from infra.local.drills.interruption import Interruption
    from infra.local.drills.registry import all_drills, select
    from infra.local.drills.running import run_all

    if everything and names:
        raise BadInput(f"--all and {', '.join(names)[:80]} exclude each other.", remedy="Say --all, or name drills.")
    if not everything and not names:
        raise BadInput("Which drills are to run?", remedy="Name some, or a kind of them, or say --all; `kimera drill list` shows all.")
    chosen = list(all_drills().values()) if everything else select(names or ())
    results: list[Result] = []
    with Interruption() as interruption:
        starting = partial(_begins, rounds=repeat)
        for result in run_all(chosen, repeat=repeat, keep=keep, starting=starting, interruption=interruption):
            results.append(result)
            _tell(result, tell=note if as_json else print)
        return _summary(results, of=len(chosen) * repeat, interrupted=interruption.wanted, as_json=as_json)


def _begins(drill: Drill, n: int, *, rounds: int) -> None:
    note(f"... {drill.name}: {drill.about}" + (f" (round {n} of {rounds})" if rounds > 1 else ""))


def _tell(result: Result, *, tell: Callable[[str], None]) -> None:
    if result.missing:
        tell(f"MISSING      {result.name}: {result.missing}")
        return
    tell(f"{'passed' if result.passed else 'FAILED'} {result.seconds:5.1f} s  {result.name}")
    for hurt in result.hurts:
        tell(f"                hurt: {hurt.what} ({hurt.proof})")
    for check in result.checks:
        if check.kept:
            tell(f"                kept: {check.promise} ({check.seen})")
    for why in result.why:
        tell(f"                {why}")
    if result.kept_in is not None:
        tell(f"                its folder is kept: {result.kept_in}")


def _summary(results: list[Result], *, of: int, interrupted: bool, as_json: bool) -> int:
    """Tell how those went that ended, ``of`` those that were to run; the exit code."""
    passed = sum(result.passed for result in results)
    missing = [result for result in results if result.missing]
    failed = len(results) - passed - len(missing)
    if as_json:
        told: list[Json] = [result.as_json() for result in results]
        counts: dict[str, Json] = {"passed": passed, "failed": failed, "missing": len(missing)}
        print_json({**counts, "interrupted": interrupted, "not_ended": of - len(results), "drills": told})
    else:
        lacking = f", {len(missing)} not run for want of a component" if missing else ""
        left = f", {of - len(results)} not ended" if interrupted else ""
        print(f"{passed} of {len(results)} passed, {failed} failed{lacking}{left}; {sum(result.seconds for result in results):.0f} s")
    if interrupted:
        return INTERRUPTED
    return 1 if failed else 3 if missing else 0
