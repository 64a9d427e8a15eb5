"""Runs drills one after the other, each in a folder of its own, and leaves nothing running."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local.drills.drill import Drill, Result, Scene
from infra.local.drills.interruption import Interruption
from infra.local.emulated.component import Missing
from shared.clock import Clock, SystemClock
from shared.errors import KimeraError, SandboxUnavailable

_log = logging.getLogger(__name__)


def run_all(
    drills: Sequence[Drill], *, repeat: int, keep: bool, starting: Callable[[Drill, int], None], interruption: Interruption
) -> Iterator[Result]:
    """Each drill's result as it ends; ``repeat`` rounds of all. ``starting`` hears the drill and its round, from 1.

    After an interruption nothing follows: neither another drill nor a result of the one that it ended.
    """
    for n in range(repeat):
        for drill in drills:
            if interruption.wanted:
                return
            starting(drill, n + 1)
            try:
                result = run(drill, keep=keep, interruption=interruption)
            except KeyboardInterrupt:
                return
            yield result


def run(drill: Drill, *, keep: bool, clock: Clock | None = None, interruption: Interruption | None = None) -> Result:
    """How the drill went; whatever goes wrong in it is its failure. ``keep`` keeps the folder of one that failed.

    Raises ``KeyboardInterrupt`` where it is interrupted, once nothing is left of it.
    """
    clock, interruption = clock or SystemClock(), interruption or Interruption()
    began = clock.monotonic()
    try:
        with interruption.raised():
            drill.require()
    except Missing as missing:
        return Result(drill.name, 0, missing=str(missing))
    with _folder(drill) as folder:
        scene, problem = Scene(folder, clock), ""
        try:
            with scene.closing, interruption.raised():
                drill.attack(scene)
        except (Missing, SandboxUnavailable) as lacking:
            return Result(drill.name, clock.monotonic() - began, missing=str(lacking))
        except KimeraError as failed:
            problem = str(failed)
        except Exception as defect:  # noqa: BLE001 - a drill that breaks has not passed; the others still run
            _log.exception("The drill %s broke", drill.name)
            problem = f"{type(defect).__name__}: {defect}"
        if interruption.cut_off:  # whatever broke then
            raise KeyboardInterrupt
        result = Result(drill.name, clock.monotonic() - began, scene.hurts, scene.checks, problem)
        if result.passed or not keep:
            return result
        kept = Path(tempfile.mkdtemp(prefix=f"kimera-drill-{drill.name}-"))
        shutil.copytree(folder, kept, dirs_exist_ok=True, symlinks=True, ignore_dangling_symlinks=True, ignore=_sockets)
        return Result(drill.name, result.seconds, scene.hurts, scene.checks, problem, kept_in=kept)


@contextmanager
def _folder(drill: Drill) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"kimera-drill-{drill.name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (Path(folder) / name).is_socket()]
