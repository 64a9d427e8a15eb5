"""Many missions through a served platform over HTTP, killed every so often: how fast, how large, and that none is lost or done twice.

The tracks are idle (``idle_track``), everything else is the platform's own. Whoever submits repeats a call that was cut off under the
same idempotency key, as a client should.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from infra.local.api import MissionsApi
from infra.local.benchmarks.load_result import Ended, LoadResult, Sample
from infra.local.benchmarks.orchestration import idle_mission
from infra.local.benchmarks.server_process import ServerProcess
from shared.clock import Clock
from shared.documents import Json
from shared.errors import KimeraError, NotFound, Unavailable

T = TypeVar("T")
_LOOK_EVERY_S = 2.0
"""64 who looked twice a second would take half of the server's time. A mission's latency is told by its own record."""
_SAMPLE_EVERY_S = 1.0
_TELL_EVERY_S = 10.0
_SERVER_BACK_WITHIN_S = 180.0
_MISSION_WITHIN_S = 1_800.0


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How many missions, how many at a time, how many seconds the server lives before it is killed (``None``: until the end), and in how
    many processes it runs them.
    """

    missions: int
    concurrency: int
    kill_every_s: float | None = None
    workers: int = 1


def run_load(home: Path, plan: LoadPlan, clock: Clock, progress: Callable[[str], None]) -> LoadResult:
    """Run the plan on the empty data folder ``home``; the server has stopped when this returns. Raises ``Unavailable``."""
    server = ServerProcess(home, max_running=plan.concurrency, workers=plan.workers, clock=clock)
    server.start()
    try:
        return _Load(server, home, plan, clock, progress).run()
    finally:
        server.stop()


class _Load:
    def __init__(self, server: ServerProcess, home: Path, plan: LoadPlan, clock: Clock, progress: Callable[[str], None]) -> None:
        self._server = server
        self._home = home
        self._plan = plan
        self._clock = clock
        self._progress = progress
        self._api = MissionsApi.over_http(server.url, None)
        self._begun = threading.Event()
        self._over = threading.Event()
        self._interrupted = threading.Event()
        """Ctrl-C ends the server, too: nobody waits for it to come back."""
        self._lock = threading.Lock()
        self._ended: list[Ended] = []
        self._samples: list[Sample] = []
        self._failures: list[BaseException] = []

    def run(self) -> LoadResult:
        file = self._home / "idle.csv"
        file.write_text("nothing\n0\n", "utf-8")
        body = idle_mission(self._api.upload(file, file.name).uri)
        threads = [threading.Thread(target=self._watch, name="kimera-load-watch")]
        if self._plan.kill_every_s is not None:
            threads.append(threading.Thread(target=self._kill, args=(self._plan.kill_every_s,), name="kimera-load-kill"))
        began = self._clock.monotonic()
        for thread in threads:
            thread.start()
        try:
            with self._clients(self._plan.concurrency) as pool:
                ids = list(pool.map(lambda n: self._one(n, body), range(self._plan.missions)))
        finally:
            self._over.set()
            self._begun.set()
            for thread in threads:
                thread.join()
        took = self._clock.monotonic() - began
        if self._failures:
            raise self._failures[0]
        self._progress("checking that every mission is there once, and did each slice once")
        with self._clients(8) as pool:
            twice = [wrong for wrong in pool.map(self._twice, ids) if wrong]
        stored = self._again(lambda: self._api.missions(limit=10 * self._plan.missions))
        self._api.close()
        extra = len(stored) - self._plan.missions
        return LoadResult(
            plan_missions=self._plan.missions,
            concurrency=self._plan.concurrency,
            seconds=took,
            ended=tuple(self._ended),
            samples=tuple(self._samples),
            kills=self._server.kills,
            twice=(*twice, *([f"{extra} missions more than were submitted"] if extra else [])),
        )

    @contextmanager
    def _clients(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Threads that call the server; they end at once where whoever waits for them is interrupted."""
        with ThreadPoolExecutor(count, thread_name_prefix="kimera-load") as pool:
            try:
                yield pool
            except BaseException:  # also Ctrl-C ends the clients
                self._interrupted.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, number: int, body: dict[str, Json]) -> str:
        """Submit a mission and wait for its end; its id. One that does not end, or is not there any more, is lost."""
        mission_id = self._again(lambda: self._api.submit(body, idempotency_key=f"load-{number}")).mission_id
        until = self._clock.monotonic() + _MISSION_WITHIN_S
        while self._clock.monotonic() < until and not self._interrupted.is_set():
            try:
                state = self._again(lambda: self._api.state(mission_id))
            except NotFound:
                break
            if state.over and state.ended_at is not None:
                seconds = (state.ended_at - state.created_at).total_seconds()
                with self._lock:
                    self._ended.append(Ended(number, mission_id, str(state.status), seconds, state.ended_at))
                self._begun.set()
                break
            self._interrupted.wait(_LOOK_EVERY_S)
        return mission_id

    def _twice(self, mission_id: str) -> str | None:
        """What of the mission was done more than once."""
        events = self._again(lambda: self._api.events(mission_id))
        once = Counter(event.kind for event in events if event.kind in ("mission.created", "mission.done", "report.published"))
        once.update(f"{e.writer} slice {e.detail.get('attempt')}:{e.detail.get('seq')}" for e in events if e.kind == "slice.committed")
        repeated = sorted(what for what, count in once.items() if count > 1)
        return f"{mission_id}: {', '.join(repeated)}" if repeated else None

    def _again(self, call: Callable[[], T]) -> T:
        """What the call gives, as soon as the server is there to answer it; at once ``Unavailable`` where it does not come back."""
        until = self._clock.monotonic() + _SERVER_BACK_WITHIN_S
        while True:
            try:
                return call()
            except Unavailable:
                self._server.require_alive()
                if self._clock.monotonic() > until or self._failures or self._interrupted.is_set():
                    raise
                self._clock.sleep(0.2)

    def _watch(self) -> None:
        told = self._clock.monotonic()
        while not self._over.wait(_SAMPLE_EVERY_S):
            with self._lock:
                count = len(self._ended)
                self._samples.append(Sample(self._clock.monotonic(), count, self._server.cpu_s, self._server.memory))
            if self._clock.monotonic() - told >= _TELL_EVERY_S:
                told = self._clock.monotonic()
                self._progress(f"{count:,} of {self._plan.missions:,} missions, killed {self._server.kills} times")

    def _kill(self, every_s: float) -> None:
        """Kill the server as soon as the first mission has ended, so that some are under way, and then again and again."""
        try:
            self._begun.wait()
            while not self._over.is_set():
                self._server.kill()
                self._server.start()
                self._over.wait(every_s)
        except KimeraError as error:
            self._failures.append(error)
