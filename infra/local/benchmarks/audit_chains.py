"""How long ``kimera audit verify`` takes and what it holds in memory: ``kimera bench audit``.

The missions are made by the code that makes them anywhere, only without work in between: created, told of, ended, anchored. Then the
command itself reads them, first a tenth, then all. Last of all a few entries are forged in the middle, and have to be found.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from infra.local.benchmarks.forgeries import FORGERIES
from schemas.mission import MissionInput, MissionRequest, MissionStatus, Track
from shared.clock import SystemClock
from shared.documents import Json
from shared.errors import Unavailable
from shared.ids import Ids
from shared.missions.audit import Audit
from shared.missions.chain import PAGE_EVENTS, Happening
from shared.missions.records import MissionRecord, TrackRecord
from shared.missions.repository import Change, Missions
from shared.runtime import Runtime
from shared.settings import Settings

SHORT, LONG = 20, PAGE_EVENTS * 3 + 24
"""Events of a mission: a usual one's fit into its tails, a long one's fill three pages."""
_LONG_EVERY = 20
_PER_HOUR = 60
_AT_ONCE = 16
_PROGRESS_EVERY = 20_000
MEMORY_GROWTH_MB = 40.0
"""How much more memory all may take than a tenth: what belongs to one page of missions, not to their number."""
_REQUEST = MissionRequest(
    question="How long does it take to verify an audit chain?",
    inputs=(MissionInput(uri="artifact:inputs/bench/idle.csv", kind="data", name="idle.csv"),),
)


@dataclass(frozen=True, slots=True)
class Verified:
    """One call of the command."""

    missions: int
    events: int
    seconds: float
    peak_mb: float
    broken: frozenset[str]

    def as_json(self) -> dict[str, Json]:
        """The figures."""
        return {
            "missions": self.missions,
            "events": self.events,
            "seconds": round(self.seconds, 2),
            "events_per_s": round(self.events / self.seconds),
            "peak_mb": round(self.peak_mb, 1),
        }


@dataclass(frozen=True, slots=True)
class AuditBench:
    """One run: a tenth, all, and which forgeries were found in the right mission and nowhere else."""

    tenth: Verified
    all: Verified
    found: dict[str, bool]

    @property
    def memory_kept(self) -> bool:
        """Whether memory does not grow with the number of missions."""
        return self.all.peak_mb - self.tenth.peak_mb <= MEMORY_GROWTH_MB

    @property
    def sound(self) -> bool:
        """Whether nothing was taken for broken that is not, and the reverse."""
        return not self.tenth.broken and not self.all.broken and all(self.found.values())

    def as_json(self) -> dict[str, Json]:
        """All figures."""
        found: dict[str, Json] = dict(self.found)
        return {"tenth": self.tenth.as_json(), "all": self.all.as_json(), "memory_kept": self.memory_kept, "forgeries_found": found}


def measure(settings: Settings, home: Path, command: Sequence[str], *, events: int, progress: Callable[[str], None]) -> AuditBench:
    """The figures for that many events, in the new folder ``home``. ``command`` is ``kimera``."""
    own = settings.model_copy(update={"profile": "embedded", "home": home})
    maker = _Maker(own, progress)
    try:
        long = maker.make_up_to(events // 10)
        tenth = _verify(command, home)
        progress(f"a tenth verified in {tenth.seconds:.1f} s")
        long += maker.make_up_to(events)
        everything = _verify(command, home)
        progress(f"all verified in {everything.seconds:.1f} s")
        forged = {name: long[len(long) * place // (len(FORGERIES) + 1)] for place, name in enumerate(FORGERIES, 1)}
        for name, mission_id in forged.items():
            FORGERIES[name](maker.runtime.documents, mission_id)
        broken = _verify(command, home).broken
    finally:
        maker.runtime.close()
    exact = broken == frozenset(forged.values())
    return AuditBench(tenth, everything, {name: exact and mission_id in broken for name, mission_id in forged.items()})


class _Hours(SystemClock):
    """The time of day is what was set: an anchor is kept every hour, and years of them pass in a minute."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class _Maker:
    """Makes missions on the data folder, an hour's worth at a time."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        self.runtime = Runtime(settings)
        self._progress = progress
        self._clock = _Hours()
        self._missions = Missions(self.runtime.documents, self._clock, Ids(self._clock, os.urandom))
        self._audit = Audit(self.runtime.documents, self.runtime.anchors, self._clock)
        self._made = 0
        self._events = 0

    def make_up_to(self, events: int) -> list[str]:
        """Add missions until there are that many events in all; the ids of the long ones, in order."""
        long: list[str] = []
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kimera-bench") as pool:
            while self._events < events:
                sizes: list[int] = []
                while len(sizes) < _PER_HOUR and self._events + sum(sizes) < events:
                    size = LONG if (self._made + len(sizes)) % _LONG_EVERY == 0 else SHORT
                    sizes.append(max(2, min(size, events - self._events - sum(sizes))))
                ids = list(pool.map(self._mission, sizes))
                long += [mission_id for mission_id, size in zip(ids, sizes, strict=True) if size == LONG]
                self._clock.time += timedelta(hours=1)
                self._audit.anchor_hour()
                before, self._events, self._made = self._events, self._events + sum(sizes), self._made + len(sizes)
                if before // _PROGRESS_EVERY != self._events // _PROGRESS_EVERY:
                    self._progress(f"{self._events} of {events} events of {self._made} missions made")
        return sorted(long)

    def _mission(self, events: int) -> str:
        mission, _ = self._missions.create(_REQUEST, owner="bench", idempotency_key=None)

        def decide(current: MissionRecord, _: dict[Track, TrackRecord]) -> Change:
            done = current.model_copy(update={"status": MissionStatus.DONE, "ended_at": self._clock.now()})
            noted = [Happening("noted", {"n": n, "of": events}) for n in range(2, events)]
            return Change(done, [*noted, Happening("mission.done", {"n": events, "of": events})])

        ended = self._missions.change(mission.mission_id, "lifecycle", decide)
        self._audit.anchor_mission(ended, ())
        return ended.mission_id


def _verify(command: Sequence[str], home: Path) -> Verified:
    """What ``kimera audit verify --json`` says, and took, in a process of its own."""
    environment = os.environ | {"KIMERA_HOME": str(home), "KIMERA_PROFILE": "embedded"}
    began = time.perf_counter()
    with subprocess.Popen(
        [*command, "audit", "verify", "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - began
    if process.returncode not in (0, 1) or not printed.strip():
        raise Unavailable(
            f"`kimera audit verify` ended with exit code {process.returncode}.", remedy="Run it on the data folder: it says why."
        )
    told = json.loads(printed)
    broken = frozenset(str(one["mission_id"]) for one in told["breaks"])
    return Verified(told["missions"], told["events"], seconds, usage.ru_maxrss / 1024, broken)
