"""Two executions of one mission: one works on it, the other stops; and what an old epoch says is refused (invariants 1 to 3)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter

import httpx

from infra.local.drills import promises
from infra.local.drills.drill import Drill, DrillFailed, Scene
from infra.local.drills.host import OpenHost
from infra.local.drills.missions import Asked, submit, until_over
from infra.local.drills.standin import Reply, StandIn
from infra.local.drills.standin.playing import plays_well
from infra.local.drills.standin.requests import Asked as Request
from schemas.mission import MissionState, MissionStatus
from shared.documents import JsonMap

RIVAL_WITHIN_S = 240
HELD = "CoderAnswer"
STALE = "stale_epoch"


def drills() -> list[Drill]:
    """Of the same epoch, and of an older one."""
    return [
        Drill("executions.rival", "a second execution of the same epoch runs in another process", _rival),
        Drill("executions.stale", "the epoch is raised in mid-run; the old execution and a late one of its epoch go on", _stale),
    ]


def _rival(scene: Scene) -> None:
    host, standin, mission_id = _begun(scene)
    rival = _Rival(scene, host, mission_id, epoch=1)
    state = until_over(scene, host.api, mission_id)
    ended = rival.ended()
    scene.hurt("a second execution at epoch 1", proof=f"a process of its own ran the workflow to its end: {json.dumps(ended)[:200]}")
    scene.check("the rival stops without a word", '"run": false' in json.dumps(ended), f"its end: {json.dumps(ended)[:160]}")
    claimed = [event.detail.get("execution") for event in host.api.events(mission_id) if event.kind == "mission.claimed"]
    scene.check("one execution owns the mission", len(claimed) == 1 and claimed[0] == state.execution, f"claimed by {len(claimed)}")
    promises.all_kept(scene, host, state, standin)


def _stale(scene: Scene) -> None:
    answer = _HeldAnswer()
    host, standin, mission_id = _begun(scene, answer)
    scene.until(answer.asked.is_set, "a call of the old execution that waits for the provider", seconds=60)
    raised = httpx.post(f"{host.functions}/lifecycle/reconcile", json={"none_alive": True}, timeout=60).json()
    answer.released.set()
    late = _Rival(scene, host, mission_id, epoch=1)
    state = until_over(scene, host.api, mission_id)
    stale = [m for m in host.messages if m.status == httpx.codes.CONFLICT and m.result.get("code") == STALE]
    ended = late.ended()
    proof = f"restarted by reconcile: {raised.get('restarted')}, now epoch {state.epoch}; the old execution was refused {len(stale)} times"
    scene.hurt("a newer epoch while the old execution works", proof=proof, really=bool(state.epoch == 2 and stale))
    paths = Counter(m.path for m in stale)
    scene.check("every call of the old epoch is refused", _all_refused(host, state), f"refused: {dict(paths)}")
    scene.check(
        "a late execution of the old epoch gets nothing", '"run": false' in json.dumps(ended), f"its end: {json.dumps(ended)[:160]}"
    )
    direct = httpx.post(f"{host.functions}/lifecycle/complete", json={"mission_id": mission_id, "epoch": 1, "execution": "x"}, timeout=60)
    code = direct.json().get("code")
    scene.check(
        "a stale completion is refused", (direct.status_code, code) == (httpx.codes.CONFLICT, STALE), f"{direct.status_code} {code}"
    )
    promises.all_kept(scene, host, state, standin)


def _all_refused(host: OpenHost, state: MissionState) -> bool:
    """Whether no call of the old epoch did anything once the new one was claimed."""
    messages = host.messages
    new = next(at for at, m in enumerate(messages) if m.path.endswith("/claim") and m.payload.get("epoch") == state.epoch)
    late = [m for m in messages[new:] if m.payload.get("epoch") == 1 and not m.path.endswith(("/claim", "/dispatch"))]
    return all(m.status == httpx.codes.CONFLICT for m in late)


class _HeldAnswer:
    """An answer of the provider that comes when it is released: a slice of the old execution is at work until then, and commits after."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.released = threading.Event()

    def play(self, standin: StandIn) -> None:
        """Hold the first answer to a coder, and those that are asked for meanwhile."""
        well = standin.behaviour(HELD)

        def held(asked: Request) -> Reply:
            self.asked.set()
            self.released.wait(RIVAL_WITHIN_S)
            usual = well(asked)
            assert isinstance(usual, Reply)
            return usual

        standin.always(HELD, held)


def _begun(scene: Scene, held: _HeldAnswer | None = None) -> tuple[OpenHost, StandIn, str]:
    """A mission at work."""
    standin = scene.closing.enter_context(StandIn())
    plays_well(standin)
    if held is not None:
        held.play(standin)
    host = scene.closing.enter_context(OpenHost(scene.folder, standin.environment(), unruly=False))
    mission_id = submit(host.api, Asked().upload(host.api, scene.folder / "files"), "drill")
    assert mission_id is not None, "the platform answers"
    scene.until(lambda: host.api.state(mission_id).status is MissionStatus.RUNNING or None, "the mission's begin", seconds=60)
    return host, standin, mission_id


class _Rival:
    """Another execution of the workflow, in a process of its own."""

    def __init__(self, scene: Scene, host: OpenHost, mission_id: str, *, epoch: int) -> None:
        arguments = ["--functions", host.functions, "--mission", mission_id, "--epoch", str(epoch)]
        self._process: subprocess.Popen[str] | None = None
        scene.closing.callback(self._stop)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "infra.local.drills.rival", *arguments],
            env=dict(host.environment()),
            cwd=host.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ended(self) -> JsonMap:
        """What its workflow came to."""
        assert self._process is not None
        out, _ = self._process.communicate(timeout=RIVAL_WITHIN_S)
        if self._process.returncode != 0:
            raise DrillFailed(f"The second execution ended with {self._process.returncode}.")
        found: JsonMap = json.loads(out)
        return found

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
