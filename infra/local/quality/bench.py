"""Runs a suite: each task is a mission on an embedded platform, scored when it ends."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.local.api import MissionsApi, bearer
from infra.local.files import collect
from infra.local.platform import Platform
from infra.local.quality.scoring import Published, failures
from infra.local.quality.tasks import Task
from schemas.analysis import AnalyticalReportPackage
from schemas.mission import MissionState, Tier, Track
from schemas.outcome import MissionOutcomePackage
from shared.documents import Json
from shared.errors import BadInput
from shared.inputs import store_input
from shared.settings import Settings

_POLL_S = 0.2
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Attempt:
    """One mission of a task. Times are seconds from submission; ``report`` is the outcome without its provenance."""

    mission_id: str | None
    status: str
    failures: tuple[str, ...]
    first_usable_s: float | None
    total_s: float | None
    cost_micro_usd: int
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
    def identical(self) -> bool:
        """Whether all attempts gave the same report."""
        return len({attempt.report for attempt in self.attempts}) == 1

    def as_json(self) -> dict[str, Json]:
        """The result for a program."""
        first = self.attempts[0]
        wrong: list[Json] = [*dict.fromkeys(failure for attempt in self.attempts for failure in attempt.failures)]
        return {
            "name": self.name,
            "passed": self.passed,
            "failures": wrong,
            "identical": self.identical,
            "status": first.status,
            "missions": [attempt.mission_id for attempt in self.attempts],
            "first_usable_s": first.first_usable_s,
            "total_s": first.total_s,
            "cost_usd": sum(attempt.cost_micro_usd for attempt in self.attempts) / 1_000_000,
        }


@dataclass(frozen=True, slots=True)
class SuiteResult:
    """All tasks of a suite."""

    suite: str
    tasks: tuple[TaskResult, ...]

    @property
    def passed(self) -> int:
        """How many tasks did."""
        return sum(task.passed for task in self.tasks)

    @property
    def share(self) -> float:
        """The share that passed."""
        return self.passed / len(self.tasks)

    def as_json(self) -> dict[str, Json]:
        """The result for a program."""
        waits = [a.first_usable_s for task in self.tasks for a in task.attempts if a.first_usable_s is not None]
        return {
            "suite": self.suite,
            "total": len(self.tasks),
            "passed": self.passed,
            "failed": len(self.tasks) - self.passed,
            "share": round(self.share, 4),
            "identical": all(task.identical for task in self.tasks),
            "first_usable_p50_s": round(statistics.median(waits), 3) if waits else None,
            "cost_usd": sum(a.cost_micro_usd for task in self.tasks for a in task.attempts) / 1_000_000,
            "tasks": [task.as_json() for task in self.tasks],
        }


def run_suite(settings: Settings, tasks: Sequence[Task], *, repeat: int, token: str | None) -> Iterator[TaskResult]:
    """Each task's result, in the order of the suite, as soon as it is known."""
    with Platform(settings, command="kimera bench") as platform:
        api = MissionsApi.in_process(platform.public, token)
        bench = _Bench(platform, api, token)
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kimera-bench") as pool:
            yield from pool.map(lambda task: TaskResult(task.name, tuple(bench.attempt(task) for _ in range(repeat))), tasks)
        api.close()


class _Bench:
    def __init__(self, platform: Platform, api: MissionsApi, token: str | None) -> None:
        self._platform = platform
        self._api = api
        self._token = token

    def attempt(self, task: Task) -> Attempt:
        try:
            mission_id = self._submit(task)
        except BadInput as error:
            wrong = failures(task.content.checks, Published(None, None, refused=str(error)))
            return Attempt(None, "REFUSED", tuple(wrong), None, None, 0, str(error))
        state = self._wait(mission_id)
        published = self._published(state)
        first = (state.reports[0].created_at - state.created_at).total_seconds() if state.reports else None
        report = published.outcome.model_dump_json(exclude={"provenance"}) if published.outcome else str(state.status)
        return Attempt(
            mission_id=mission_id,
            status=str(state.status),
            failures=tuple(failures(task.content.checks, published)),
            first_usable_s=first,
            total_s=(state.ended_at - state.created_at).total_seconds() if state.ended_at else None,
            cost_micro_usd=state.cost_so_far.settled_micro_usd,
            report=report,
        )

    def _submit(self, task: Task) -> str:
        runtime = self._platform.runtime
        owner = runtime.identity.owner(bearer(self._token))
        inputs: list[Json] = []
        for file in collect(task.data, task.documents):
            stored = store_input(runtime.artifacts, owner=owner, name=file.name, source=file.path)
            inputs.append({"uri": stored.uri, "kind": file.kind, "name": file.name, "sha256": stored.sha256, "size": stored.size})
        body: dict[str, Json] = {
            "question": task.content.question,
            "inputs": inputs,
            "hints": task.content.hints.model_dump(mode="json"),
            "tier": str(runtime.settings.tier or Tier.EXTRACTIVE),
            "budget": {"cap_usd": str(runtime.settings.budget_usd)},
            "mode": "benchmark",
        }
        return self._api.submit(body).mission_id

    def _wait(self, mission_id: str) -> MissionState:
        runtime = self._platform.runtime
        while True:
            mission = runtime.missions.get(mission_id)
            if mission.status.terminal:
                return runtime.missions.state(mission)
            runtime.clock.sleep(_POLL_S)

    def _published(self, state: MissionState) -> Published:
        if not state.reports:
            return Published(None, None)
        outcome = MissionOutcomePackage.model_validate_json(self._api.report(state.mission_id, form="json"))
        handoff = state.track_status[Track.DS_STAR].handoff_uri
        analysis = AnalyticalReportPackage.model_validate_json(self._platform.runtime.artifacts.get(handoff)) if handoff else None
        return Published(outcome, analysis)


def bench_home(settings: Settings, folder: Path) -> Settings:
    """The same settings on a data folder of the bench's own."""
    return settings.model_copy(update={"home": folder})
