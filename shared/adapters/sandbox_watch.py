"""Measures the processes of a running sandbox from outside, where its code cannot lie about them.

A limit per process (``RLIMIT_DATA``) does not bound their sum, and ``RLIMIT_NPROC`` does not hold for root; so the host looks
every few milliseconds. Linux only: reads ``/proc``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Usage:
    """One look: tasks (processes and threads), their CPU time, resident memory that is theirs, the largest peak of one of them."""

    tasks: int
    cpu_s: float
    memory_bytes: int
    peak_bytes: int


def usage(root: int, *, most: int) -> Usage:
    """The usage of the process ``root`` and all its descendants; orphans included, as ``root`` is the init of their namespace.

    A fork bomb grows while it is counted, so the count stops at ``most`` processes.
    """
    tasks = memory = peak = ticks = 0
    for pid in _tree(root, most):
        fields = _status(pid)
        tasks += fields.get("Threads", 0)
        own = (fields.get("RssAnon", 0) + fields.get("RssShmem", 0)) * 1024
        memory += own
        peak = max(peak, fields.get("VmHWM", 0) * 1024)
        ticks += _ticks(pid)
    return Usage(tasks, ticks / os.sysconf("SC_CLK_TCK"), memory, peak)


def proportional_memory(root: int, *, most: int) -> int:
    """Bytes the tree really holds: a page that forked processes share counts once. Dearer than ``usage``: asked only near the limit."""
    total = 0
    for pid in _tree(root, most):
        for line in _lines(f"/proc/{pid}/smaps_rollup"):
            if line.startswith(("Pss_Anon:", "Pss_Shmem:")):
                total += int(line.split()[1]) * 1024
    return total


def files_in(root: int, folder: str) -> int:
    """How many files the sandbox holds in the file system mounted at its ``folder``; 0 if it cannot be seen."""
    try:
        found = os.statvfs(f"/proc/{root}/root{folder}")
    except OSError:
        return 0
    return found.f_files - found.f_ffree


def _tree(root: int, most: int) -> Iterator[int]:
    waiting, seen = [root], 0
    while waiting and seen < most:
        pid = waiting.pop()
        seen += 1
        yield pid
        try:
            tasks = list(Path(f"/proc/{pid}/task").iterdir())
        except OSError:
            continue  # it has ended
        for task in tasks:
            for line in _lines(f"{task}/children"):
                waiting.extend(map(int, line.split()))


def _status(pid: int) -> dict[str, int]:
    """The numbers of ``/proc/<pid>/status`` (sizes in KiB); empty for a process that has ended."""
    fields = {}
    for line in _lines(f"/proc/{pid}/status"):
        name, _, rest = line.partition(":")
        first = rest.split(maxsplit=1)
        if first and first[0].isdigit():
            fields[name] = int(first[0])
    return fields


def _ticks(pid: int) -> int:
    """CPU time of a process and of the children it has waited for: fields 14 to 17 of ``/proc/<pid>/stat``."""
    for line in _lines(f"/proc/{pid}/stat"):
        return sum(map(int, line.rpartition(")")[2].split()[11:15]))
    return 0


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
