"""The state of a running workflow: the execution (``Run``), its memory, and one ``Frame`` of variables per call and per branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from infra.local.workflows.errors import limit_reached, memory_exceeded
from infra.local.workflows.limits import Limits
from infra.local.workflows.transport import TokenSource, Transport
from infra.local.workflows.values import Value, size_of

if TYPE_CHECKING:
    from infra.local.workflows.callbacks import Callbacks
    from infra.local.workflows.connectors import Connectors
    from infra.local.workflows.interpreter import StepCode


class Unset:
    """The content of a variable that nothing assigned yet."""


UNSET: Final = Unset()

Slots = list["Value | Unset"]


@dataclass(frozen=True, slots=True)
class StepEvent:
    """A step that is about to run. ``branch`` names the parallel branches around it, outermost first, as ``step/branch``."""

    execution_id: str
    time: float
    routine: str
    step: str
    kind: str
    line: int
    branch: str


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What ``sys.log`` wrote."""

    execution_id: str
    time: float
    severity: str
    payload: Value


class Memory:
    """Keeps the variables of an execution under the limit.

    ``bound`` is never below the true size: each assignment adds the size of its value, and only when the bound passes the limit is
    everything measured.
    """

    __slots__ = ("bound", "frames", "limit")

    def __init__(self, limit: int) -> None:
        self.bound = 0
        self.limit = limit
        self.frames: set[Frame] = set()

    def grow(self, size: int) -> None:
        self.bound += size
        if self.bound > self.limit:
            self.measure()

    def measure(self) -> int:
        """The exact size of all variables. Raises FatalError when it passes the limit."""
        self.bound = sum(size_of(value) for frame in self.frames for value in frame.slots if not isinstance(value, Unset))
        if self.bound > self.limit:
            raise memory_exceeded(self.limit)
        return self.bound


@dataclass(slots=True)
class Run:
    """Everything the steps of one execution share."""

    execution_id: str
    limits: Limits
    now: Callable[[], float]
    environment: Mapping[str, str]
    transport: Transport
    token_source: TokenSource | None
    connectors: Connectors | None
    callbacks: Callbacks | None
    log: Callable[[LogEntry], None]
    unique: Callable[[], str]
    memory: Memory
    on_step: Callable[[StepEvent], None] | None = None
    steps: int = 0
    last_step: StepCode | None = None
    failures: int = 0

    def count_step(self) -> None:
        self.steps += 1
        if self.steps > self.limits.steps:
            raise limit_reached(f"the execution ran more than {self.limits.steps} steps")


class Frame:
    """The variables of one call or one branch. A branch reads and writes those of ``parent`` too, as far as the definition allows."""

    __slots__ = ("branch", "depth", "nesting", "parent", "run", "slots")

    def __init__(self, size: int, run: Run, depth: int, parent: Frame | None = None, branch: str = "", nesting: int = 0) -> None:
        self.slots: Slots = [UNSET] * size
        self.run = run
        self.depth = depth
        self.parent = parent
        self.branch = branch
        self.nesting = nesting
