"""``CodeSandbox`` on bubblewrap: Linux namespaces, no privileges, and nothing of the host but the interpreter.

Where bubblewrap is missing or forbidden this adapter refuses; there is no path in it that runs a script unprotected.

Three layers bound a run: kernel limits set before the script starts (``sandbox_runtime/bootstrap.py``; for root ``task_groups.py``),
sizes of the file systems it may write, and this process, which looks at it from outside every few milliseconds and ends its whole
process namespace.
"""

from __future__ import annotations

import logging
import platform
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from shared.adapters.bubblewrap_command import NEEDED_OPTIONS
from shared.adapters.bubblewrap_start import Bubblewrap
from shared.adapters.sandbox_jobs import checked_inputs, make_empty
from shared.adapters.sandbox_python import inspect_python
from shared.adapters.spare_sandboxes import Ahead, SpareSandboxes
from shared.adapters.task_groups import UNBOUNDED, UNBOUNDED_REMEDY, find_task_groups, is_root
from shared.errors import KimeraError, SandboxUnavailable
from shared.sandbox import SandboxJob, SandboxLimits, SandboxResult

INSTALL = "Install it with `sudo apt-get install bubblewrap`."
_log = logging.getLogger(__name__)
PROBE = "record('probe', 1)"


class BubblewrapSandbox:
    """Runs jobs in ``bwrap`` with the interpreter ``python``. Thread-safe; a run belongs to the thread that started it.

    ``ahead``: how many sandboxes may wait for a job, and where; without it each is started when its job has come.
    """

    reads_artifacts = False

    def __init__(self, python: Path, *, bwrap: str = "bwrap", ahead: Ahead | None = None) -> None:
        self._python_path = python
        self._bwrap_name = bwrap
        self._lock = threading.Lock()
        self._ready: Bubblewrap | None = None
        self._ahead = ahead
        self._spares: SpareSandboxes | None = None
        self._closed = False

    def check(self) -> None:
        """Return if a probe ran isolated; the answer is kept once it was yes."""
        self._prepare()

    def expect(self) -> None:
        """Have a sandbox started ahead, where there is none and any may be. See ``CodeSandbox.expect``."""
        if self._spares is not None:
            self._spares.expect()
        elif self._ahead is not None:
            try:
                threading.Thread(target=self._begin_ahead, name="sandbox-ahead", daemon=True).start()
            except RuntimeError as error:  # no thread is to be had: the first job starts its own sandbox
                _log.warning("No sandbox is started ahead: %s", error)

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``."""
        bwrap = self._prepare()
        inputs = checked_inputs(job)
        make_empty(outputs_to)
        spare = self._spares.take(job, inputs) if self._spares else None
        if spare is not None:
            try:
                return spare.run(job, outputs_to=outputs_to)
            except SandboxUnavailable as error:  # nothing was run: it may have been the first victim of a lack of memory
                _log.warning("A sandbox that was started ahead is gone, another one is started: %s", error)
        return bwrap.start(inputs, file_mb=job.limits.file_mb).run(job, outputs_to=outputs_to)

    def close(self) -> None:
        """End what was started ahead; nothing is any more."""
        with self._lock:
            self._closed = True
            if self._spares is not None:
                self._spares.close()

    def _begin_ahead(self) -> None:
        try:
            self._prepare()
        except (KimeraError, OSError) as error:
            _log.info("No sandbox is started ahead: %s", error)  # whoever has a job, or checks, is told
            return
        if self._spares is not None:
            self._spares.expect()

    def _prepare(self) -> Bubblewrap:
        with self._lock:
            if self._ready is None:
                found = find_bubblewrap(self._python_path, self._bwrap_name)
                self._spares = SpareSandboxes(found, self._ahead) if self._ahead and not self._closed else None
                self._ready = found
            return self._ready


def find_bubblewrap(python: Path, name: str = "bwrap") -> Bubblewrap:
    """A bubblewrap that isolated a first line of this interpreter; else ``SandboxUnavailable`` says why there is none."""
    found = Bubblewrap(_find_bwrap(name), inspect_python(python), find_task_groups() if is_root() else None)
    if found.groups is None and is_root():
        _log.warning("%s %s", UNBOUNDED, UNBOUNDED_REMEDY)
    _probe(found)
    return found


def _find_bwrap(name: str) -> str:
    """The path of a bubblewrap that is new enough."""
    found = shutil.which(name)
    if platform.system() != "Linux":
        raise SandboxUnavailable("Generated code is isolated with Linux namespaces, and this is not Linux.", remedy="Use a Linux machine.")
    if found is None:
        raise SandboxUnavailable(
            f"bubblewrap ({name}) is not installed, so generated code cannot be isolated and is not run.", remedy=INSTALL
        )
    try:
        options = subprocess.run([found, "--help"], capture_output=True, text=True, timeout=10, env={}, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise SandboxUnavailable(f"bubblewrap at {found} does not start ({error}).", remedy=INSTALL) from error
    missing = [option for option in NEEDED_OPTIONS if option not in options.stdout + options.stderr]
    if missing:
        raise SandboxUnavailable(
            f"bubblewrap at {found} is too old: it lacks {', '.join(missing)}.",
            remedy="Version 0.8 or newer is needed (Debian 12, Ubuntu 24.04, Fedora 38 and later have it).",
        )
    return found


def _probe(bwrap: Bubblewrap) -> None:
    """Run one line; ``SandboxUnavailable`` says why it did not come back as it should."""
    with tempfile.TemporaryDirectory(prefix="kimera-probe-") as folder:
        job = SandboxJob(PROBE, limits=SandboxLimits(seconds=20, memory_mb=256, processes=8, file_mb=1))
        result = bwrap.start({}, file_mb=job.limits.file_mb).run(job, outputs_to=Path(folder))
    if result.status != "ok" or [value.name for value in result.values] != ["probe"]:
        raise SandboxUnavailable(
            f"bubblewrap starts, but a first line of Python in it ended with {result.status}: {(result.stderr or result.stdout)[-400:]!r}.",
            remedy="Run `make setup` again; `kimera doctor` shows more.",
        )
