"""The HTTP API as an OpenAPI 3.1 document, made from the contracts; ``schemas/openapi.yaml`` is its exported text.

``tests/contract/test_openapi.py`` holds the application to it: every route is documented, and answers as documented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml
from pydantic import BaseModel, JsonValue
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from functions.missions.answers import (
    CURSOR,
    Accepted,
    CostReport,
    DeadLetter,
    DeadLetterPage,
    Deleted,
    DiscardRequest,
    EventPage,
    Health,
    MissionPage,
    ReportDifference,
    StoredInput,
)
from schemas.mission import MissionRequest, MissionState, MissionStatus
from schemas.outcome import MissionOutcomePackage
from schemas.problem import Problem
from shared.problems import MAX_REQUEST_ID_CHARS
from shared.version import VERSION

_REF = "#/components/schemas/{model}"
_JSON = "application/json"
_PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: what it takes, what it answers with, and which errors it knows."""

    method: str
    path: str
    summary: str
    status: int
    answer: type[BaseModel] | None
    errors: Sequence[int]
    """Beside 400, which all know that look at their query: an unknown parameter."""
    body: type[BaseModel] | None = None
    parameters: Sequence[Mapping[str, JsonValue]] = ()
    also: Mapping[str, JsonValue] | None = None
    """Media types beside ``answer``'s JSON, as OpenAPI content."""
    any_query: bool = False
    """Whether any query parameter is taken, and passed over."""


def _parameter(name: str, where: str, schema: dict[str, JsonValue], description: str) -> dict[str, JsonValue]:
    return {"name": name, "in": where, "required": where == "path", "description": description, "schema": schema}


_ID = _parameter("mission_id", "path", {"type": "string"}, "The mission's id.")
_BY = _parameter(
    "by",
    "query",
    {"type": "string", "enum": ["track", "role", "model", "tool", "mission"], "default": "track"},
    "What the shares are of.",
)
_LETTER_NAME: dict[str, JsonValue] = {"type": "string", "pattern": "^[^/]+$"}
_NAMES_OF_LETTERS = "It has no `/`, only printable characters, and at most 1,000 bytes in UTF-8; one that no letter has is 404."
_LETTER = _parameter("name", "path", _LETTER_NAME, f"The dead letter's name. {_NAMES_OF_LETTERS}")
_VERSION: dict[str, JsonValue] = {"type": "integer", "minimum": 1}
_TEXT: dict[str, JsonValue] = {"schema": {"type": "string"}}
_REQUEST_ID: dict[str, JsonValue] = {
    "X-Request-Id": {
        "description": "What the log calls this request; a usable one that the caller sent comes back.",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_REQUEST_ID_CHARS},
    }
}
_HEADERS_OF: dict[int, dict[str, JsonValue]] = {
    401: {"WWW-Authenticate": {"description": "How to say who is calling.", "required": True, "schema": {"const": "Bearer"}}},
    503: {"Retry-After": {"description": "In how many seconds to ask again.", "schema": {"type": "integer", "minimum": 1}}},
}
_BYTES: dict[str, JsonValue] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}

OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/healthz", "Whether the platform answers; any query parameter is passed over", 200, Health, (), any_query=True),
    Operation("GET", "/health", "The same: Cloud Run keeps paths that end in z for itself", 200, Health, (), any_query=True),
    Operation("GET", "/openapi.json", "This document", 200, None, (), also={"application/json": {"schema": {"type": "object"}}}),
    Operation(
        "POST",
        "/missions",
        "Submit a mission",
        202,
        Accepted,
        (401, 409, 413, 415, 422),
        body=MissionRequest,
        parameters=(
            _parameter(
                "Idempotency-Key",
                "header",
                {"type": "string", "minLength": 1, "maxLength": 200},
                "The same key and body again give the same mission; the same key with another body is 409.",
            ),
        ),
    ),
    Operation(
        "GET",
        "/missions",
        "The caller's missions, newest first",
        200,
        MissionPage,
        (401,),
        parameters=(
            _parameter("status", "query", {"type": "string", "enum": [str(status) for status in MissionStatus]}, "Those alone."),
            _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "How many at most."),
            _parameter("after", "query", {"type": "string", "pattern": f"^{CURSOR}$"}, "The `next` of the page before."),
        ),
    ),
    Operation("GET", "/missions/{mission_id}", "Where a mission stands", 200, MissionState, (401, 404), parameters=(_ID,)),
    Operation(
        "DELETE",
        "/missions/{mission_id}",
        "Delete a mission that has ended, with everything it wrote",
        200,
        Deleted,
        (401, 404, 409),
        parameters=(_ID,),
    ),
    Operation(
        "POST",
        "/missions/{mission_id}/cancel",
        "Ask a mission to stop; what there is gets fused",
        200,
        MissionState,
        (401, 404),
        parameters=(_ID,),
    ),
    Operation("GET", "/missions/{mission_id}/events", "What happened, in time order", 200, EventPage, (401, 404), parameters=(_ID,)),
    Operation(
        "GET",
        "/missions/{mission_id}/costs",
        "What a mission has cost, and who or what the money went to",
        200,
        CostReport,
        (401, 404),
        parameters=(_ID, _BY),
    ),
    Operation(
        "GET",
        "/costs",
        "What a day has cost; shares and single calls of the caller's missions only",
        200,
        CostReport,
        (401,),
        parameters=(
            _BY,
            _parameter("day", "query", {"type": "string", "format": "date"}, "A day in UTC; else today."),
        ),
    ),
    Operation(
        "GET",
        "/missions/{mission_id}/report",
        "A published report",
        200,
        MissionOutcomePackage,
        (401, 404),
        parameters=(
            _ID,
            _parameter("format", "query", {"type": "string", "enum": ["md", "html", "json"], "default": "md"}, "Which format."),
            _parameter("version", "query", {"type": "integer", "minimum": 1}, "An earlier version; else the newest."),
        ),
        also={"text/markdown": _TEXT, "text/html": _TEXT},
    ),
    Operation(
        "GET",
        "/missions/{mission_id}/report/changes",
        "What two versions of a report differ in: statements, figures, verdicts, flags",
        200,
        ReportDifference,
        (401, 404),
        parameters=(
            _ID,
            _parameter("from", "query", _VERSION, "The older version; else the one before `to`."),
            _parameter("to", "query", _VERSION, "The newer version; else the newest."),
        ),
    ),
    Operation(
        "GET",
        "/dead-letters",
        "The caller's messages that could not be delivered, newest first",
        200,
        DeadLetterPage,
        (401, 404),
        parameters=(
            _parameter("status", "query", {"type": "string", "enum": ["kept", "replayed", "discarded"]}, "Those alone."),
            _parameter("mission_id", "query", {"type": "string"}, "Those of this mission alone."),
            _parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 500, "default": 100}, "How many at most."),
            _parameter("after", "query", _LETTER_NAME, f"The `next` of the page before: a letter's name. {_NAMES_OF_LETTERS}"),
        ),
    ),
    Operation("GET", "/dead-letters/{name}", "One dead letter", 200, DeadLetter, (401, 404), parameters=(_LETTER,)),
    Operation(
        "POST",
        "/dead-letters/{name}/replay",
        "Deliver it again to its handler, as the first time",
        200,
        DeadLetter,
        (401, 404, 409),
        parameters=(
            _LETTER,
            _parameter("again", "query", {"type": "boolean", "default": False}, "Also where it was replayed before, which is 409 else."),
        ),
    ),
    Operation(
        "POST",
        "/dead-letters/{name}/discard",
        "Mark it as not needed any more; a replay takes that back",
        200,
        DeadLetter,
        (401, 404, 413, 415),
        body=DiscardRequest,
        parameters=(_LETTER,),
    ),
    Operation(
        "PUT",
        "/inputs/{name}",
        "Upload a file, to be named in a mission's inputs by the uri in the answer",
        201,
        StoredInput,
        (401, 411, 413, 415),
        parameters=(_parameter("name", "path", {"type": "string", "maxLength": 200}, "The file's name."),),
    ),
)


