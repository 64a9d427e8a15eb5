"""The first program in the sandbox: takes a job, sets its limits, runs the script in a child, sends its output files to the host.

It may be started before there is a job: then it imports what the script may need until the job is there. It takes one job and ends with it.

Two processes, because the script's own may end in any way (``os._exit``, a signal, a crash of a C library) and its files must
be sent all the same. Neither is trusted by the host: by the time the script runs, what this file says may be forged.
Runs in the sandbox's interpreter: the standard library only.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import linecache
import os
import resource
import select
import signal
import stat
import sys
import threading
import traceback
import types
import warnings

import kimera_runtime

MAX_TRACEBACK = 20_000
MAX_WARNINGS = 50
CHUNK = 1 << 20
NICENESS = 10
"""Below the process that watches the run: whatever the script starts, the watcher gets its turn."""


def main() -> int:
    """Prepare, then split: the child runs the script, the parent sends the outputs. Neither returns; without a job: 0."""
    job_file, go, channel, outputs = map(int, sys.argv[1:5])
    for descriptor in [int(name) for name in os.listdir("/proc/self/fd")]:
        if descriptor > 2 and descriptor not in (job_file, go, channel, outputs):
            _close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the host may ignore them, and the script's own processes would, too
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.nice(NICENESS)
    _import_ahead(sys.argv[5:], go)
    gc.freeze()
    own = resource.getrusage(resource.RUSAGE_SELF)
    kimera_runtime.open_channel(channel)
    kimera_runtime.send({"t": "start", "cpu_s": own.ru_utime + own.ru_stime})
    if not os.read(go, 1):
        return 0  # there will be no job
    os.close(go)
    with open(job_file, encoding="utf-8") as file:
        job = json.load(file)
    _set_limits(job["limits"])
    sys.meta_path.insert(0, _Libraries(job["libraries"]))
    kimera_runtime.give(job["inputs"], job["parameters"])
    child = os.fork()
    if child == 0:
        os.close(outputs)
        os.set_inheritable(channel, False)
        _leave(_run_script(job["script"]))
    os.close(channel)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    code = code if code >= 0 else 128 - code
    _end_all_others()
    _send_outputs(outputs, code)
    os._exit(code)


def _import_ahead(modules: list[str], go: int) -> None:
    """Import one after the other, until there is a job (or will be none): what is left, the script imports where it needs it."""
    for name in modules:
        if select.select([go], [], [], 0)[0]:
            return
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # the script will say so, if it needs it


class _Libraries(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds the job's helper modules by their source, ahead of everything that is installed."""

    def __init__(self, sources: dict[str, str]) -> None:
        self._sources = sources

    def find_spec(self, fullname, path, target=None):  # type: ignore[no-untyped-def]  # typing is not imported in here
        if fullname not in self._sources:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=f"{fullname}.py")

    def get_source(self, fullname: str) -> str:
        return self._sources[fullname]

    def get_code(self, fullname: str) -> types.CodeType:
        name, source = f"lib/{fullname}.py", self._sources[fullname]
        _show_lines_of(name, source)
        return compile(source, name, "exec", dont_inherit=True)


