"""Connectors: what answers ``googleapis.*`` calls.

A ``Connectors`` is a list of names (``*`` stands for any characters), each with what answers it; the first that fits is asked. Ready
ones: mocks (``mock_connectors``), an emulator's HTTP API (``http_connectors``) and executions of other workflows
(``execution_connectors``). Pages: connectors, reference/googleapis ("Invoke a connector call").
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from infra.local.workflows.effects import Coroutine
from infra.local.workflows.errors import WorkflowError, failure, value_failure
from infra.local.workflows.limits import YEAR_S
from infra.local.workflows.stdlib.signature import boolean, mapping, number, sequence, string
from infra.local.workflows.values import Value

if TYPE_CHECKING:
    from infra.local.workflows.frames import Run


class Connector(Protocol):
    """Answers the calls of one or more names."""

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        """Make the call; the value is its result. Raises WorkflowError."""
        ...


class Connectors:
    """Connectors by name."""

    def __init__(self, entries: Sequence[tuple[str, Connector]]) -> None:
        self._entries = [(pattern(name), connector) for name, connector in entries]

    def start(self, run: Run, name: str, arguments: dict[str, Value]) -> Coroutine:
        """Make the call through the first connector whose name fits."""
        for fits, connector in self._entries:
            if fits.fullmatch(name):
                return (yield from connector.start(run, name, arguments))
        raise no_connector(name)


def pattern(text: str) -> re.Pattern[str]:
    """``text`` as a pattern in which ``*`` stands for any characters."""
    return re.compile(".*".join(re.escape(part) for part in text.split("*")), re.DOTALL)


def no_connector(name: str) -> WorkflowError:
    """The error of a call that nothing here answers."""
    return failure("SystemError", f"nothing answers the connector '{name}' here: give it a mock (- call: {name}) or an emulator")


@dataclass(frozen=True, slots=True)
class ConnectorParams:
    """``connector_params`` of a call. The defaults are those of the page reference/googleapis."""

    timeout_s: float = 1800.0
    initial_delay_s: float = 1.0
    multiplier: float = 1.25
    max_delay_s: float = 60.0
    skip_polling: bool = False
    scopes: tuple[str, ...] = ()

    def delay(self, polls: int) -> float:
        """Seconds to wait after ``polls`` polls."""
        try:
            return min(self.max_delay_s, self.initial_delay_s * self.multiplier**polls)
        except OverflowError:
            return self.max_delay_s


_KEYS: Final = {"timeout", "polling_policy", "skip_polling", "scopes"}
_POLICY: Final = {"initial_delay", "multiplier", "max_delay"}


def read_params(arguments: dict[str, Value]) -> tuple[ConnectorParams, dict[str, Value]]:
    """The ``connector_params`` among the arguments, and the other arguments."""
    others = {key: value for key, value in arguments.items() if key != "connector_params"}
    given = arguments.get("connector_params")
    if given is None:
        return ConnectorParams(), others
    params = mapping(given, "connector_params")
    policy = mapping(params.get("polling_policy") or {}, "polling_policy")
    unknown = [*(set(params) - _KEYS), *(set(policy) - _POLICY)]
    if unknown:
        raise value_failure(f"connector_params has no '{min(unknown)}'")
    scopes = params.get("scopes")
    return ConnectorParams(
        timeout_s=_seconds(params, "timeout", 1800.0, YEAR_S),
        initial_delay_s=_seconds(policy, "initial_delay", 1.0, YEAR_S),
        multiplier=_seconds(policy, "multiplier", 1.25, 1e6),
        max_delay_s=_seconds(policy, "max_delay", 60.0, YEAR_S),
        skip_polling=boolean(params.get("skip_polling", False), "skip_polling"),
        scopes=(scopes,) if isinstance(scopes, str) else tuple(string(item, "a scope") for item in sequence(scopes or [], "scopes")),
    ), others


def _seconds(values: dict[str, Value], key: str, default: float, most: float) -> float:
    value = values.get(key)
    chosen = default if value is None else float(number(value, key))
    if not (math.isfinite(chosen) and 0 < chosen <= most):
        raise value_failure(f"{key} has to be above 0 and at most {most:.0f}")
    return chosen


def operation_failure(message: str, operation: Value, tag: str = "OperationError") -> WorkflowError:
    """A long-running operation that ended badly; ``operation`` is what it ended as, ``error`` what it says went wrong."""
    error = operation.get("error") if isinstance(operation, dict) else None
    return WorkflowError({"message": message, "tags": [tag], "operation": operation, "error": error})
