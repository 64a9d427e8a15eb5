"""Starts bubblewrap with an interpreter in it, and hands it its one job.

A sandbox is complete before it knows its job: the job comes through a file in memory, and a byte in a pipe says that it is there. So one
can be started ahead, with an empty folder of inputs; it takes one job in its life all the same.
"""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import platform
import re
import select
import subprocess
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from shared.adapters.bubblewrap_command import MIB, program, remedy_for, sandbox_arguments
from shared.adapters.bubblewrap_run import GRACE_S, STREAMS, RunningSandbox, Stream
from shared.adapters.sandbox_python import SandboxPython
from shared.adapters.task_groups import TaskGroup, TaskGroups
from shared.errors import SandboxUnavailable, Unavailable
from shared.sandbox import SandboxJob, SandboxLimits, SandboxResult

RUNTIME = Path(__file__).resolve().parent.parent / "sandbox_runtime"
RUNTIME_FILES = ("bootstrap.py", "kimera_runtime.py", "matplotlibrc")
OWN_TASKS = 3
"""Tasks of a run that are not the script's: bubblewrap's init, the bootstrap, and the script's first one."""
OUTSIDE_TASKS = 1
"""Tasks outside the sandbox that share its control group: bubblewrap itself."""
MAX_CPUS = 4
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A bubblewrap that works, and the interpreter that it isolates."""

    path: str
    python: SandboxPython
    groups: TaskGroups | None = None
    """Where the kernel's limit of processes does not hold for this user: what holds instead."""

    def start(self, inputs: Mapping[str, Path] | Path, *, file_mb: int, imports: tuple[str, ...] = ()) -> StartedSandbox:
        """A sandbox that waits for its job, and imports ``imports`` until it comes.

        ``inputs``: the host's files by name, or a folder whose files are the inputs once the job is given. It ends with the thread
        that called this. ``Unavailable`` where no process is to be had.
        """
        with ExitStack() as stack, ExitStack() as given:
            group = self._new_group(stack)
            try:
                job_file = _memory_file(stack, b"")
                taken, go = _open_pipe(given, stack)
                # Also what it prints: the Popen of Python 3.11.2 leaves its own pipes open where no handle is left for the last of them.
                pipes = {stream: _open_pipe(stack, given) for stream in STREAMS}
                streams = {stream: reading for stream, (reading, _) in pipes.items()}
                ends = {stream: writing for stream, (_, writing) in pipes.items()}
                files = {f"/runtime/{name}": _memory_file(stack, (RUNTIME / name).read_bytes()) for name in RUNTIME_FILES}
                arguments = sandbox_arguments(self.python, files=files, inputs=inputs, file_mb=file_mb, status_fd=ends["status"])
                argument_file = _memory_file(stack, os.fsencode("\0".join(arguments)) + b"\0")
                inside = (job_file, taken, ends["channel"], ends["outputs"])
                command = [self.path, "--args", str(argument_file), "--", *program(self.python, inside, imports)]
                process = subprocess.Popen(
                    group.entering(command) if group else command,
                    stdin=subprocess.DEVNULL,
                    stdout=ends["stdout"],
                    stderr=ends["stderr"],
                    pass_fds=(*inside, ends["status"], argument_file, *files.values()),
                    env={},
                    cwd="/",
                    process_group=0,  # Ctrl-C is for the platform: it ends its runs, or lets them end
                )
            except OSError as error:
                raise Unavailable(f"No process could be started for a sandbox run ({error.strerror}).", remedy="Try again.") from error
            return StartedSandbox(process, job_file, go, streams, group, stack.pop_all())

    def _new_group(self, stack: ExitStack) -> TaskGroup | None:
        """One for a new sandbox, removed with it."""
        if self.groups is None:
            return None
        try:
            group = self.groups.new()
        except OSError as error:
            raise _not_bounded(error) from error
        stack.callback(group.remove)
        return group


