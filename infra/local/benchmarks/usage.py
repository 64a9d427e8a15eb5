"""What a stretch of work took of the machine: time, processor, flushes of the disk, memory."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_DISKS = Path("/proc/diskstats")
_FLUSHES = 18
"""The column of the flush requests that completed (kernel.org, Documentation/admin-guide/iostats.rst: field 16, since Linux 5.5)."""


@dataclass(frozen=True, slots=True)
class Usage:
    """From one moment to another. ``flushes`` is ``None`` where the disk does not tell; it counts those of the whole machine."""

    seconds: float
    cpu_s: float
    flushes: int | None


@dataclass(frozen=True, slots=True)
class Mark:
    """The moment from which ``used`` counts."""

    folder: Path
    at: float
    cpu_s: float
    flushes: int | None

    @classmethod
    def now(cls, folder: Path) -> Mark:
        """Now; ``folder`` lies on the disk whose flushes are counted."""
        others = sum(cpu_s(pid) for pid in children(os.getpid()))
        return cls(folder, time.perf_counter(), time.process_time() + others, _flushes(folder))

    def used(self) -> Usage:
        """What this process and those that it has started, and that are alive, used since."""
        after = Mark.now(self.folder)
        flushes = None if after.flushes is None or self.flushes is None else after.flushes - self.flushes
        return Usage(after.at - self.at, after.cpu_s - self.cpu_s, flushes)


def peak_mb() -> float:
    """The most memory that this process has held, and each of those that it has started and that are alive, in MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return own + sum(_peak_mb(pid) for pid in children(os.getpid()))


def children(pid: int) -> list[int]:
    """The processes that another one has started and that are alive."""
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except FileNotFoundError:
        return []
    return [child for thread in threads for child in _children_of(thread)]


def _children_of(thread: Path) -> list[int]:
    """Those that one thread has started; none where it has just ended."""
    try:
        return [int(child) for child in (thread / "children").read_text("ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def cpu_s(pid: int) -> float:
    """Processor seconds of another process; 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float | None:
    """What another process holds of the memory now, in MiB; ``None`` where it has ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` of the values lie, by nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-len(ordered) * round(share * 1000) // 1000) - 1))]


def _peak_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), 0.0)


def _flushes(folder: Path) -> int | None:
    device = folder.stat().st_dev
    numbers = (str(os.major(device)), str(os.minor(device)))
    for line in _DISKS.read_text("ascii").splitlines() if _DISKS.exists() else ():
        fields = line.split()
        if (fields[0], fields[1]) == numbers:
            return int(fields[_FLUSHES]) if len(fields) > _FLUSHES else None
    return None