def document() -> dict[str, JsonValue]:
    """The OpenAPI document."""
    paths: dict[str, JsonValue] = {}
    for operation in OPERATIONS:
        at = paths.setdefault(operation.path, {})
        assert isinstance(at, dict)
        at[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "KIMERA",
            "version": VERSION,
            "description": "Missions: a question with data and documents becomes one report whose every claim and figure can be traced. "
            "Refused (400) are a query parameter that an operation does not have or that is given twice, and a JSON body in which one "
            "object has a key twice.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def text() -> str:
    """The document as YAML; the same code gives the same bytes."""
    written: str = yaml.dump(document(), Dumper=_NoAliases, sort_keys=False, allow_unicode=True, width=140)
    return "# Made from the contracts by `kimera schemas export`; change functions/missions/openapi.py, not this file.\n" + written


class _NoAliases(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def _described(operation: Operation) -> dict[str, JsonValue]:
    content: dict[str, JsonValue] = dict(operation.also or {})
    if operation.answer is not None:
        content[_JSON] = {"schema": _reference(operation.answer)}
    responses: dict[str, JsonValue] = {
        str(operation.status): {"description": operation.summary, "headers": dict(_REQUEST_ID), "content": content}
    }
    for status in (*(() if operation.any_query else (_UNKNOWN_PARAMETER,)), *operation.errors):
        responses[str(status)] = _problem(_ERRORS[status], _HEADERS_OF.get(status))
    responses["default"] = _problem("Any other error", _HEADERS_OF[503])
    described: dict[str, JsonValue] = {"summary": operation.summary, "operationId": _operation_id(operation)}
    if operation.parameters:
        described["parameters"] = [dict(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": {_JSON: {"schema": _reference(operation.body)}}}
    elif operation.method == "PUT":
        described["requestBody"] = {
            "required": False,
            "description": "The file's bytes, announced by Content-Length or in chunks; none of them is a file without content.",
            "content": dict(_BYTES),
        }
    described["responses"] = responses
    return described


def _problem(description: str, headers: Mapping[str, JsonValue] | None = None) -> dict[str, JsonValue]:
    return {
        "description": description,
        "headers": {**_REQUEST_ID, **(headers or {})},
        "content": {_PROBLEM: {"schema": _reference(Problem)}},
    }


_UNKNOWN_PARAMETER = 400
"""What every operation may answer that looks at its query."""
_ERRORS = {
    _UNKNOWN_PARAMETER: "The request is wrong; `fields` names each field and each query parameter that is",
    401: "Who is calling is not known",
    404: "There is none that the caller may see",
    409: "It contradicts what is stored",
    411: "No body was announced",
    413: "Over a stated limit",
    415: "The body is of a kind that is not read",
    422: "Understood as a message, not as a mission",
}


def _operation_id(operation: Operation) -> str:
    parts = [part.strip("{}") for part in operation.path.strip("/").split("/")]
    return "_".join([operation.method.lower(), *parts])


def _reference(model: type[BaseModel]) -> dict[str, JsonValue]:
    return {"$ref": _REF.format(model=model.__name__)}


def _schemas() -> dict[str, JsonValue]:
    """What is sent as it is read, what is answered as it is written: there, every field is present."""
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(o.body, "validation") for o in OPERATIONS if o.body is not None]
    models.append((Problem, "serialization"))
    models += [(operation.answer, "serialization") for operation in OPERATIONS if operation.answer is not None]
    _, definitions = models_json_schema(list(dict.fromkeys(models)), ref_template=_REF)
    found: dict[str, JsonValue] = definitions["$defs"]
    return dict(sorted(found.items()))
