"""The ``CodeSandbox`` port: run one Python script that nobody trusts, and get back what it recorded.

Adapters: ``shared/adapters/bubblewrap_sandbox.py`` (this machine; also inside the cloud's ``sandbox`` service) and
``shared/adapters/remote_sandbox.py`` (that service, from outside). Both pass ``tests/contract/test_code_sandbox.py``, and
beside it ``test_code_sandbox_escape.py``, which tries to get out, and ``test_code_sandbox_exhaustion.py``, which uses the machine up.

What the script sees: its inputs as ``inputs/<name>`` (read-only), a writable folder ``outputs/``, a writable ``/tmp``, and the
names ``record``, ``emit``, ``inputs`` and ``parameters`` (``shared/sandbox_runtime/kimera_runtime.py``). No network, no
environment, no other file of the host than the interpreter and its libraries.

A recorded value is *what this run recorded*: the script can write anything into its own channel, so the channel proves where a
figure came from, not that it is right. It can reach nothing of another run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from schemas.sandbox import MAX_OUTPUT_FILES as MAX_OUTPUT_FILES  # files kept from ``outputs/``
from shared.documents import Json

RunStatus: TypeAlias = Literal["ok", "error", "timeout", "memory", "output_limit", "killed"]
RecordedScalar: TypeAlias = "int | float | str | bool | None"

MAX_RECORDS = 10_000
"""Values one run may record: far above any report, far below what would hurt the reader of the channel."""
MAX_RESULT_BYTES = 8_000_000
"""Bytes of the JSON object handed to ``emit``."""


@dataclass(frozen=True, slots=True)
class SandboxInput:
    """A file that the script reads as ``inputs/<name>``. ``name`` is one path component.

    ``uri`` is the artifact that it is, where it is one; ``path`` is where it lies on this machine. A sandbox that ``reads_artifacts`` needs
    no path beside an address.
    """

    name: str
    path: Path | None
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """Bounds of one run. ``memory_mb`` holds for all its processes together; ``/tmp`` and ``outputs/`` lie in memory, beside it."""

    seconds: float = 60.0
    """Wall clock, from the start of the run to its last byte."""
    memory_mb: int = 2048
    processes: int = 64
    """Processes and threads at the same time."""
    file_mb: int = 256
    """The size of one file, of all files in ``outputs/``, and of all files in ``/tmp``."""
    output_bytes: int = 1_000_000
    """Bytes kept of stdout and of stderr together; ten times as many end the run."""


@dataclass(frozen=True, slots=True)
class SandboxJob:
    """One run. ``libraries`` are committed helper modules, (name, source), that the script may import.

    ``scope`` says whose run it is, as the prefix of its artifacts (``missions/m_1``): where sandboxes are kept between runs, one never
    serves two scopes. A run without a scope shares nothing with any other.
    """

    script: str
    inputs: tuple[SandboxInput, ...] = ()
    parameters: Mapping[str, Json] = field(default_factory=dict)
    limits: SandboxLimits = SandboxLimits()
    libraries: tuple[tuple[str, str], ...] = ()
    scope: str = ""


@dataclass(frozen=True, slots=True)
class RecordedValue:
    """A figure the script reported with ``record``. ``line`` is the line of the script that did so; numbers are finite."""

    name: str
    value: RecordedScalar
    unit: str | None
    n: int | None
    filters: str | None
    line: int


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A regular file the script left in ``outputs/``. ``name`` is relative to it; ``path`` is our copy on the host."""

    name: str
    path: Path
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """What a run left behind. Everything in it, but the status and the measures, is data made by untrusted code.

    ``status``: ``ok`` (exit code 0), ``error`` (it failed by itself, or its channel is malformed), ``timeout``, ``memory`` (over the
    limit, or a ``MemoryError`` ended it), ``output_limit`` (a flood of output or files), ``killed`` (a signal, or too many processes).
    """

    status: RunStatus
    exit_code: int
    """The script's exit code; 128 + the signal's number where a signal ended it."""
    stdout: str
    stderr: str
    traceback: str
    """The exception that ended the script, empty without one. Its own frames are named ``script.py``."""
    values: tuple[RecordedValue, ...]
    result: Json
    """The object handed to ``emit``, else ``None``."""
    outputs: tuple[OutputFile, ...]
    wall_s: float
    cpu_s: float
    peak_mb: float
    warnings: tuple[str, ...]
    """Python warnings of the script, then what the sandbox left out and why."""


class CodeSandbox(Protocol):
    """Thread-safe: runs may be in progress at the same time, and none can see another."""

    @property
    def reads_artifacts(self) -> bool:
        """Whether it reads an input that is an artifact from the store by itself, so that no copy has to lie on this machine."""
        ...

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """Run the job to its end or its limit. Its output files are copied to ``outputs_to``, a new or an empty folder.

        Whatever the script does is in the result, never an exception. Errors: ``SandboxUnavailable`` (nothing was run),
        ``Unavailable`` (no process to be had now),
        ``BadInput`` (the job itself is not well formed), ``NotFound`` (an input file), ``StorageFull``.
        """
        ...

    def check(self) -> None:
        """Return if generated code can be isolated here; else raise ``SandboxUnavailable``, whose remedy says what to install."""
        ...

    def expect(self) -> None:
        """A job comes soon: begin what it would wait for. It returns at once and never raises; nothing depends on it."""
        ...


@dataclass(frozen=True, slots=True)
class ScopedSandbox:
    """``sandbox`` for the runs of one scope; see ``SandboxJob.scope``."""

    sandbox: CodeSandbox
    scope: str

    @property
    def reads_artifacts(self) -> bool:
        """See ``CodeSandbox.reads_artifacts``."""
        return self.sandbox.reads_artifacts

    def run(self, job: SandboxJob, *, outputs_to: Path) -> SandboxResult:
        """See ``CodeSandbox.run``."""
        return self.sandbox.run(replace(job, scope=self.scope), outputs_to=outputs_to)

    def check(self) -> None:
        """See ``CodeSandbox.check``."""
        self.sandbox.check()

    def expect(self) -> None:
        """See ``CodeSandbox.expect``."""
        self.sandbox.expect()
