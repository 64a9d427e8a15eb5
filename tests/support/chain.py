"""The whole chain on real stores, with an endpoint in the provider's place that does what a test says."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path

from functions.lifecycle.ending import Ending
from schemas.base import Contract
from schemas.mission import Budget, MissionRequest, ModelChoice, Tier
from shared.documents import DocumentStore, Query
from shared.ledger.ledger import Ledger
from shared.ledger.records import DAYS, PURSES, DayRecord, PurseRecord
from shared.ledger.spending import spent_on
from shared.ledger.tranches import DayCap
from shared.missions.records import JOURNAL
from shared.missions.slices import SliceEngine
from shared.models.access import Chooses, Innermost, Installation, ModelAccess
from shared.models.calls import CallUsage, ModelAnswer, ModelCall, ModelSpec, Price, Sender
from shared.models.failures import Failure, RequestFailed
from shared.models.journal import Journal
from shared.models.prompts import Prompt
from shared.models.remote import Remote
from shared.models.roles import ModelRole
from shared.models.rows import JournalRow, RowState
from shared.models.turn import Turns
from shared.telemetry.tracing import Tracing
from shared.tracks import SliceContext, SliceOutcome
from tests.support.house import REQUEST, Count, CountingTrack, House

PRICE = Price(Decimal(1), Decimal(4))
PROMPT = '---\nid: test.adder\nversion: 1\noutput: Sum\ntoken_budget: 500\n---\nAdd.\n===\n{{ numbers | data("numbers") }}\n'
ASKING = REQUEST.model_copy(update={"tier": Tier.STANDARD})

Behaviour = Callable[[ModelCall], ModelAnswer]


USUAL = CallUsage(100, 20)


def answering(text: str = '{"total": 3}', usage: CallUsage | None = USUAL) -> Behaviour:
    """Answers with ``text``."""
    return lambda call: ModelAnswer(text, usage, "the-endpoint")


def failing(failure: Failure, *, retry_after_s: float | None = None) -> Behaviour:
    """Answers nothing, in this way."""

    def behave(call: ModelCall) -> ModelAnswer:
        raise RequestFailed(failure, f"it is {failure}", retry_after_s=retry_after_s)

    return behave


def over_the_bound(call: ModelCall) -> ModelAnswer:
    """An answer that took more than the request could have bounded."""
    return ModelAnswer('{"total": 3}', CallUsage(call.size_bytes * 2, call.max_output_tokens * 2), "the-endpoint")


@dataclass
class Endpoint:
    """A provider. Each request takes the next of ``next``; without one it is answered well. ``asked`` is what arrived."""

    next: deque[Behaviour] = field(default_factory=deque)
    asked: list[ModelCall] = field(default_factory=list)
    before: Callable[[ModelCall], None] = lambda call: None
    """Looks at each request as it arrives."""

    def send(self, call: ModelCall) -> ModelAnswer:
        self.before(call)
        self.asked.append(call)
        return self.next.popleft()(call) if self.next else answering()(call)

    def link(self, journal: Journal) -> Sender:
        return self

    def close(self) -> None:
        pass


class Listed:
    """A catalogue of one model for each tier."""

    def choose(self, tier: Tier, role: str, *, on: date, choice: ModelChoice | None = None) -> ModelSpec:
        return ModelSpec("openai", choice.name.partition(":")[2] if choice else f"model-{tier}", PRICE)


class Sum(Contract):
    """What the role answers."""

    total: int


def adder(folder: Path) -> ModelRole[Sum]:
    """A role that adds numbers."""
    path = folder / "adder.md.j2"
    path.write_text(PROMPT)
    return ModelRole("adder", Prompt(path), Sum, max_output_tokens=200)


class ChainHouse(House):
    """The control plane with models."""

    remote: Remote | None = None
    catalog: Callable[[], Chooses] = Listed
    turns: Turns | None = None

    def __init__(self, folder: Path, *, day_cap_micro_usd: int = 10_000_000, in_order: bool = True) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.folder = folder
        self.endpoint = Endpoint()
        self.role = adder(folder)
        self.ledger = Ledger(DayCap(day_cap_micro_usd, 2), self.clock)
        self.secrets: list[str] = []
        self.tracing = Tracing()
        self.in_order = in_order
        self.mission_id = ""
        self.start()

    def start(self, innermost: Innermost | None = None) -> None:
        """A new process: nothing is remembered but what is stored."""
        self.models = ModelAccess(
            Installation(
                documents=self.documents,
                artifacts=self.artifacts,
                clock=self.clock,
                tracing=self.tracing,
                ledger=lambda: self.ledger,
                catalog=self.catalog,
                innermost=innermost or self.endpoint,
                uniform=random.Random(7).random,
                secrets=lambda: self.secrets,
                instance="i_test",
                remote=self.remote,
                in_order=self.in_order,
                telemetry=self.telemetry,
                turns=self.turns,
            )
        )
        self.slices = SliceEngine(
            documents=self.documents,
            artifacts=self.artifacts,
            clock=self.clock,
            ids=self.ids,
            tracing=self.tracing,
            scratch=self.folder / "scratch",
            models=self.models,
            telemetry=self.telemetry,
        )
        self.ending = Ending(self.missions, self.audit, self.clock, self.models, self.telemetry)

    def rows(self) -> list[JournalRow]:
        """The journal, in the order in which it was written."""
        return rows(self.documents)


class AskingTrack(CountingTrack):
    """A track that asks a model in every slice: one question, then several at once. ``heard`` is what came back, by slice."""

    def __init__(self, role: ModelRole[Sum], *, slices: int = 3, questions: int = 3) -> None:
        super().__init__(slices)
        self._role = role
        self._questions = questions
        self.heard: dict[int, list[str]] = {}

    def step(self, context: SliceContext, state: Count) -> SliceOutcome[Count]:
        heard = self.heard[context.seq] = []
        if context.models is not None:
            first = context.models.ask_each(self._role, [{"numbers": [context.seq]}])
            others = [{"numbers": [context.seq, n]} for n in range(1, self._questions)]
            for answer in (*first, *context.models.ask_each(self._role, others)):
                heard.append(str(answer.total) if isinstance(answer, Sum) else answer.code)
        return super().step(context, state)


def rows(documents: DocumentStore) -> list[JournalRow]:
    """All rows of the journal."""
    found = [JournalRow.read(document) for document in documents.query(Query(JOURNAL))]
    return sorted(found, key=lambda row: (row.seq, row.ordinal, row.send))


def assert_books_balance(documents: DocumentStore) -> None:
    """Ledger and journal agree to the micro-dollar, and each row was settled as its state says."""
    journal = rows(documents)
    purses = [PurseRecord.read(document) for document in documents.query(Query(PURSES))]
    days = {DayRecord.read(document).day for document in documents.query(Query(DAYS))}
    spent = [documents.transact(lambda tx, day=day: spent_on(tx, day)) for day in days]  # type: ignore[misc]  # bound at once
    costs = sum(row.cost_micro_usd for row in journal)
    bounds = sum(row.bound_micro_usd for row in journal if row.state is RowState.SENT)
    assert (sum(p.settled for p in purses), sum(p.reserved for p in purses)) == (costs, bounds)
    assert (sum(d.settled_micro_usd for d in spent), sum(d.reserved_micro_usd for d in spent)) == (costs, bounds)
    for row in journal:
        match row.state:
            case RowState.SENT | RowState.FAILED:
                assert row.cost_micro_usd == 0
            case RowState.UNKNOWN:
                assert row.cost_micro_usd == row.bound_micro_usd
            case RowState.ANSWERED | RowState.REJECTED:
                assert row.cost_micro_usd == (row.usage.cost_micro_usd(PRICE) if row.usage else row.bound_micro_usd)
    keys = [row.key for row in journal if row.state.has_answer]
    assert len(keys) == len(set(keys)), "an answer was bought twice"


def with_budget(usd: str, *thresholds: float, request: MissionRequest = ASKING) -> MissionRequest:
    """The request with another cap."""
    return request.model_copy(update={"budget": Budget(cap_usd=Decimal(usd), thresholds=thresholds)})
