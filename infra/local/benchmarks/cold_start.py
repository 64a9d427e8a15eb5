"""What a new instance of each function loads before its first call, and what ``kimera --help`` takes: each in a fresh process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from functions.manifest import MANIFEST, Dependencies
from shared.documents import Json
from shared.errors import Unavailable

CONTROL_PLANE_MS = 150.0
"""DESIGN section 9: on top of functions-framework, which every instance loads."""
HELP_MS = 200.0
_IMPORTING = """
import functions_framework, importlib, sys, time
began = time.perf_counter()
importlib.import_module(sys.argv[1])
print(time.perf_counter() - began)
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Milliseconds until something is loaded: the median of the repeats. ``limit_ms`` is ``None`` where it is only told."""

    name: str
    ms: float
    limit_ms: float | None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit_ms is None or self.ms <= self.limit_ms

    def as_json(self) -> dict[str, Json]:
        """The figure."""
        return {"name": self.name, "ms": round(self.ms, 1), "limit_ms": self.limit_ms, "kept": self.kept}


def measure(command: Sequence[str], *, repeats: int, progress: Callable[[str], None]) -> list[ColdStart]:
    """Every function's import on top of functions-framework, and ``command`` (``kimera --help``) from its start to its end."""
    found: list[ColdStart] = []
    for row in MANIFEST:
        progress(row.name)
        took = median(float(_output([sys.executable, "-c", _IMPORTING, row.module])) for _ in range(repeats))
        found.append(ColdStart(row.name, took * 1000, CONTROL_PLANE_MS if row.dependencies is Dependencies.CONTROL else None))
    progress("kimera --help")
    found.append(ColdStart("kimera --help", median(_seconds(command) for _ in range(repeats)) * 1000, HELP_MS))
    return found


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    _output(command)
    return time.perf_counter() - began


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)[:120]} failed: {done.stderr.strip()[-300:]}", remedy="Set the checkout up: make setup.")
    return done.stdout
