"""Listing executions: pages, filters and order, as the executions API documents them (method executions.list)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from infra.local.workflows.execution_json import execution_json
from infra.local.workflows.service import REVISION, Record, Service, ServiceError
from infra.local.workflows.values import Json

_MOST: Final = 1000  # executions.list page: pageSize above it is lowered
_DEFAULT: Final = {False: 1000, True: 100}  # for the views BASIC and FULL
_TERM: Final = re.compile(r'\s*([A-Za-z_.]+(?:\["?[^"\]]*"?\])?)\s*(!=|<=|>=|=|<|>|:)\s*("(?:[^"\\]|\\.)*"|\S+)\s*')
_COMPARE: Final[dict[str, Callable[[str | float, str | float], bool]]] = {
    "=": lambda a, b: a == b,
    ":": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]  # both are of one kind
    ">": lambda a, b: a > b,  # type: ignore[operator]  # both are of one kind
    "<=": lambda a, b: a <= b,  # type: ignore[operator]  # both are of one kind
    ">=": lambda a, b: a >= b,  # type: ignore[operator]  # both are of one kind
}


def list_json(service: Service, parent: str, options: Mapping[str, str | int]) -> dict[str, Json]:
    """``{"executions": [...], "nextPageToken": ...}``. ``options`` are the query's: pageSize, pageToken, view, filter, orderBy."""
    found, token = page(service, parent, options)
    full = options.get("view") == "FULL"
    shown: list[Json] = [execution_json(record, full=full) for record in found]
    answer: dict[str, Json] = {"executions": shown} if shown else {}
    return {**answer, "nextPageToken": token} if token else answer


def page(service: Service, parent: str, options: Mapping[str, str | int]) -> tuple[list[Record], str]:
    """The records of one page and the token of the next one. Raises ServiceError (INVALID_ARGUMENT)."""
    fits = _filter(str(options.get("filter", "")))
    records = [record for record in service.of_workflow(parent) if fits(record)]
    records = _ordered(records, str(options.get("orderBy", "")))
    size = _number(options.get("pageSize", 0), "pageSize")
    size = min(size or _DEFAULT[options.get("view") == "FULL"], _MOST)
    token = str(options.get("pageToken", ""))
    start = 0
    if token:
        names = [record.name.rpartition("/")[2] for record in records]
        if token not in names:
            raise ServiceError("INVALID_ARGUMENT", "the page token is not of this list")
        start = names.index(token)
    after = records[start + size : start + size + 1]
    return records[start : start + size], after[0].name.rpartition("/")[2] if after else ""


def _number(value: str | int, what: str) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if number < 0:
        raise ServiceError("INVALID_ARGUMENT", f"{what} has to be a number that is not negative")
    return number


def _filter(text: str) -> Callable[[Record], bool]:
    """Whether every term of a filter holds: ``state="SUCCEEDED" AND duration > 5s``."""
    terms: list[tuple[Field, str, str]] = []
    for part in re.split(r"\s+AND\s+", text.strip()) if text.strip() else ():
        match = _TERM.fullmatch(part)
        if match is None:
            raise ServiceError("INVALID_ARGUMENT", f'not a filter: {part!r}; write for instance state="SUCCEEDED" AND duration > 5s')
        value = match[3]
        terms.append((_field(match[1]), match[2], value[1:-1].replace('\\"', '"') if value.startswith('"') else value))

    def fits(record: Record) -> bool:
        found = ((field(record), operator, value) for field, operator, value in terms)
        return all(_COMPARE[operator](have, _like(have, value)) for have, operator, value in found)

    return fits


def _like(have: str | float, want: str) -> str | float:
    if isinstance(have, str):
        return want
    try:
        return float(want.removesuffix("s"))
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(want).timestamp()
    except ValueError:
        raise ServiceError("INVALID_ARGUMENT", f"not a time or a duration: {want!r}") from None


def _field(name: str) -> Field:
    """Reads the field of that name; a label is ``labels.name`` or ``labels["name"]``."""
    label = re.fullmatch(r'labels(?:\.|\["?)([^"\]]+)"?\]?', name)
    if label is not None:
        key = label[1]
        return lambda record: record.execution.labels.get(key, "")
    field = _FIELDS.get(name.replace("_", "").lower())
    if field is None:
        raise ServiceError("INVALID_ARGUMENT", f"executions cannot be filtered or ordered by {name!r}")
    return field


def _duration(record: Record) -> float:
    execution = record.execution
    return max(0.0, (execution.ended_at or 0.0) - (execution.started_at or 0.0))


Field = Callable[[Record], "str | float"]
_FIELDS: Final[dict[str, Field]] = {
    "executionid": lambda record: record.execution.id,
    "name": lambda record: record.name,
    "state": lambda record: record.execution.state.value,
    "createtime": lambda record: record.created_at,
    "starttime": lambda record: record.execution.started_at or 0.0,
    "endtime": lambda record: record.execution.ended_at or 0.0,
    "duration": _duration,
    "workflowrevisionid": lambda record: REVISION,
}


def _ordered(records: list[Record], text: str) -> list[Record]:
    """By the fields of ``text`` (``startTime desc, duration``); newest first without one."""
    for part in reversed([part.split() for part in text.split(",") if part.strip()]):
        name, direction = part[0], part[1].lower() if len(part) > 1 else "asc"
        if direction not in ("asc", "desc") or len(part) > 2:
            raise ServiceError("INVALID_ARGUMENT", f"not an order: {' '.join(part)!r}")
        records = sorted(records, key=_field(name), reverse=direction == "desc")
    return records
