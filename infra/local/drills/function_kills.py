"""``kill -9`` of a function in the middle of its call, on the emulated cloud: the mission goes on where that function stopped."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import Host
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.processes import alive, environment_of, processes
from infra.local.drills.standin import Reply, StandIn
from infra.local.drills.standin.playing import plays_well
from infra.local.drills.standin.requests import Asked as Request
from infra.local.emulated.cloud import Servers
from infra.local.emulated.component import answers_http

KILLED_WHILE = {"deep_research": "ReaderAnswer", "ds_star": "CoderAnswer", "fusion": "WriterAnswer"}
"""The functions that ask models, and the answer for which each has asked when it dies."""
WITHIN_S = 540.0
"""A dead holder's lease lasts for minutes; after that the workflow's next try takes the slice over."""


class EmulatedHost(Host):
    """``kimera serve --profile emulated``: each function is a process of its own, on emulators of Google Cloud."""

    start_limit_s = 300.0
    at_once: Mapping[str, str] = {}

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        super().__init__(folder, environment, arguments=("--profile", "emulated"))

    def serves(self) -> bool:
        return bool(self.said("KIMERA is at")) and answers_http(self.port, "/health")

    def processes(self, function: str) -> list[int]:
        """The processes of a function."""
        return processes(f"--target\0{function}\0", self.data)

    def environment_of(self, function: str) -> dict[str, str]:
        """What the function runs with."""
        return environment_of(self.processes(function)[0])


def drills() -> list[Drill]:
    """One for each function that asks models."""
    return [
        Drill(f"function.{name}", f"the function {name} dies in mid-call, on the emulated cloud", partial(_dies, name), _require)
        for name in KILLED_WHILE
    ]


def _require() -> None:
    with tempfile.TemporaryDirectory(prefix="kimera-drill-") as folder:
        for server in Servers.on(Path(folder)).all():
            server.require()


def _dies(function: str, scene: Scene) -> None:
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    host = scene.closing.enter_context(EmulatedHost(scene.folder, standin.environment()))
    killed: list[list[int]] = []
    answer = KILLED_WHILE[function]
    well = standin.behaviour(answer)

    def kills(asked: Request) -> Reply:
        """The function waits for this very answer when it dies."""
        if not killed:
            killed.append(host.processes(function))
            for pid in killed[0]:
                os.kill(pid, signal.SIGKILL)
        usual = well(asked)
        assert isinstance(usual, Reply)
        return usual

    standin.always(answer, kills)
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    state = until_over(scene, host.api, mission_id, seconds=WITHIN_S)
    dead = killed[0] if killed else []
    living = alive(dead)
    again = scene.until(lambda: host.processes(function) or None, f"the function {function}, started again", seconds=90)
    proof = f"processes {dead} died of SIGKILL while they waited for {answer}; processes {again} took their place"
    scene.hurt(f"kill -9 of the function {function} in mid-call", proof=proof, really=bool(dead) and not living)
    promises.ended(scene, state)
    promises.once(scene, state, host.api.events(mission_id))
    report = host.api.costs_of_mission(mission_id, by="track")
    promises.bought_once(scene, report, standin)
    promises.within_caps(scene, report)
    _audited(scene, host)


def _audited(scene: Scene, host: EmulatedHost) -> None:
    """The chains lie in Firestore, their anchors in a bucket: they are verified with what the function ``lifecycle`` runs with."""
    known = host.environment_of("lifecycle")
    if known.get("KIMERA_PROFILE") != "cloud":
        raise DrillFailed("The function lifecycle does not run on the cloud's profile.")
    verified = host.kimera("audit", "verify", "--json", **known)
    found = verified.json if verified.out else {}
    seen = f"{found.get('events')} events, missions: {found.get('missions')}, anchors: {found.get('anchors')}, exit {verified.code}"
    scene.check(promises.AUDIT, verified.code == 0 and found.get("ok") is True, f"{seen} {verified.err[-200:]}".strip())
