"""What a load came to, and how the cost of a mission grew with the number that was stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.local.benchmarks.usage import percentile
from shared.documents import Json

_PART = 1_000
"""The first and the last missions that are compared; of a smaller load a fifth each."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A mission that ended; ``seconds`` from its submission to its end, by the server's clock."""

    number: int
    mission_id: str
    status: str
    seconds: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at a moment: missions that had ended, its processor seconds in all its lives, its memory (``None`` when it was dead)."""

    at_s: float
    ended: int
    cpu_s: float
    memory_mb: float | None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """One load."""

    plan_missions: int
    concurrency: int
    seconds: float
    ended: tuple[Ended, ...]
    samples: tuple[Sample, ...]
    kills: int
    twice: tuple[str, ...]

    @property
    def lost(self) -> int:
        """Missions that were submitted and did not end."""
        return self.plan_missions - len(self.ended)

    @property
    def not_done(self) -> int:
        """Missions that ended otherwise than DONE."""
        return sum(one.status != "DONE" for one in self.ended)

    @property
    def sound(self) -> bool:
        """Whether all is as promised."""
        return not (self.lost or self.not_done or self.twice)

    def as_json(self) -> dict[str, Json]:
        """All figures."""
        seconds = [one.seconds for one in self.ended]
        memory = [sample.memory_mb for sample in self.samples if sample.memory_mb is not None]
        part = min(_PART, max(1, len(self.ended) // 5))
        ordered = sorted(self.ended, key=lambda one: one.at)
        return {
            "missions": self.plan_missions,
            "concurrency": self.concurrency,
            "seconds": round(self.seconds, 1),
            "missions_per_s": round(len(self.ended) / self.seconds, 2),
            "p50_ms": _ms(seconds, 0.5),
            "p95_ms": _ms(seconds, 0.95),
            "p99_ms": _ms(seconds, 0.99),
            "server_peak_mb": round(max(memory), 1) if memory else None,
            "server_last_mb": round(memory[-1], 1) if memory else None,
            "kills": self.kills,
            "lost": self.lost,
            "not_done": self.not_done,
            "twice": len(self.twice),
            "twice_examples": list(self.twice[:10]),
            "part": part,
            "first": self._part(ordered[:part], 0),
            "last": self._part(ordered[-part:], len(ordered) - part),
        }

    def _part(self, ended: Sequence[Ended], before: int) -> dict[str, Json]:
        """The figures of the missions that ended as number ``before + 1`` and following."""
        if not ended:
            return {}
        inside = [sample for sample in self.samples if before <= sample.ended <= before + len(ended)]
        span = (ended[-1].at - ended[0].at).total_seconds()
        cpu: float | None = None
        if len(inside) > 1 and inside[-1].ended > inside[0].ended:
            cpu = (inside[-1].cpu_s - inside[0].cpu_s) / (inside[-1].ended - inside[0].ended) * 1000
        return {
            "missions_per_s": round(len(ended) / span, 2) if span > 0 else None,
            "p50_ms": _ms([one.seconds for one in ended], 0.5),
            "server_cpu_ms_per_mission": round(cpu, 1) if cpu is not None else None,
        }


def _ms(seconds: Sequence[float], share: float) -> float | None:
    return round(percentile(seconds, share) * 1000, 1) if seconds else None
