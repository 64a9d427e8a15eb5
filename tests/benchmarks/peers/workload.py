"""Workload W for a peer: what its steps return, and how its missions are measured. Standard library only: each peer has its own packages.

A peer's script gives ``measured`` a function that runs one mission and returns the fusion of both branches; one line of JSON comes out.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

STEPS = 5
BYTES = 2_048
WARM_UP = 5
Result = dict[str, str]
Fused = dict[str, list[Result]]


def result_of(branch: str, step: int) -> Result:
    """What a step returns: 2 KB, the same every time, and no two steps alike."""
    seed = f"{branch}{step}".encode()
    return {"text": "".join(hashlib.sha256(seed + bytes([part])).hexdigest() for part in range(BYTES // 64))}


def require_whole(fused: Fused) -> None:
    """Raise unless both branches have all their steps' results."""
    for branch in "AB":
        if fused[branch] != [result_of(branch, step) for step in range(1, STEPS + 1)]:
            raise SystemExit(f"the mission lost results of branch {branch}")


class Asked(argparse.Namespace):
    """The options that every peer takes."""

    serial: int
    missions: int
    concurrency: int
    folder: Path


def asked() -> Asked:
    """The command line; the folder for the peer's data is empty."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--serial", type=int, default=50)
    parser.add_argument("--missions", type=int, default=200)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--folder", type=Path, required=True)
    given = parser.parse_args(namespace=Asked())
    shutil.rmtree(given.folder, ignore_errors=True)
    given.folder.mkdir(parents=True)
    return given


def measured(peer: str, given: Asked, mission: Callable[[str], Fused], *, others: Callable[[], list[int]] = list) -> None:
    """Measure missions one after the other, then at once, and print the figures. ``others``: processes that work for this one."""

    def one(name: str) -> float:
        began = time.perf_counter()
        require_whole(mission(name))
        return time.perf_counter() - began

    for number in range(WARM_UP):
        one(f"w{number}")
    cpu, flushes = _cpu(others()), _flushes(given.folder)
    alone = sorted(one(f"s{number}") for number in range(given.serial))
    alone_cpu, alone_flushes = _cpu(others()) - cpu, _flushes(given.folder) - flushes
    cpu, flushes, began = _cpu(others()), _flushes(given.folder), time.perf_counter()
    with ThreadPoolExecutor(given.concurrency) as pool:
        list(pool.map(one, (f"c{number}" for number in range(given.missions))))
    took = time.perf_counter() - began
    told = {
        "peer": peer,
        "missions_per_s": given.missions / took,
        "p50_ms": alone[(len(alone) - 1) // 2] * 1000,
        "p95_ms": alone[-(-len(alone) * 95 // 100) - 1] * 1000,
        "cpu_ms_per_mission": (_cpu(others()) - cpu) / given.missions * 1000,
        "serial_cpu_ms": alone_cpu / given.serial * 1000,
        "flushes_per_mission": (_flushes(given.folder) - flushes) / given.missions,
        "serial_flushes": alone_flushes / given.serial,
        "peak_mb": _peak_mb(others()),
    }
    print(json.dumps({key: round(value, 2) if isinstance(value, float) else value for key, value in told.items()}), flush=True)


def _cpu(others: list[int]) -> float:
    ticks = 0
    for pid in others:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _flushes(folder: Path) -> int:
    device = folder.stat().st_dev
    for line in Path("/proc/diskstats").read_text("ascii").splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)) and len(fields) > 18:
            return int(fields[18])
    return 0


def _peak_mb(others: list[int]) -> float:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return own + sum(_peak_of(pid) for pid in others)


def _peak_of(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def imported(peer: str) -> Iterator[None]:
    """Say on stderr how long the imports inside of the ``with`` took."""
    import sys

    began = time.perf_counter()
    yield
    print(f"{peer}: import {time.perf_counter() - began:.2f} s", file=sys.stderr)