@dataclass(slots=True)
class StartedSandbox:
    """An isolated interpreter that waits. Either ``run`` or ``discard`` is called, once."""

    process: subprocess.Popen[bytes]
    job_file: int
    go: int
    streams: Mapping[Stream, int]
    group: TaskGroup | None
    stack: ExitStack

    @property
    def alive(self) -> bool:
        """Whether it still waits."""
        return self.process.poll() is None

    def ready(self, timeout: float = 0) -> bool:
        """Whether it has imported everything, or has ended; waits for it for ``timeout`` seconds. For one that has no job yet."""
        return bool(select.select([self.streams["channel"]], [], [], timeout)[0])

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """Give it the job and follow it to its end. ``SandboxUnavailable`` where its isolation was not complete: nothing was run."""
        with ExitStack() as failed:
            failed.push(self.stack)
            self._bound(job.limits)
            self._give(job)
            running = RunningSandbox(self.process, job.limits, task_limit=job.limits.processes + OWN_TASKS, outputs_to=outputs_to)
            result = running.follow(self.streams)
            threading.Thread(target=self._clear_away, args=(running,), name="sandbox-end").start()
            failed.pop_all()  # the thread closes it
        if not running.started and result.status in ("ok", "error"):
            message = result.stderr.strip().removeprefix("bwrap: ")[:500] or f"exit code {result.exit_code}"
            raise SandboxUnavailable(
                f"bubblewrap could not isolate generated code, so it was not run: {message}.", remedy=remedy_for(message)
            )
        return result

    def discard(self) -> None:
        """End it without a job."""
        with self.stack:
            self.process.kill()
            try:
                self.process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                _log.warning("The sandbox's process %s does not end although it was killed.", self.process.pid)

    def _clear_away(self, running: RunningSandbox) -> None:
        with self.stack:
            try:
                running.exit_code()
            except SandboxUnavailable as error:
                _log.warning("%s %s", error.message, error.remedy)

    def _bound(self, limits: SandboxLimits) -> None:
        if self.group is None:
            return
        try:
            self.group.limit(limits.processes + OWN_TASKS + OUTSIDE_TASKS)
        except OSError as error:
            self.discard()
            raise _not_bounded(error) from error

    def _give(self, job: SandboxJob) -> None:
        description = {
            "script": job.script,
            "libraries": dict(job.libraries),
            "inputs": [item.name for item in job.inputs],
            "parameters": dict(job.parameters),
            "limits": _kernel_limits(job.limits),
        }
        content = memoryview(json.dumps(description, allow_nan=False).encode())
        while content:
            content = content[os.write(self.job_file, content) :]
        os.lseek(self.job_file, 0, os.SEEK_SET)
        fcntl.fcntl(self.job_file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        with suppress(BrokenPipeError):  # it has ended: following it says how
            os.write(self.go, b"g")


def _not_bounded(error: OSError) -> SandboxUnavailable:
    return SandboxUnavailable(
        f"The number of processes of generated code could not be bounded by a control group, so it was not run ({error}).",
        remedy="Run KIMERA as an ordinary user, for whom the kernel's own limit holds.",
    )


def _kernel_limits(limits: SandboxLimits) -> dict[str, int | None]:
    """What setrlimit(2) bounds in each process.

    Memory by ``RLIMIT_DATA`` (writable private memory), since ``RLIMIT_AS`` counts what libraries only reserve and map; the latter
    stands far behind it against shared memory. ``RLIMIT_NPROC`` counts per user namespace from Linux 5.14 on; before, it would
    count all processes of the user, so that only the watch from outside holds. It never holds for root: see ``task_groups``.
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
    descriptor = os.memfd_create("kimera", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    stack.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _open_pipe(reads: ExitStack, writes: ExitStack) -> tuple[int, int]:
    """The reading and the writing end, and who closes each."""
    reading, writing = os.pipe()
    reads.callback(os.close, reading)
    writes.callback(os.close, writing)
    return reading, writing
