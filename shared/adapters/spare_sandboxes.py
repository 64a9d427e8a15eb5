"""Sandboxes that were started before their job came: each imports what the job may need, takes one job, and ends with it.

Nothing of a run can meet another one: what is kept ready has run no job yet. A spare's inputs are an empty folder of the host, mounted
read-only; giving it a job puts links to the input files there, which costs nothing and works for any size.
"""

from __future__ import annotations

import atexit
import logging
import os
import queue
import re
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Final

from shared.adapters.bubblewrap_start import Bubblewrap, StartedSandbox
from shared.errors import KimeraError
from shared.sandbox import SandboxJob, SandboxLimits, SandboxResult

IDLE_S: Final = 300.0
"""After which an unused one gives its memory back."""
FILE_MB: Final = SandboxLimits().file_mb
LEAST_MEMORY_MB: Final = 640
"""A job of less gets a new sandbox: what was imported ahead counts against its memory, also where it needs none of it."""
PREFIX: Final = "spare-"
IMPORTS: Final = (
    "numpy",
    "pandas",
    "matplotlib.pyplot",
    "scipy.special",
    "scipy.optimize",
    "scipy.stats",
    "statsmodels.regression.linear_model",
)
"""What a spare imports while it waits, the most needed first: a script that imports it again finds it there. A job that comes before the
end waits for no more than the one that is being imported.
"""
_NEEDS_THEM: Final = re.compile(r"^\s*(?:import|from)\s.*?\b(?:pandas|matplotlib)\b", re.MULTILINE)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ahead:
    """At most ``most`` spares at a time. ``folder`` has to lie in the file system of the inputs: links do not reach over its edge."""

    folder: Path
    most: int


@dataclass(slots=True)
class Spare:
    """A sandbox that waits, and the folder on the host that its inputs will be in."""

    started: StartedSandbox
    folder: Path
    since: float

    def take_in(self, inputs: Mapping[str, Path]) -> bool:
        """Whether all inputs are in its folder now, as further names of the same files."""
        try:
            for name, path in inputs.items():
                os.link(path.resolve(), self.folder / name)
        except OSError:  # another file system, or files that this user may not link
            return False
        return True

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``StartedSandbox.run``."""
        try:
            return self.started.run(job, outputs_to=outputs_to)
        finally:
            rmtree(self.folder, ignore_errors=True)

    def discard(self) -> None:
        """End it without a job."""
        self.started.discard()
        rmtree(self.folder, ignore_errors=True)


def start_spare(bwrap: Bubblewrap, within: Path, *, file_mb: int = FILE_MB, imports: tuple[str, ...] = IMPORTS) -> Spare:
    """A new one, whose folder is made in ``within``. It ends with the thread that called this."""
    within.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=within, prefix=f"{PREFIX}{os.getpid()}-"))
    return Spare(bwrap.start(folder, file_mb=file_mb, imports=imports), folder, time.monotonic())


class SpareSandboxes:
    """Keeps spares for jobs whose scripts import what is slow to import. Thread-safe.

    They are started by a thread of their own, since a sandbox dies with the thread that started it.
    """

    def __init__(self, bwrap: Bubblewrap, ahead: Ahead) -> None:
        self._bwrap = bwrap
        self._ahead = ahead
        self._lock = threading.Lock()
        self._waiting: list[Spare] = []
        self._wanted: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._starter: threading.Thread | None = None
        self._closed = False

    def take(self, job: SandboxJob, inputs: Mapping[str, Path]) -> Spare | None:
        """A spare for this job with its inputs in it, or None; another one is started in its place."""
        if job.limits.file_mb != FILE_MB or job.limits.memory_mb < LEAST_MEMORY_MB or not _needs_imports(job):
            return None
        with self._lock:
            found = next((spare for spare in self._waiting if spare.started.alive), None)
            if found is not None:
                self._waiting.remove(found)
            if not self._closed and len(self._waiting) + self._wanted.qsize() < self._ahead.most:
                self._start_thread()
                self._wanted.put(None)
        if found is None or found.take_in(inputs):
            return found
        found.discard()
        return None

    def expect(self) -> None:
        """Have one started, unless one waits already or is about to."""
        with self._lock:
            if not self._closed and not any(spare.started.alive for spare in self._waiting) and self._wanted.empty():
                self._start_thread()
                self._wanted.put(None)

    def close(self) -> None:
        """End all of them. None is started any more."""
        with self._lock:
            self._closed = True
            spares, self._waiting = self._waiting, []
        for spare in spares:
            spare.discard()

    def _start_thread(self) -> None:
        if self._starter is None:
            atexit.register(self.close)
            _remove_left_over(self._ahead.folder)
            self._starter = threading.Thread(target=self._keep_ready, name="spare-sandboxes", daemon=True)
            self._starter.start()

    def _keep_ready(self) -> None:
        while True:
            try:
                self._wanted.get(timeout=IDLE_S)
            except queue.Empty:
                self._end_idle()
                continue
            try:
                self._add()
            except (KimeraError, OSError) as error:
                _log.warning("No sandbox could be started ahead: %s", error)

    def _add(self) -> None:
        spare = start_spare(self._bwrap, self._ahead.folder)
        with self._lock:
            unwanted = [old for old in self._waiting if not old.started.alive]
            kept = [old for old in self._waiting if old.started.alive]
            if self._closed:
                unwanted.append(spare)
            else:
                kept.append(spare)
            over = max(len(kept) - self._ahead.most, 0)
            self._waiting = kept[over:]
        for old in (*unwanted, *kept[:over]):
            old.discard()

    def _end_idle(self) -> None:
        now = time.monotonic()
        with self._lock:
            idle = [spare for spare in self._waiting if now - spare.since >= IDLE_S]
            self._waiting = [spare for spare in self._waiting if spare not in idle]
        for spare in idle:
            spare.discard()


def _needs_imports(job: SandboxJob) -> bool:
    return any(_NEEDS_THEM.search(source) for source in (job.script, *(source for _, source in job.libraries)))


def _remove_left_over(folder: Path) -> None:
    """Remove what processes left that were killed. One that lives elsewhere and loses its folder only starts its next sandbox anew."""
    for left in folder.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            rmtree(left, ignore_errors=True)
