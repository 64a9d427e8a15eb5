"""Runs definitions written in the tests, on a clock that takes no time and against mocks."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from infra.local.workflows import (
    SERVICE,
    ExecutionError,
    FastClock,
    Limits,
    LogEntry,
    Outcome,
    Runner,
    State,
    StepEvent,
    TokenSource,
    Transport,
    load,
)
from infra.local.workflows.mocks import MockTransport, parse_mocks
from infra.local.workflows.values import Json


@dataclass
class Bench:
    """Runs one definition after the other; what they did outside is in ``transport``, ``logs`` and ``events``."""

    clock: FastClock = field(default_factory=lambda: FastClock(1_000_000.0))
    transport: Transport = field(default_factory=lambda: MockTransport([]))
    logs: list[LogEntry] = field(default_factory=list)
    events: list[StepEvent] = field(default_factory=list)
    limits: Limits = SERVICE
    env: Mapping[str, str] = field(default_factory=dict)
    token_source: TokenSource | None = None
    order: random.Random | None = None

    def mock(self, *entries: object) -> MockTransport:
        transport = MockTransport(parse_mocks(list(entries)))
        self.transport = transport
        return transport

    def outcome(self, definition: str, argument: Json = None) -> Outcome:
        loaded = load(textwrap.dedent(definition).lstrip("\n"), name="test")
        with Runner(
            transport=self.transport,
            clock=self.clock,
            env=self.env,
            token_source=self.token_source,
            log=self.logs.append,
            limits=self.limits,
            unique=lambda: "00000000-0000-4000-8000-000000000000",
            order=self.order,
        ) as runner:
            return runner.start(loaded, argument, execution_id="run-1", on_step=self.events.append).wait(20)

    def result(self, definition: str, argument: Json = None) -> Json:
        outcome = self.outcome(definition, argument)
        assert outcome.state is State.SUCCEEDED, outcome.error
        return outcome.result

    def error(self, definition: str, argument: Json = None) -> ExecutionError:
        outcome = self.outcome(definition, argument)
        assert outcome.state is State.FAILED, outcome.result
        assert outcome.error is not None
        return outcome.error

    def tags(self, definition: str, argument: Json = None) -> list[Json]:
        payload = self.error(definition, argument).payload
        assert isinstance(payload, dict)
        tags = payload["tags"]
        assert isinstance(tags, list)
        return tags

    def value(self, expression: str, argument: Json = None) -> Json:
        """The value of one expression; the argument is the variable ``a``."""
        return self.result(_returning(expression), argument)

    def value_tags(self, expression: str, argument: Json = None) -> list[Json]:
        return self.tags(_returning(expression), argument)


def _returning(expression: str) -> str:
    quoted = ("${" + expression + "}").replace("'", "''")
    return f"main:\n  params: [a]\n  steps:\n    - done:\n        return: '{quoted}'\n"


@pytest.fixture
def bench() -> Bench:
    return Bench()
