"""``CodeSandbox`` on bubblewrap: Linux namespaces, no privileges, and nothing of the host but the interpreter.

Where bubblewrap is missing or forbidden this adapter refuses; there is no path in it that runs a script unprotected.

Three layers bound a run: kernel limits set before the script starts (``sandbox_runtime/bootstrap.py``), sizes of the file systems
it may write, and this process, which looks at it from outside every few milliseconds and ends its whole process namespace.
"""

from __future__ import annotations

import json
import math
import os
import platform
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from shared.adapters.bubblewrap_command import MIB, NEEDED_OPTIONS, program, remedy_for, sandbox_arguments
from shared.adapters.bubblewrap_run import RunningSandbox, open_pipe
from shared.adapters.sandbox_jobs import checked_inputs, make_empty
from shared.adapters.sandbox_python import SandboxPython, inspect_python
from shared.errors import SandboxUnavailable, Unavailable
from shared.sandbox import SandboxJob, SandboxLimits, SandboxResult

RUNTIME = Path(__file__).resolve().parent.parent / "sandbox_runtime"
INSTALL = "Install it with `sudo apt-get install bubblewrap`."
OWN_TASKS = 3
"""Tasks of a run that are not the script's: bubblewrap's init, the bootstrap, and the script's first one."""
MAX_CPUS = 4
PROBE = "record('probe', 1)"


class BubblewrapSandbox:
    """Runs jobs in ``bwrap`` with the interpreter ``python``. Thread-safe; a run belongs to the thread that started it."""

    def __init__(self, python: Path, *, bwrap: str = "bwrap") -> None:
        self._python_path = python
        self._bwrap_name = bwrap
        self._lock = threading.Lock()
        self._ready: tuple[str, SandboxPython] | None = None

    def check(self) -> None:
        """Return if a probe ran isolated; the answer is kept once it was yes."""
        self._prepare()

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``."""
        bwrap, python = self._prepare()
        inputs = checked_inputs(job)
        make_empty(outputs_to)
        return _run(bwrap, python, job, inputs, outputs_to)

    def _prepare(self) -> tuple[str, SandboxPython]:
        with self._lock:
            if self._ready is None:
                bwrap = _find_bwrap(self._bwrap_name)
                python = inspect_python(self._python_path)
                _probe(bwrap, python)
                self._ready = (bwrap, python)
            return self._ready


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


def _probe(bwrap: str, python: SandboxPython) -> None:
    """Run one line; ``SandboxUnavailable`` says why it did not come back as it should."""
    with tempfile.TemporaryDirectory(prefix="kimera-probe-") as folder:
        limits = SandboxLimits(seconds=20, memory_mb=256, processes=8, file_mb=1)
        result = _run(bwrap, python, SandboxJob(PROBE, limits=limits), {}, Path(folder))
    if result.status != "ok" or [value.name for value in result.values] != ["probe"]:
        raise SandboxUnavailable(
            f"bubblewrap starts, but a first line of Python in it ended with {result.status}: {(result.stderr or result.stdout)[-400:]!r}.",
            remedy="Run `make setup` again; `kimera doctor` shows more.",
        )


def _run(bwrap: str, python: SandboxPython, job: SandboxJob, inputs: Mapping[str, Path], outputs_to: Path) -> SandboxResult:
    """Start bubblewrap with everything it needs in descriptors, and follow it to its end."""
    with ExitStack() as stack:
        channel, channel_end = open_pipe(stack)
        outputs, outputs_end = open_pipe(stack)
        status, status_end = open_pipe(stack)
        files = {target: _memory_file(stack, text) for target, text in _files(job, channel_end, outputs_end).items()}
        arguments = sandbox_arguments(python, files=files, inputs=inputs, file_mb=job.limits.file_mb, status_fd=status_end)
        argument_file = _memory_file(stack, "\0".join(arguments).encode() + b"\0")
        try:
            process = subprocess.Popen(
                [bwrap, "--args", str(argument_file), "--", *program(python)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(channel_end, outputs_end, status_end, argument_file, *files.values()),
                env={},
                cwd="/",
            )
        except OSError as error:
            raise Unavailable(f"No process could be started for a sandbox run ({error.strerror}).", remedy="Try again.") from error
        finally:
            for end in (channel_end, outputs_end, status_end):
                os.close(end)
        running = RunningSandbox(process, job.limits, task_limit=job.limits.processes + OWN_TASKS, outputs_to=outputs_to)
        result = running.follow(channel=channel, outputs=outputs, status=status)
    if not running.started and result.status in ("ok", "error"):
        message = result.stderr.strip().removeprefix("bwrap: ")[:500] or f"exit code {result.exit_code}"
        raise SandboxUnavailable(f"bubblewrap could not isolate generated code, so it was not run: {message}.", remedy=remedy_for(message))
    return result


def _files(job: SandboxJob, channel_end: int, outputs_end: int) -> dict[str, bytes]:
    """Every file of the sandbox that is not a bind: the runtime, the job, the script and its libraries."""
    description = {
        "channel_fd": channel_end,
        "outputs_fd": outputs_end,
        "inputs": [item.name for item in job.inputs],
        "parameters": dict(job.parameters),
        "limits": _kernel_limits(job.limits),
    }
    files = {f"/runtime/{name}": (RUNTIME / name).read_bytes() for name in ("bootstrap.py", "kimera_runtime.py", "matplotlibrc")}
    files["/runtime/job.json"] = json.dumps(description, allow_nan=False).encode()
    files["/job/script.py"] = job.script.encode()
    return files | {f"/job/lib/{name}.py": source.encode() for name, source in job.libraries}


def _kernel_limits(limits: SandboxLimits) -> dict[str, int | None]:
    """What setrlimit(2) bounds in each process.

    Memory by ``RLIMIT_DATA`` (writable private memory), since ``RLIMIT_AS`` counts what libraries only reserve and map; the latter
    stands far behind it against shared memory. ``RLIMIT_NPROC`` counts per user namespace from Linux 5.14 on; before, it would
    count all processes of the user, so that only the watch from outside holds.
    """
    seconds = math.ceil(limits.seconds)
    return {
        "data": limits.memory_mb * MIB,
        "address_space": (2 * limits.memory_mb + 2048) * MIB,
        "cpu": seconds * MAX_CPUS + 1,
        "file": limits.file_mb * MIB,
        "open_files": 512,
        "processes": limits.processes + OWN_TASKS if _kernel_version() >= (5, 14) else None,
        "core": 0,
        "cpus": MAX_CPUS,
    }


def _kernel_version() -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", platform.release())
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _memory_file(stack: ExitStack, data: bytes) -> int:
    """A descriptor from which ``data`` is read: it never touches a disk."""
    descriptor = os.memfd_create("kimera")
    file = stack.enter_context(os.fdopen(descriptor, "w+b"))
    file.write(data)
    file.flush()
    file.seek(0)
    return descriptor
