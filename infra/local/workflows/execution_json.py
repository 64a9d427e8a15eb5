"""An execution as the executions API shows it: the JSON form of ``google.cloud.workflows.executions.v1.Execution``."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from infra.local.workflows.errors import Place
from infra.local.workflows.execution import Execution, State
from infra.local.workflows.service import REVISION, Record
from infra.local.workflows.values import Json


def execution_json(record: Record, *, full: bool = True) -> dict[str, Json]:
    """What ``get`` gives with the view FULL, or BASIC. Fields without a value are left out."""
    execution = record.execution
    started, ended = execution.started_at, execution.ended_at
    shown: dict[str, Json] = {"name": record.name, "createTime": timestamp(record.created_at)}
    if started is not None:
        shown["startTime"] = timestamp(started)
    if ended is not None:
        shown["endTime"] = timestamp(ended)
    if started is not None:
        shown["duration"] = f"{max(0.0, (ended if ended is not None else started) - started):.6f}s"
    shown["state"] = execution.state.value
    shown["workflowRevisionId"] = REVISION
    return {**shown, **_details(record)} if full else shown


def _details(record: Record) -> dict[str, Json]:
    execution, outcome = record.execution, record.execution.outcome
    shown: dict[str, Json] = {"callLogLevel": record.call_log_level}
    if record.argument:
        shown["argument"] = record.argument
    if execution.labels:
        shown["labels"] = dict(execution.labels)
    if outcome is not None and outcome.state is State.SUCCEEDED:
        shown["result"] = _compact(outcome.result)
    if outcome is not None and outcome.error is not None:
        elements: list[Json] = [_element(place) for place in outcome.error.places]
        payload = _compact(outcome.error.payload)
        shown["error"] = {"payload": payload, "context": outcome.error.context, "stackTrace": {"elements": elements}}
    steps = _current(execution)
    if steps:
        shown["status"] = {"currentSteps": steps}
    return shown


def _compact(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _element(place: Place) -> Json:
    position: Json = {"line": str(place.line), "column": str(place.column), "length": str(place.length)}
    return {"step": place.step, "routine": place.routine, "position": position}


def _current(execution: Execution) -> list[Json]:
    last = execution.last_step
    return [{"routine": last.routine, "step": last.name}] if last is not None else []


def timestamp(at: float) -> str:
    """``at`` as RFC 3339 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
