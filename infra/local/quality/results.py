"""What a run came to: attempts, tasks, the suite. The JSON of the last two is a contract with programs: fields are only added."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from schemas.base import Contract, MicroUsd
from shared.documents import Json


class Attempt(Contract):
    """One attempt at a task: a mission, or one for each track. Times are seconds from submission.

    ``report`` is the digest of the outcome without its provenance. ``fingerprint`` is that of the task as it was asked.
    """

    task: str
    repeat: int
    fingerprint: str = ""
    missions: tuple[str, ...] = ()
    status: str
    failures: tuple[str, ...]
    first_usable_s: float | None = None
    total_s: float | None = None
    cost_micro_usd: MicroUsd = 0
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    report: str


@dataclass(frozen=True, slots=True)
class TaskResult:
    """A task and all its attempts."""

    name: str
    attempts: tuple[Attempt, ...]

    @property
    def passed(self) -> bool:
        """Whether every attempt did."""
        return all(not attempt.failures for attempt in self.attempts)

    @property
    def score(self) -> float:
        """The share of the attempts that passed."""
        return sum(not attempt.failures for attempt in self.attempts) / len(self.attempts)

    @property
    def identical(self) -> bool:
        """Whether all attempts gave the same report."""
        return len({attempt.report for attempt in self.attempts}) == 1

    def as_json(self) -> dict[str, Json]:
        """The result for a program."""
        first = self.attempts[0]
        wrong: list[Json] = [*dict.fromkeys(failure for attempt in self.attempts for failure in attempt.failures)]
        refused: list[str | None] = [None]
        return {
            "name": self.name,
            "passed": self.passed,
            "score": round(self.score, 6),
            "failures": wrong,
            "identical": self.identical,
            "status": first.status,
            "missions": [mission for attempt in self.attempts for mission in attempt.missions or refused],
            "first_usable_s": first.first_usable_s,
            "total_s": first.total_s,
            "cost_usd": sum(attempt.cost_micro_usd for attempt in self.attempts) / 1_000_000,
            "calls": sum(attempt.calls for attempt in self.attempts),
            "input_tokens": sum(attempt.input_tokens for attempt in self.attempts),
            "output_tokens": sum(attempt.output_tokens for attempt in self.attempts),
        }


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All tasks of a suite. ``not_run`` are those for which the run's budget did not suffice."""

    suite: str
    tasks: tuple[TaskResult, ...]
    not_run: tuple[str, ...] = ()

    @property
    def passed(self) -> int:
        """How many tasks did."""
        return sum(task.passed for task in self.tasks)

    @property
    def share(self) -> float:
        """The share that passed, of those that were run."""
        return self.passed / len(self.tasks) if self.tasks else 0.0

    @property
    def scores(self) -> dict[str, float]:
        """The score of each task."""
        return {task.name: task.score for task in self.tasks}

    def as_json(self) -> dict[str, Json]:
        """The result for a program."""
        attempts = [attempt for task in self.tasks for attempt in task.attempts]
        waits = [attempt.first_usable_s for attempt in attempts if attempt.first_usable_s is not None]
        return {
            "suite": self.suite,
            "total": len(self.tasks),
            "passed": self.passed,
            "failed": len(self.tasks) - self.passed,
            "share": round(self.share, 4),
            "identical": all(task.identical for task in self.tasks),
            "first_usable_p50_s": round(statistics.median(waits), 3) if waits else None,
            "cost_usd": sum(attempt.cost_micro_usd for attempt in attempts) / 1_000_000,
            "calls": sum(attempt.calls for attempt in attempts),
            "input_tokens": sum(attempt.input_tokens for attempt in attempts),
            "output_tokens": sum(attempt.output_tokens for attempt in attempts),
            "not_run": list(self.not_run),
            "tasks": [task.as_json() for task in self.tasks],
        }
