"""Runs Google Cloud Workflows definitions on one machine, as the service would.

``load`` a definition, ``start`` it with a ``Runner``, ``wait`` for its ``Outcome``. The package depends on nothing else of this project.

Text becomes a tree (``source``, ``parse``, ``actions``, ``expressions``), the tree becomes closures (``build*``, ``naming``, ``scopes``,
``targets``), and the ``scheduler`` runs them as generators (``interpreter``, ``frames``, ``effects``). ``stdlib`` has the library,
``limits`` every figure.
"""

from infra.local.workflows.clock import Clock, FastClock, RealClock
from infra.local.workflows.definition import Definition, load
from infra.local.workflows.errors import ArgumentError, DefinitionError, Problem, TransportError, WorkflowsError
from infra.local.workflows.execution import Execution, ExecutionError, Outcome, State
from infra.local.workflows.frames import LogEntry, StepEvent
from infra.local.workflows.httpx_transport import HttpxTransport
from infra.local.workflows.limits import SERVICE, Limits
from infra.local.workflows.runner import Runner
from infra.local.workflows.transport import HttpRequest, HttpResponse, TokenSource, Transport

__all__ = [
    "SERVICE",
    "ArgumentError",
    "Clock",
    "Definition",
    "DefinitionError",
    "Execution",
    "ExecutionError",
    "FastClock",
    "HttpRequest",
    "HttpResponse",
    "HttpxTransport",
    "Limits",
    "LogEntry",
    "Outcome",
    "Problem",
    "RealClock",
    "Runner",
    "State",
    "StepEvent",
    "TokenSource",
    "Transport",
    "TransportError",
    "WorkflowsError",
    "load",
]
