"""``kill -9`` around worker processes (``kimera serve --workers 2``): of them, of them again and again, and of the platform above them."""

from __future__ import annotations

import os
import signal

from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.processes import alive, processes
from infra.local.drills.standin import StandIn
from infra.local.drills.standin.playing import plays_well

_WORKERS = 2
_AT = "slice.worked:3"
"""Where each worker dies: it commits two slices before, so that the mission gets on."""
_MIDDLE = 3
"""Answers that the provider has given when it hits the middle of the mission."""
_WITHIN_S = 60.0


class WorkersHost(Host):
    """``kimera serve --workers 2``."""

    def workers(self) -> list[int]:
        """The ids of its worker processes."""
        return processes("infra.local.pool", self.data)


def drills() -> list[Drill]:
    """Of the workers in mid-mission, of each worker after a few slices, and of the platform."""
    return [
        Drill("worker.killed", "the worker processes die in the middle of a mission, the platform does not", _killed),
        Drill("worker.dies-again", "every worker dies after two slices, and so does each that takes its place", _dies_again),
        Drill("worker.orphaned", "the platform dies above its workers in the middle of a mission", _orphaned),
    ]


def _killed(scene: Scene) -> None:
    standin, host = _begun(scene)
    mission_id = _submitted(scene, host)
    scene.until(lambda: len(standin.given) >= _MIDDLE or None, "the middle of the mission", seconds=_WITHIN_S)
    platform, dead = host.pid, host.workers()
    _kill(dead)
    again = _others(scene, host, dead)
    line = host.logged("died (signal 9)")
    proof = f"processes {dead} died of SIGKILL, {again} took their place below the same platform; its log: {line[-120:]}"
    scene.hurt("kill -9 of all worker processes", proof=proof, really=bool(line) and host.pid == platform is not None)
    state = until_over(scene, host.api, mission_id)
    scene.check("the mission went on in a new epoch", state.epoch > 1, f"epoch {state.epoch}")
    promises.all_kept(scene, host, state, standin)


def _dies_again(scene: Scene) -> None:
    standin, host = _begun(scene, KIMERA_CRASH_AT=_AT)
    platform = host.pid
    state = until_over(scene, host.api, _submitted(scene, host))
    deaths = host.log.read_text(errors="replace").count(f"killed at {_AT}")
    proof = f"{deaths} workers died of SIGKILL at {_AT}, under process {platform}, which lives: {host.pid == platform}"
    scene.hurt("kill -9 of every worker at its third slice", proof=proof, really=deaths > 1 and host.pid == platform is not None)
    scene.check("each death began a new epoch", state.epoch == deaths + 1, f"{deaths} deaths, epoch {state.epoch}")
    promises.all_kept(scene, host, state, standin)


def _orphaned(scene: Scene) -> None:
    standin, host = _begun(scene)
    mission_id = _submitted(scene, host)
    scene.until(lambda: len(standin.given) >= _MIDDLE or None, "the middle of the mission", seconds=_WITHIN_S)
    platform, orphans = host.pid, host.workers()
    assert platform is not None, "it runs"
    _kill([platform])
    code = host.died(_WITHIN_S)
    scene.until(lambda: None if alive(orphans) else True, "the end of the workers", seconds=_WITHIN_S)
    proof = f"the platform (process {platform}) ended with {code}; its workers {orphans} ended by themselves"
    scene.hurt("kill -9 of the platform alone", proof=proof, really=code == -signal.SIGKILL and len(orphans) == _WORKERS)
    host.start_with()
    promises.all_kept(scene, host, until_over(scene, host.api, mission_id), standin)


def _begun(scene: Scene, **environment: str) -> tuple[StandIn, WorkersHost]:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = WorkersHost(scene.folder, standin.environment() | environment, arguments=("--workers", str(_WORKERS)))
    scene.closing.enter_context(host)
    scene.until(lambda: len(host.workers()) == _WORKERS or None, f"{_WORKERS} worker processes", seconds=_WITHIN_S)
    return standin, host


def _submitted(scene: Scene, host: Host) -> str:
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    if mission_id is None:
        raise DrillFailed("The platform did not answer.")
    return mission_id


def _others(scene: Scene, host: WorkersHost, dead: list[int]) -> list[int]:
    """The processes that took the place of the dead ones."""

    def look() -> list[int] | None:
        alive = host.workers()
        return alive if len(alive) == _WORKERS and not set(alive) & set(dead) else None

    return scene.until(look, "workers in the place of those that died", seconds=_WITHIN_S)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
