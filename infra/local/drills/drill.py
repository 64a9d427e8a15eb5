"""What a drill is: a name, what it does, and an attack on a platform that it starts itself. What it hurts and what it sees is noted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from shared.clock import Clock, SystemClock
from shared.documents import Json
from shared.errors import KimeraError

T = TypeVar("T")
_LOOK_EVERY_S = 0.1


class DrillFailed(KimeraError):
    """The drill could not be taken to its end: something never came, or nothing was hurt."""

    code = "drill_failed"


@dataclass(frozen=True, slots=True)
class Hurt:
    """What was done to the platform, and how one sees that it was really done."""

    what: str
    proof: str


@dataclass(frozen=True, slots=True)
class Check:
    """A promise of the platform, looked at from outside. ``seen`` says what was there."""

    promise: str
    kept: bool
    seen: str


@dataclass
class Scene:
    """One run of a drill: a folder of its own, and what was noted. ``closing`` ends what the attack started, in any case."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    hurts: list[Hurt] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    closing: ExitStack = field(default_factory=ExitStack)

    def hurt(self, what: str, *, proof: str, really: bool = True) -> None:
        """Note what was hurt. Where it was not ``really``, or nothing shows it, the drill proves nothing: ``DrillFailed``."""
        told = " ".join(proof.split())
        if not really or not told:
            raise DrillFailed(f"This was not done: {what}. Seen: {told or 'nothing'}.", remedy="A drill that hurts nothing proves nothing.")
        self.hurts.append(Hurt(what, told))

    def check(self, promise: str, kept: bool, seen: str) -> None:
        """Note whether a promise was kept; the drill goes on."""
        self.checks.append(Check(promise, kept, seen))

    def until(self, look: Callable[[], T | None], what: str, *, seconds: float) -> T:
        """What ``look`` gives once it gives anything but nothing. Raises ``DrillFailed`` if that takes longer."""
        bound = self.clock.monotonic() + seconds
        while not (found := look()):
            if self.clock.monotonic() > bound:
                raise DrillFailed(f"After {seconds:.0f} s this has not come: {what}.")
            self.clock.sleep(_LOOK_EVERY_S)
        return found


@dataclass(frozen=True, slots=True)
class Drill:
    """``name`` is ``kind.what``; ``require`` raises ``Missing`` where this machine lacks what the drill needs."""

    name: str
    about: str
    attack: Callable[[Scene], None]
    require: Callable[[], None] = lambda: None

    @property
    def kind(self) -> str:
        """The group that ``kimera drill run KIND`` runs."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Result:
    """How a drill went. ``missing`` names what the machine lacks; then it did not run."""

    name: str
    seconds: float
    hurts: Sequence[Hurt] = ()
    checks: Sequence[Check] = ()
    error: str = ""
    missing: str = ""
    kept_in: Path | None = None
    """The folder of a failed drill, where it was asked for."""

    @property
    def passed(self) -> bool:
        """Something was hurt, something was checked, and every promise was kept."""
        return bool(not self.error and not self.missing and self.hurts and self.checks and all(check.kept for check in self.checks))

    @property
    def why(self) -> tuple[str, ...]:
        """Why it did not pass; nothing where it did."""
        broken = tuple(f"NOT KEPT: {check.promise}: {check.seen}" for check in self.checks if not check.kept)
        unproven = () if self.hurts or self.error or self.missing else ("nothing was hurt",)
        unchecked = () if self.checks or self.error or self.missing else ("nothing was checked",)
        return (*broken, *unproven, *unchecked, *((self.error,) if self.error else ()))

    def as_json(self) -> dict[str, Json]:
        """The machine contract of ``kimera drill run --json``, for one drill."""
        return {
            "name": self.name,
            "passed": self.passed,
            "seconds": round(self.seconds, 1),
            "hurt": [{"what": hurt.what, "proof": hurt.proof} for hurt in self.hurts],
            "checks": [{"promise": check.promise, "kept": check.kept, "seen": check.seen} for check in self.checks],
            "error": self.error or None,
            "missing": self.missing or None,
            "folder": str(self.kept_in) if self.kept_in else None,
        }
