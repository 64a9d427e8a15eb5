"""Workload W: a mission of two parallel branches of five durable steps, fusion, done; on the real runtime, one after the other and at once.

The workflow is ``workflows/mission.yaml`` in the runner, the functions are those of the host (the tracks' slices do nothing but return
2 KB), the store is the embedded one with ``synchronous=FULL``. A mission counts from before it is submitted until its state was read.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from pydantic import BaseModel

from functions.missions.answers import Accepted
from infra.local.api import MissionsApi
from infra.local.benchmarks.idle_functions import idle_functions
from infra.local.benchmarks.usage import Mark, Usage, peak_mb, percentile
from infra.local.platform import Platform
from infra.local.workflows.transport import HttpRequest, Transport
from infra.local.wsgi_transport import WsgiTransport
from schemas.mission import MissionState, MissionStatus
from shared.documents import Json
from shared.errors import MissionFailed
from shared.settings import Settings

DURABLE_STEPS = 13
WARM_UP = 5
_PUBLIC = "http://localhost"
_JSON = {"Content-Type": "application/json"}
ModelT = TypeVar("ModelT", bound=BaseModel)
_MOST_S = 120.0
"""How long a mission may take before the bench gives up: none does."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Missions that ran with the same concurrency, and what they took."""

    concurrency: int
    seconds: tuple[float, ...]
    usage: Usage

    @property
    def missions_per_s(self) -> float:
        """Throughput."""
        return len(self.seconds) / self.usage.seconds

    @property
    def cpu_ms_per_mission(self) -> float:
        """Processor time, the clients' included."""
        return self.usage.cpu_s / len(self.seconds) * 1000

    @property
    def flushes_per_mission(self) -> float | None:
        """Flushes of the disk."""
        return None if self.usage.flushes is None else self.usage.flushes / len(self.seconds)

    def percentile_ms(self, share: float) -> float:
        """Latency of a mission."""
        return percentile(self.seconds, share) * 1000

    def as_json(self) -> dict[str, Json]:
        """All figures."""
        flushes = self.flushes_per_mission
        return {
            "concurrency": self.concurrency,
            "missions": len(self.seconds),
            "missions_per_s": round(self.missions_per_s, 2),
            "p50_ms": round(self.percentile_ms(0.5), 2),
            "p95_ms": round(self.percentile_ms(0.95), 2),
            "cpu_ms_per_mission": round(self.cpu_ms_per_mission, 2),
            "flushes_per_mission": None if flushes is None else round(flushes, 1),
        }


@dataclass(frozen=True, slots=True)
class Orchestration:
    """One run of the bench."""

    workers: int
    serial: Stretch
    at_once: Stretch
    peak_mb: float

    def as_json(self) -> dict[str, Json]:
        """Throughput, processor and flushes of the missions at once, latency of those one after the other, and both in full."""
        serial, at_once = self.serial.as_json(), self.at_once.as_json()
        return {
            "missions_per_s": at_once["missions_per_s"],
            "p50_ms": serial["p50_ms"],
            "p95_ms": serial["p95_ms"],
            "cpu_ms_per_mission": at_once["cpu_ms_per_mission"],
            "flushes_per_mission": at_once["flushes_per_mission"],
            "peak_mb": round(self.peak_mb, 1),
            "workers": self.workers,
            "durable_steps": DURABLE_STEPS,
            "synchronous": "FULL",
            "serial": serial,
            "at_once": at_once,
        }


def measure(
    settings: Settings, home: Path, *, missions: int, serial: int, concurrency: int, workers: int = 1, progress: Callable[[str], None]
) -> Orchestration:
    """The figures of ``serial`` missions one after the other, then ``missions`` at once, in a folder of their own below ``home``.

    Raises ``MissionFailed``.
    """
    home.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=home) as folder, _platform(settings, Path(folder), concurrency, workers) as client:
        progress(f"warming up: {WARM_UP * workers} missions")
        client.run(WARM_UP * workers, workers)
        progress(f"{serial} missions one after the other")
        alone = client.run(serial, 1)
        progress(f"{missions} missions, {concurrency} at once")
        at_once = client.run(missions, concurrency)
        return Orchestration(workers, alone, at_once, peak_mb())


