"""Runs a suite: each attempt at a task is a mission on an embedded platform (or one for each track), scored when it ends."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from pathlib import Path

from infra.local.api import MissionsApi, bearer
from infra.local.files import collect
from infra.local.functions import internal_app
from infra.local.platform import Platform
from infra.local.quality.results import Attempt, TaskResult
from infra.local.quality.resuming import RunFolder, fingerprint
from infra.local.quality.scoring import Published, failures, failures_side_by_side
from infra.local.quality.serial import research_first
from infra.local.quality.spending import RunBudget
from infra.local.quality.tasks import Task
from schemas.analysis import AnalyticalReportPackage
from schemas.mission import Deadlines, MissionState, Tier, Track
from schemas.outcome import MissionOutcomePackage
from shared.documents import Json
from shared.errors import BadInput
from shared.inputs import store_input
from shared.models.selection import Selection
from shared.settings import Settings

_POLL_S = 0.2
_AT_ONCE = 4
_MICRO = Decimal("0.000001")


class Pattern(StrEnum):
    """How the two tracks and fusion work together."""

    INDEPENDENT = "independent"
    """Each track is a mission of its own; a check holds where it holds for one of the two reports."""
    SERIAL = "serial"
    """Research first, then the analysis, then fusion."""
    PARALLEL = "parallel"
    """The platform's own."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """How the tasks are run. ``task_usd``: the most that one attempt may spend; ``run_usd``: all of them together."""

    selection: Selection
    task_usd: Decimal
    pattern: Pattern = Pattern.PARALLEL
    repeat: int = 1
    run_usd: Decimal | None = None

    @property
    def task_micro_usd(self) -> int:
        """What an attempt can cost: nothing in the extractive tier."""
        return 0 if self.selection.tier is Tier.EXTRACTIVE else int(self.task_usd / _MICRO)

    def identity(self) -> dict[str, Json]:
        """What two calls have to agree on to be one run."""
        model = self.selection.model.model_dump(mode="json") if self.selection.model else None
        return {"tier": str(self.selection.tier), "model": model, "pattern": str(self.pattern), "task_budget": str(self.task_usd)}


def run_suite(
    settings: Settings, tasks: Sequence[Task], plan: RunPlan, *, token: str | None, stored: RunFolder | None = None
) -> Iterator[TaskResult | str]:
    """Each task's result, in the order of the suite, as soon as it is known; the name alone where the run's budget did not suffice."""
    cap = int(plan.run_usd / _MICRO) if plan.run_usd is not None else None
    budget = RunBudget(cap, spent_micro_usd=stored.spent_micro_usd if stored else 0)
    functions = research_first if plan.pattern is Pattern.SERIAL else internal_app
    with Platform(settings, command="kimera bench", functions=functions) as platform:
        api = MissionsApi.in_process(platform.public, token)
        bench = _Bench(platform, api, token, plan, budget, stored)
        try:
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="kimera-bench") as pool:
                try:
                    yield from pool.map(bench.task, tasks)
                finally:
                    bench.stop()
        finally:
            api.close()


class _Stopped(Exception):
    """Nobody waits for the result any more."""


