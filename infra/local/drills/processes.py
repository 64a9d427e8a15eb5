"""Processes of this machine, seen from outside: those of one platform among all others (``/proc``)."""

from __future__ import annotations

from pathlib import Path


def processes(command: str, data: Path) -> list[int]:
    """The ids of those whose command has ``command`` in it (its arguments parted by NUL), on the data folder ``data``."""
    found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(pid for pid in found if command in _read(pid, "cmdline") and str(data) in _read(pid, "environ"))


def environment_of(pid: int) -> dict[str, str]:
    """What a process was started with."""
    return dict(entry.split("=", 1) for entry in _read(pid, "environ").split("\0") if "=" in entry)


def alive(pids: list[int]) -> list[int]:
    """Those that have not ended."""
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""  # it has just ended, or is not ours