@contextmanager
def _platform(settings: Settings, home: Path, concurrency: int, workers: int = 1) -> Iterator[_Client]:
    """A platform that runs that many missions at once, and the way to it."""
    own = settings.model_copy(
        update={
            "profile": "embedded",
            "home": home,
            "max_running": concurrency,
            "workers": workers,
            "inbox": None,
            "outbox": None,
            "owners": {},
        }
    )
    endings = _Endings()
    with Platform(own, command="kimera bench orchestration", functions=idle_functions, ended=endings.tell) as platform:
        api = MissionsApi.in_process(platform.public, None)
        try:
            platform.prepare()  # as ``kimera serve`` does when it starts
            file = home / "idle.csv"
            file.write_text("nothing\n0\n", "utf-8")
            yield _Client(WsgiTransport(platform.public, lambda _: None), endings, api.upload(file, file.name).uri, home)
        finally:
            api.close()


class _Endings:
    """Which missions have ended, for those who wait."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, threading.Event] = {}

    def tell(self, mission_id: str) -> None:
        self._end(mission_id).set()

    def wait(self, mission_id: str) -> None:
        if not self._end(mission_id).wait(_MOST_S):
            raise MissionFailed(f"Mission {mission_id} has not ended after {_MOST_S:.0f} s.", remedy="Look into kimera.log.")
        with self._lock:
            del self._ends[mission_id]

    def _end(self, mission_id: str) -> threading.Event:
        with self._lock:
            return self._ends.setdefault(mission_id, threading.Event())


class _Client:
    """Submits missions and waits for their ends. It calls the public function itself: a client's library is no part of what is measured."""

    def __init__(self, api: Transport, endings: _Endings, uri: str, home: Path) -> None:
        self._api = api
        self._endings = endings
        self._home = home
        self._body = json.dumps(idle_mission(uri)).encode()

    def run(self, missions: int, concurrency: int) -> Stretch:
        """That many missions."""
        began = Mark.now(self._home)
        with ThreadPoolExecutor(concurrency, thread_name_prefix="kimera-bench") as pool:
            seconds = tuple(pool.map(lambda _: self._one(), range(missions)))
        return Stretch(concurrency, seconds, began.used())

    def _one(self) -> float:
        began = time.perf_counter()
        mission_id = self._asked(Accepted, HttpRequest("POST", f"{_PUBLIC}/missions", _JSON, body=self._body)).mission_id
        self._endings.wait(mission_id)
        state = self._asked(MissionState, HttpRequest("GET", f"{_PUBLIC}/missions/{mission_id}"))
        took = time.perf_counter() - began
        if state.status is not MissionStatus.DONE:
            raise MissionFailed(
                f"Mission {mission_id} ended {state.status}: {json.dumps(state.error.model_dump()) if state.error else 'no error'}.",
                remedy="Look into kimera.log.",
            )
        return took

    def _asked(self, model: type[ModelT], request: HttpRequest) -> ModelT:
        answer = self._api.send(request)
        if not answer.is_success:
            raise MissionFailed(f"{request.method} {request.url} is answered with {answer.status}: {answer.body[:300]!r}.")
        return model.model_validate_json(answer.body)


def idle_mission(uri: str) -> dict[str, Json]:
    """A mission of idle tracks; ``uri`` is an uploaded file that they do not read."""
    return {
        "question": "How long does the orchestration of a mission take?",
        "tier": "extractive",
        "budget": {"cap_usd": "0"},
        "inputs": [{"uri": uri, "kind": "data", "name": "idle.csv"}],
    }
