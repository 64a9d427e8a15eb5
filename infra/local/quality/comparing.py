"""A run against a stored one: the paired bootstrap over tasks.

The tasks that both runs have are drawn with replacement, each with its pair of scores, and the mean difference of every draw is kept; the
interval holds the middle 95 % of them (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13: percentile intervals).
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.documents import Json
from shared.errors import BadInput
from shared.validation import said

DRAWS = 10_000
SEED = 20_260_101
_SHARE = 0.95


class _StoredTask(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    passed: bool
    score: float | None = Field(default=None, ge=0, le=1)


class _StoredRun(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    tasks: tuple[_StoredTask, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Difference:
    """How much higher this run's mean score is, with its 95 % interval, over the ``tasks`` that both runs have."""

    tasks: int
    before: float
    now: float
    low: float
    high: float

    @property
    def mean(self) -> float:
        """This run's mean score less the other's."""
        return self.now - self.before

    def as_json(self) -> dict[str, Json]:
        """The comparison for a program."""
        figures = {"before": self.before, "now": self.now, "difference": self.mean, "low": self.low, "high": self.high}
        return {"tasks": self.tasks, "share": _SHARE, "draws": DRAWS, "seed": SEED, **{k: round(v, 6) for k, v in figures.items()}}


def read_baseline(path: Path) -> dict[str, float]:
    """The score of each task of a stored run (what ``--json`` printed, or ``summary.json``). ``BadInput`` where it is none."""
    try:
        stored = _StoredRun.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(f"--baseline: {path} cannot be read: {error.strerror}.", remedy="Check the path.") from error
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        raise BadInput(
            f"--baseline: {path} is no stored run: {'.'.join(map(str, wrong['loc'])) or 'the whole'}: {said(wrong)}.",
            remedy="Give the summary.json of an --out folder, or what --json printed.",
        ) from error
    return {task.name: float(task.passed) if task.score is None else task.score for task in stored.tasks}


def require_common(names: list[str], baseline: Mapping[str, float]) -> None:
    """Raise ``BadInput`` where a comparison would have nothing to compare."""
    if not any(name in baseline for name in names):
        raise BadInput("--baseline: the stored run has none of these tasks.", remedy="Give a run of the same suite.")


def compare(scores: Mapping[str, float], baseline: Mapping[str, float], *, seed: int = SEED, draws: int = DRAWS) -> Difference | None:
    """The difference over the common tasks; ``None`` where there are none. The same scores give the same interval."""
    common = sorted(scores.keys() & baseline.keys())
    if not common:
        return None
    pairs = [scores[name] - baseline[name] for name in common]
    chance = random.Random(seed)
    means = sorted(sum(chance.choices(pairs, k=len(pairs))) / len(pairs) for _ in range(draws))
    outside = (1 - _SHARE) / 2
    return Difference(
        len(common),
        before=sum(baseline[name] for name in common) / len(common),
        now=sum(scores[name] for name in common) / len(common),
        low=_quantile(means, outside),
        high=_quantile(means, 1 - outside),
    )


def _quantile(ordered: list[float], share: float) -> float:
    """Between the two nearest values, in proportion."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
