"""What a new instance of each function loads before its first call, when it has answered that, and what ``kimera --help`` takes.

Each in fresh processes. The import is told on top of functions-framework, which every instance loads. The first answer, told for the
functions that every mission waits for, counts from the same moment: the import, the settings and the adapters that are built at their
first use, the validators of the contracts that this call speaks, and the call itself, through the function's own entry point. Its store
is the embedded one (``first_calls.py``): on Google Cloud the clients of Google's services take its place, which this does not measure.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from functions.manifest import MANIFEST, Dependencies
from infra.local.benchmarks.first_calls import CALLED, first_call
from shared.documents import Json
from shared.errors import Unavailable

CONTROL_PLANE_MS = 150.0
"""What each of the functions that every mission waits for may take to import, on top of functions-framework."""
HELP_MS = 200.0
_IMPORTING = """
import functions_framework, importlib, sys, time
began = time.perf_counter()
importlib.import_module(sys.argv[1])
print(time.perf_counter() - began)
"""
_CALLING = """
import functions_framework, flask, importlib, json, sys, time
from werkzeug.test import EnvironBuilder
module, entry_point, path, body = sys.argv[1:]
app = flask.Flask("host")
environ = EnvironBuilder(path, method="POST", json=json.loads(body)).get_environ()
began = time.perf_counter()
function = getattr(importlib.import_module(module), entry_point)
with app.request_context(environ):
    response = function(flask.request)
took = time.perf_counter() - began
if response.status_code != 200:
    sys.exit(f"{path} answered {response.status_code}: {response.get_data(as_text=True)}")
print(took)
"""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Milliseconds until something is loaded: the median of the repeats, and the fastest. ``limit_ms`` is ``None`` where it is only told.

    ``first_answer_ms`` is the median until the first call was answered, the import included; ``None`` where none is made.
    """

    name: str
    ms: float
    fastest_ms: float
    limit_ms: float | None
    first_answer_ms: float | None = None

    @property
    def kept(self) -> bool:
        """Whether it is within its limit."""
        return self.limit_ms is None or self.ms <= self.limit_ms

    def as_json(self) -> dict[str, Json]:
        """The figures."""
        return {
            "name": self.name,
            "ms": round(self.ms, 1),
            "fastest_ms": round(self.fastest_ms, 1),
            "limit_ms": self.limit_ms,
            "kept": self.kept,
            "first_answer_ms": None if self.first_answer_ms is None else round(self.first_answer_ms, 1),
        }


def measure(command: Sequence[str], *, repeats: int, progress: Callable[[str], None]) -> list[ColdStart]:
    """Every function's import, the first answer of those of ``CALLED``, and ``command`` (``kimera --help``) from its start to its end."""
    found: list[ColdStart] = []
    for row in MANIFEST:
        progress(row.name)
        took = [float(_output([sys.executable, "-c", _IMPORTING, row.module])) * 1000 for _ in range(repeats)]
        limit = CONTROL_PLANE_MS if row.dependencies is Dependencies.CONTROL else None
        answered = median(_first_answer_ms(row.name, row.module, row.entry_point) for _ in range(repeats)) if row.name in CALLED else None
        found.append(ColdStart(row.name, median(took), min(took), limit, answered))
    progress("kimera --help")
    helped = [_seconds(command) * 1000 for _ in range(repeats)]
    found.append(ColdStart("kimera --help", median(helped), min(helped), HELP_MS))
    return found


def _first_answer_ms(name: str, module: str, entry_point: str) -> float:
    """From the import to the first answer in a new process, on a store of its own, whatever the user's own settings are."""
    with TemporaryDirectory(prefix="kimera-bench-") as folder:
        home = Path(folder) / "data"
        call = first_call(name, home)
        ours = {"KIMERA_HOME": str(home), "KIMERA_PROFILE": "embedded", "KIMERA_TRACES": "file", "HOME": folder}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("KIMERA_")} | ours
        command = [sys.executable, "-c", _CALLING, module, entry_point, call.path, json.dumps(call.body)]
        return float(_output(command, folder=folder, environment=environment)) * 1000


def _seconds(command: Sequence[str]) -> float:
    began = time.perf_counter()
    _output(command)
    return time.perf_counter() - began


def _output(command: Sequence[str], *, folder: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode:
        raise Unavailable(f"{' '.join(command)[:120]} failed: {done.stderr.strip()[-300:]}", remedy="Set the checkout up: make setup.")
    return done.stdout