class _Bench:
    def __init__(
        self, platform: Platform, api: MissionsApi, token: str | None, plan: RunPlan, budget: RunBudget, stored: RunFolder | None
    ) -> None:
        self._platform = platform
        self._api = api
        self._token = token
        self._plan = plan
        self._budget = budget
        self._stored = stored
        self._storing = threading.Lock()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Begin nothing more, and wait for no mission."""
        self._stopping.set()
        self._budget.close()

    def task(self, task: Task) -> TaskResult | str:
        """All attempts at the task that the budget allows, or its name."""
        attempts: list[Attempt] = []
        for repeat in range(self._plan.repeat):
            attempt = self._stored.find(task, repeat) if self._stored else None
            attempt = attempt or self._afforded(task, repeat)
            if attempt is None:
                return task.name
            attempts.append(attempt)
        return TaskResult(task.name, tuple(attempts))

    def _afforded(self, task: Task, repeat: int) -> Attempt | None:
        cap = self._plan.task_micro_usd
        if not self._budget.take(cap):
            return None
        spent = cap  # what an attempt cost that ended in an error is not known: as much as it could
        try:
            attempt = self._attempt(task, repeat)
            spent = attempt.cost_micro_usd
        finally:
            self._budget.give_back(cap, spent_micro_usd=spent)
        if self._stored:
            with self._storing:
                self._stored.add(attempt)
        return attempt

    def _attempt(self, task: Task, repeat: int) -> Attempt:
        parts = _parts(task, self._plan.pattern)
        try:
            ids = [self._submit(task, repeat, only, share=len(parts)) for only in parts]
        except BadInput as error:
            wrong = failures(task.content.checks, Published(None, None, refused=str(error)))
            digest = hashlib.sha256(str(error).encode()).hexdigest()
            return Attempt(
                task=task.name, repeat=repeat, fingerprint=fingerprint(task), status="REFUSED", failures=tuple(wrong), report=digest
            )
        states = [self._wait(mission_id) for mission_id in ids]
        published = [self._published(state) for state in states]
        reports = [
            p.outcome.model_dump_json(exclude={"provenance"}) if p.outcome else str(s.status)
            for p, s in zip(published, states, strict=True)
        ]
        shares = [share for mission_id in ids for share in self._api.costs_of_mission(mission_id, by="track").shares]
        first = [(s.reports[0].created_at - s.created_at).total_seconds() for s in states if s.reports]
        ended = [(s.ended_at - s.created_at).total_seconds() for s in states if s.ended_at]
        return Attempt(
            task=task.name,
            repeat=repeat,
            fingerprint=fingerprint(task),
            missions=tuple(ids),
            status=" ".join(dict.fromkeys(str(state.status) for state in states)),
            failures=tuple(failures_side_by_side(task.content.checks, published)),
            first_usable_s=min(first, default=None),
            total_s=max(ended, default=None),
            cost_micro_usd=sum(s.cost_so_far.settled_micro_usd + s.cost_so_far.reserved_micro_usd for s in states),
            calls=sum(share.calls for share in shares),
            input_tokens=sum(share.input_tokens for share in shares),
            output_tokens=sum(share.output_tokens for share in shares),
            report=hashlib.sha256("\n".join(reports).encode()).hexdigest(),
        )

    def _submit(self, task: Task, repeat: int, only: Track | None, *, share: int) -> str:
        runtime = self._platform.runtime
        owner = runtime.identity.owner(bearer(self._token))
        inputs: list[Json] = []
        for file in collect(task.data, task.documents):
            stored = store_input(runtime.artifacts, owner=owner, name=file.name, source=file.path)
            inputs.append({"uri": stored.uri, "kind": file.kind, "name": file.name, "sha256": stored.sha256, "size": stored.size})
        selection = self._plan.selection
        body: dict[str, Json] = {
            "question": task.content.question,
            "inputs": inputs,
            "output_guidelines": task.content.guidelines,
            "hints": task.content.hints.model_dump(mode="json"),
            "tier": str(selection.tier),
            "model": selection.model.model_dump(mode="json") if selection.model else None,
            "budget": {"cap_usd": str((self._plan.task_usd / share).quantize(_MICRO, ROUND_DOWN))},
            "mode": "benchmark",
        }
        if only is not None:
            body["tracks"] = {str(track): {"enabled": track is only} for track in Track}
        if selection.tier is not Tier.EXTRACTIVE:  # a late track would spend behind the result
            body["deadlines"] = {"late_s": Deadlines().hard_s}
        return self._api.submit(body, idempotency_key=self._key(task, repeat, only)).mission_id

    def _key(self, task: Task, repeat: int, only: Track | None) -> str | None:
        """In a run that can be resumed, an attempt that was left is the same mission when it is tried again."""
        if self._stored is None:
            return None
        return hashlib.sha256(f"{task.name}\n{repeat}\n{only or ''}".encode()).hexdigest()

    def _wait(self, mission_id: str) -> MissionState:
        runtime = self._platform.runtime
        while not self._stopping.is_set():
            mission = runtime.missions.get(mission_id)
            if mission.status.terminal:
                return runtime.missions.state(mission)
            runtime.clock.sleep(_POLL_S)
        raise _Stopped

    def _published(self, state: MissionState) -> Published:
        if not state.reports:
            return Published(None, None)
        outcome = MissionOutcomePackage.model_validate_json(self._api.report(state.mission_id, form="json"))
        handoff = state.track_status[Track.DS_STAR].handoff_uri
        analysis = AnalyticalReportPackage.model_validate_json(self._platform.runtime.artifacts.get(handoff)) if handoff else None
        return Published(outcome, analysis)


def _parts(task: Task, pattern: Pattern) -> list[Track | None]:
    """The missions of an attempt: one with both tracks (``None``), or one for each track that has files of its kind."""
    if pattern is not Pattern.INDEPENDENT:
        return [None]
    tracks = [track for track, files in ((Track.DEEP_RESEARCH, task.documents), (Track.DS_STAR, task.data)) if files]
    return [*tracks] or [None]


def bench_home(settings: Settings, folder: Path) -> Settings:
    """The same settings on a data folder of the bench's own."""
    return settings.model_copy(update={"home": folder})
