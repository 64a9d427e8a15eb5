"""What the ``sandbox`` service is asked and what it answers (decision 0007). ``shared/sandbox_wire.py`` turns a job into these and back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from schemas.base import Contract, Scalar, Sha256

MAX_RUN_S = 120
"""The longest run: with the fetching of its inputs it ends within the function's timeout (``shared/times.py``)."""
MAX_INPUT_FILES = 200
MAX_INPUT_BYTES = 1 << 30
"""Of all inputs of a run together: they lie in the instance's memory, beside the run."""
MAX_OUTPUT_FILES = 1_000

FileName = Annotated[str, StringConstraints(min_length=1, max_length=255)]
OutputName = Annotated[str, StringConstraints(min_length=1, max_length=2_048)]


class SandboxLink(Contract):
    """An input of a run: where its bytes are read once, and what they have to be."""

    name: FileName
    url: str = Field(max_length=8_192)
    sha256: Sha256
    size: int = Field(ge=0)


class SandboxBounds(Contract):
    """The limits of a run; see ``shared/sandbox.py``."""

    seconds: float = Field(gt=0, le=MAX_RUN_S)
    memory_mb: int = Field(gt=0, le=16_384)
    processes: int = Field(gt=0, le=1_024)
    file_mb: int = Field(gt=0, le=1_024)
    output_bytes: int = Field(ge=0, le=10_000_000)


class SandboxLibrary(Contract):
    """A committed helper module that the script may import."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,99}$")]
    source: str


class SandboxRunRequest(Contract):
    """One run. ``scope`` says whose it is: an instance of the service serves one scope in its life."""

    scope: str = Field(min_length=1, max_length=500)
    script: str
    parameters: dict[str, JsonValue] = {}
    limits: SandboxBounds
    libraries: tuple[SandboxLibrary, ...] = Field(default=(), max_length=100)
    inputs: tuple[SandboxLink, ...] = Field(default=(), max_length=MAX_INPUT_FILES)


class SandboxValue(Contract):
    """A figure that the script recorded."""

    name: str
    value: Scalar
    unit: str | None
    n: int | None
    filters: str | None
    line: int


class SandboxOutput(Contract):
    """A file that the script left. Its bytes follow the result in the same answer."""

    name: OutputName
    sha256: Sha256
    size: int = Field(ge=0)
    media_type: str = Field(max_length=200)


class SandboxRunResult(Contract):
    """How the run ended and what it left: the first line of the answer, before the bytes of the output files."""

    status: Literal["ok", "error", "timeout", "memory", "output_limit", "killed"]
    exit_code: int
    stdout: str
    stderr: str
    traceback: str
    values: tuple[SandboxValue, ...]
    result: JsonValue
    outputs: tuple[SandboxOutput, ...] = Field(max_length=MAX_OUTPUT_FILES)
    wall_s: float = Field(ge=0)
    cpu_s: float = Field(ge=0)
    peak_mb: float = Field(ge=0)
    warnings: tuple[str, ...]


class SandboxHealth(Contract):
    """The service has shown on itself that code cannot get out; ``checks`` is how many attempts it made."""

    status: Literal["ok"] = "ok"
    checks: int
