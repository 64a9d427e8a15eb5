"""Follows one running bubblewrap: reads its four streams, measures it, ends it at a limit, and says how it ended."""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, get_args

from shared.adapters.bubblewrap_command import MIB, TMP
from shared.adapters.sandbox_outputs import OutputWriter
from shared.adapters.sandbox_watch import files_in, proportional_memory, usage
from shared.errors import SandboxUnavailable
from shared.sandbox import RunStatus, SandboxLimits, SandboxResult
from shared.sandbox_channel import ChannelReader

CHUNK = 1 << 16
FLOOD = 10
"""Times ``output_bytes`` after which a run is ended instead of its output only being cut."""
MAX_CHANNEL_BYTES = 64_000_000
MAX_FILES_HELD = 20_000
"""Files in a writable folder, kept or not: a file system in memory bounds bytes, but an empty file costs kernel memory too."""
FIRST_LOOK_S = 0.005
LOOK_EVERY_S = 0.025
GRACE_S = 5.0
"""How long the kernel may take to end a namespace that was killed, before its streams are left."""

Stream = Literal["stdout", "stderr", "channel", "outputs", "status"]
STREAMS: Final[tuple[Stream, ...]] = get_args(Stream)


class RunningSandbox:
    """One run from its start to its end. ``follow`` is called once."""

    def __init__(self, process: subprocess.Popen[bytes], limits: SandboxLimits, *, task_limit: int, outputs_to: Path) -> None:
        self._process = process
        self._limits = limits
        self._task_limit = task_limit
        self._began = time.monotonic()
        self._channel = ChannelReader()
        self._outputs = OutputWriter(outputs_to, limits.file_mb * MIB)
        self._text: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._text_seen = 0
        self._channel_seen = 0
        self._status_line = bytearray()
        self._init = 0
        self._init_handle: int | None = None
        self._peak = 0
        self._cpu_s = 0.0
        self._verdict: RunStatus | None = None
        self._why = ""

    @property
    def started(self) -> bool:
        """Whether the isolation was complete and the bootstrap waited for its job."""
        return self._channel.started

    def follow(self, streams: Mapping[Stream, int]) -> SandboxResult:
        """Read its ``streams`` until all that the run has to give is there, and return the result; everything of it is killed by then.

        What the kernel takes to clear it away is no time of the run's: ``exit_code`` has to be called, by whatever thread.
        """
        try:
            self._read_all(streams)
        finally:
            self._end_namespace()
            exit_code = self.exit_code() if self._said is None else self._said
            self._outputs.end()
        return self._result(exit_code)

    def exit_code(self) -> int:
        """The exit code, once nothing of the run is left; 128 + the signal where one ended bwrap itself. May be called again."""
        if self._init_handle is not None:
            os.close(self._init_handle)
            self._init_handle = None
        try:
            code = self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._killed()
        return code if code >= 0 else 128 - code

    @property
    def _said(self) -> int | None:
        """The exit code as the run has told it, which is the last thing that it tells."""
        return None if self._verdict is not None or self._outputs.malformed else self._outputs.exit_code

    def _read_all(self, streams: Mapping[Stream, int]) -> None:
        with selectors.DefaultSelector() as selector:
            for stream, descriptor in streams.items():
                selector.register(descriptor, selectors.EVENT_READ, stream)
            next_look, interval = self._began, FIRST_LOOK_S
            give_up = float("inf")
            while selector.get_map():
                now = time.monotonic()
                if self._verdict is None and now - self._began > self._limits.seconds:
                    self._stop("timeout", f"the run was ended after {self._limits.seconds:g} s")
                if self._verdict is not None:
                    give_up = min(give_up, now + GRACE_S)
                    if now > give_up:
                        return
                elif now >= next_look:
                    self._look()
                    interval = min(interval * 1.5, LOOK_EVERY_S)
                    next_look = now + interval
                told_all = self._said is not None
                if told_all:
                    self._end_namespace()
                events = selector.select(timeout=0 if told_all else interval)
                if told_all and not events:
                    return
                for key, _ in events:
                    chunk = os.read(key.fd, CHUNK)
                    if chunk:
                        self._take(key.data, chunk)
                    else:
                        selector.unregister(key.fd)

    def _take(self, stream: Stream, chunk: bytes) -> None:
        if stream == "status":
            self._take_status(chunk)
        elif stream == "channel":
            self._channel_seen += len(chunk)
            self._channel.feed(chunk)
            if self._channel_seen > MAX_CHANNEL_BYTES:
                self._stop("output_limit", "the run was ended: too much on its record channel")
        elif stream == "outputs":
            self._outputs.feed(chunk)
            if self._outputs.malformed:
                self._stop("output_limit" if self._outputs.too_much else "error", f"outputs/: {self._outputs.malformed}")
        else:
            self._text_seen += len(chunk)
            kept = sum(map(len, self._text.values()))
            self._text[stream] += chunk[: max(0, self._limits.output_bytes - kept)]
            if self._text_seen > self._limits.output_bytes * FLOOD:
                self._stop("output_limit", f"the run was ended: it printed more than {self._limits.output_bytes * FLOOD:,} bytes")

    def _take_status(self, chunk: bytes) -> None:
        """The first status line of bwrap names the init of the new process namespace."""
        self._status_line += chunk
        line, newline, _ = bytes(self._status_line).partition(b"\n")
        if self._init or not newline:
            return
        self._init = int(json.loads(line)["child-pid"])
        with suppress(OSError):  # it has ended, or no handle can be had here: `_end_namespace` goes without
            self._init_handle = os.pidfd_open(self._init)

    def _look(self) -> None:
        if not self._init:
            return
        # Tasks first and cheaply: a fork bomb must be ended before it starves the one who counts it.
        seen = usage(self._init, most=self._task_limit + 1)
        if seen.tasks > self._task_limit:
            self._stop("killed", f"the run was ended: more than {self._limits.processes} processes")
            return
        limit = self._limits.memory_mb * MIB
        memory = seen.memory_bytes
        if memory > limit:
            memory = proportional_memory(self._init, most=self._task_limit)
        self._peak = max(self._peak, memory, seen.peak_bytes)
        self._cpu_s = max(self._cpu_s, seen.cpu_s)
        if memory > limit:
            self._stop("memory", f"the run was ended: it used more than {self._limits.memory_mb:,} MB of memory")
        elif self.started and max(files_in(self._init, "/job/outputs"), files_in(self._init, TMP)) > MAX_FILES_HELD:
            # Not before the start: until its root is changed, the init still sees the host's /tmp.
            self._stop("output_limit", f"the run was ended: it made more than {MAX_FILES_HELD:,} files")

    def _stop(self, verdict: RunStatus, why: str) -> None:
        if self._verdict is None:
            self._verdict, self._why = verdict, why
            self._end_namespace()

    def _end_namespace(self) -> None:
        """Kill the init of the namespace, and with it everything in it. Without its handle: bwrap, which takes it along."""
        if self._init_handle is not None:
            with suppress(ProcessLookupError):  # it has ended
                signal.pidfd_send_signal(self._init_handle, signal.SIGKILL)
        else:
            self._process.kill()

    def _killed(self) -> int:
        try:
            return self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired as error:
            raise SandboxUnavailable(
                f"The sandbox's process {self._process.pid} does not end although it was killed.",
                remedy="The kernel holds it, on a disk that does not answer for instance; restart the machine if it stays.",
            ) from error

    def _result(self, exit_code: int) -> SandboxResult:
        channel = self._channel
        if self._verdict is None:
            channel.end()
        status = self._verdict or self._status_of(exit_code)
        notes = [self._why] if self._why else []
        if channel.malformed:
            notes.append(f"the record channel is malformed: {channel.malformed}; what came after is ignored")
            status = "error" if status == "ok" else status
        cut = self._text_seen - sum(map(len, self._text.values()))
        if cut:
            notes.append(f"{cut:,} bytes of printed output are cut")
        wall_s = time.monotonic() - self._began
        return SandboxResult(
            status=status,
            exit_code=exit_code,
            stdout=self._text["stdout"].decode("utf-8", "replace"),
            stderr=self._text["stderr"].decode("utf-8", "replace"),
            traceback=channel.traceback,
            values=tuple(channel.values),
            result=channel.result,
            outputs=tuple(sorted(self._outputs.files, key=lambda file: file.name)),
            wall_s=wall_s,
            cpu_s=max(self._cpu_s - channel.cpu_s_before, min(self._outputs.cpu_s, wall_s * (os.cpu_count() or 1))),
            peak_mb=max(self._peak, min(self._outputs.peak_bytes, self._limits.memory_mb * MIB)) / MIB,
            warnings=(*channel.warnings, *self._outputs.warnings, *notes),
        )

    def _status_of(self, exit_code: int) -> RunStatus:
        """How a run ended that nobody stopped."""
        if exit_code == 0:
            return "ok"
        if self._channel.out_of_memory:
            return "memory"
        if exit_code == 128 + signal.SIGXCPU:
            return "timeout"
        return "killed" if exit_code > 128 else "error"