def _show_lines_of(name: str, source: str) -> None:
    """For tracebacks: the text of what stands in no file."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        pass  # it was the listing's own descriptor


def _set_limits(limits: dict[str, int | None]) -> None:
    """Hard limits: without capabilities the script cannot raise them again."""
    names = {
        "data": resource.RLIMIT_DATA,
        "address_space": resource.RLIMIT_AS,
        "cpu": resource.RLIMIT_CPU,
        "file": resource.RLIMIT_FSIZE,
        "open_files": resource.RLIMIT_NOFILE,
        "processes": resource.RLIMIT_NPROC,
        "core": resource.RLIMIT_CORE,
    }
    for name, which in names.items():
        value = limits[name]
        if value is None:
            continue
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    cpus = sorted(os.sched_getaffinity(0))[: limits["cpus"]]
    os.sched_setaffinity(0, cpus)


def _run_script(source: str) -> int:
    """Run the script as ``__main__``; its exit code."""
    _show_lines_of(kimera_runtime.SCRIPT, source)
    module = types.ModuleType("__main__")
    module.__file__ = kimera_runtime.SCRIPT
    for name in ("record", "emit", "inputs", "parameters"):
        setattr(module, name, getattr(kimera_runtime, name))
    sys.modules["__main__"] = module
    sys.argv = [kimera_runtime.SCRIPT]
    _report_warnings()
    try:
        exec(compile(source, kimera_runtime.SCRIPT, "exec", dont_inherit=True), module.__dict__)
    except SystemExit as stop:
        if stop.code is None or isinstance(stop.code, int):
            return stop.code or 0
        print(stop.code, file=sys.stderr)
        return 1
    except BaseException as error:  # reported to the host, then the process ends
        _report(error)
        return 1
    return 0


def _leave(code: int) -> None:
    """End as Python would (it never returns), but without taking apart every module: after pandas that takes longer than most scripts.

    Waits for threads, calls what ``atexit`` was given, and writes out what files of the script still hold back.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # as multiprocessing ends its processes
        atexit._run_exitfuncs()
    except SystemExit:
        pass
    except BaseException as error:  # an exit function may raise anything, which Python shows and leaves
        traceback.print_exception(error)
    for held in gc.get_objects():
        if isinstance(held, io.IOBase) and not held.closed:
            try:
                held.flush()
            except (OSError, ValueError):
                pass  # its disk is full, or it is half closed: Python's own end says nothing either
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            pass  # the script closed or replaced it
    os._exit(code & 0xFF)


def _report(error: BaseException) -> None:
    """Print the traceback, and send it with the paths of this machine taken out."""
    tail = error.__traceback__.tb_next if error.__traceback__ else None
    text = "".join(traceback.format_exception(type(error), error, tail))
    text = text.replace(sys.base_prefix + "/", "python/")
    memory = isinstance(error, MemoryError)
    error.__traceback__ = tail = None
    if len(text) > MAX_TRACEBACK:
        text = text[: MAX_TRACEBACK // 2] + "\n[...]\n" + text[-MAX_TRACEBACK // 2 :]
    kimera_runtime.send({"t": "error", "text": text, "memory": memory})
    print(text, end="", file=sys.stderr)


def _report_warnings() -> None:
    """Send Python's warnings as they come, besides printing them."""
    show = warnings.showwarning
    count = 0

    def report(message, category, filename, lineno, file=None, line=None):  # type: ignore[no-untyped-def]  # as above
        nonlocal count
        count += 1
        if count <= MAX_WARNINGS:
            kimera_runtime.send({"t": "warning", "text": f"{os.path.basename(filename)}:{lineno}: {category.__name__}: {message}"[:1000]})
        show(message, category, filename, lineno, file, line)

    warnings.showwarning = report


def _end_all_others() -> None:
    """Kill what the script left behind, so that its files no longer change."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass  # nothing was left


def _send_outputs(descriptor: int, exit_code: int) -> None:
    """Each regular file of ``outputs/`` as a line of JSON (name, size) and its bytes; each other thing as a line saying why not.

    The last line says how the script ended and what it used, as far as that is known in here.
    """
    with open(descriptor, "wb") as stream:
        for folder, folders, files in os.walk("/job/outputs", followlinks=False):
            folders.sort()
            for name in sorted(files) + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
                path = os.path.join(folder, name)
                _send_file(path, os.path.relpath(path, "/job/outputs"), stream)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        end = {"end": True, "exit_code": exit_code, "cpu_s": used.ru_utime + used.ru_stime, "peak_kib": used.ru_maxrss}
        stream.write(json.dumps(end).encode() + b"\n")


def _send_file(path: str, name: str, stream: io.BufferedWriter) -> None:
    shown = os.fsencode(name).decode("utf-8", "replace")
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        why = "has several names (hard links)" if stat.S_ISREG(found.st_mode) else "is not a regular file"
        stream.write(json.dumps({"name": shown, "skipped": why}).encode() + b"\n")
        return
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        stream.write(json.dumps({"name": shown, "skipped": "cannot be read"}).encode() + b"\n")
        return
    with open(opened, "rb") as file:
        stream.write(json.dumps({"name": shown, "size": found.st_size}).encode() + b"\n")
        left = found.st_size
        while left and (chunk := file.read(min(CHUNK, left))):
            stream.write(chunk)
            left -= len(chunk)


if __name__ == "__main__":
    sys.exit(main())
